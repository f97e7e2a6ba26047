#!/bin/sh
# The browser tests drive a real Chromium: the one that is there, or Debian's.
set -eu
cd "$(dirname "$0")/.."
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
. tools/apt.sh
install_packages chromium
