#!/bin/sh
# Puts uv into .uv/ where the machine has none: by pip in a virtual environment of its own, nothing else is touched.
# On Debian, python3 alone cannot make one; the package python3-venv is installed then.
set -eu
cd "$(dirname "$0")/.."
version=0.13.9

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Ebbtide needs python3, version 3.11 or newer: install it, then run make again." >&2
    exit 2
fi
rm -rf .uv
if ! python3 -m venv .uv >/dev/null 2>&1; then
    rm -rf .uv
    . tools/apt.sh
    install_packages python3-venv
    python3 -m venv .uv
fi
.uv/bin/pip install --quiet --disable-pip-version-check "uv==$version"
