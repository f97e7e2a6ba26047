# Sourced: install_packages NAME… by apt, as root or through sudo; otherwise says what to install.
install_packages() {
    if [ "$(id -u)" = 0 ]; then
        as_root=""
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo"
    else
        echo "Please install these packages, then run make again: sudo apt-get install $*" >&2
        exit 2
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "Please install these packages, then run make again: $*" >&2
        exit 2
    fi
    echo "Installing $* …" >&2
    $as_root apt-get update -qq >/dev/null
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
