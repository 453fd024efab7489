#!/bin/sh
# Makes .venv beside this folder with interpviz and everything it needs, at the versions of constraints.txt.
#
# System libraries come by apt, where this may use it (root, or sudo without a password); otherwise the line to run
# is printed and nothing is installed. Set PYTHON to choose the interpreter.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "$1" >&2
    exit 1
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "interpviz needs Python 3.11, 3.12 or 3.13. Install one, or name it: PYTHON=/path/to/python3.11 make demo"
}

missing_packages() {
    found=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)
    while read -r library packages; do
        case "$library" in
        '#'* | '') ;;
        *.so.*) case "$found" in *"$library "*) ;; *) printf '%s ' "$packages" ;; esac ;;
        *) command -v "$library" >/dev/null || printf '%s ' "$packages" ;;
        esac
    done <resources/system-libraries.txt
    "$python" -c 'import ensurepip, venv' 2>/dev/null || printf 'python3-venv '
}

install_packages() {
    line="apt-get update && apt-get install -y --no-install-recommends $1"
    command -v apt-get >/dev/null || fail "This system lacks what the Debian packages $1 carry. Install it, then run this again."
    if [ "$(id -u)" = 0 ]; then
        sh -c "export DEBIAN_FRONTEND=noninteractive; $line"
    elif sudo -n true 2>/dev/null; then
        sudo -n sh -c "export DEBIAN_FRONTEND=noninteractive; $line"
    else
        fail "System libraries are missing, and installing them needs root. Run this line, then the same command again:
    sudo sh -c '$line'"
    fi
}

python=$(find_python)
if [ "$(uname)" = Linux ]; then
    packages=$(missing_packages)
    [ -z "$packages" ] || install_packages "$packages"
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "Installing interpviz into .venv; the first time this fetches some hundred megabytes."
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
