#!/bin/sh
# Prints the path of a Python 3.13 that can make virtual environments, or says how to get one.
# Looked at, in this order: $PYTHON, PATH, pyenv's versions, uv's, the Windows-style launcher.
set -u

works() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

for candidate in \
    "${PYTHON:-}" \
    python3.13 python3 python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python \
    /usr/local/bin/python3.13 /opt/python/3.13*/bin/python3 \
    "$HOME"/.local/share/uv/python/cpython-3.13*/bin/python3.13; do
    [ -n "$candidate" ] || continue
    if works "$candidate"; then
        "$candidate" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done
if command -v py >/dev/null 2>&1 && py -3.13 -c 'import venv, ensurepip' >/dev/null 2>&1; then
    py -3.13 -c 'import sys; print(sys.executable)'
    exit 0
fi

cat >&2 <<'MESSAGE'
No Python 3.13 with the venv module was found (looked at $PYTHON, PATH, pyenv, uv and the py launcher).
Get one in any of these ways, then run the same command again:
  Ubuntu 25.04 or newer:    apt-get install python3.13 python3.13-venv
  any system with pyenv:    pyenv install 3.13
  any system with uv:       uv python install 3.13
  somewhere else already:   make PYTHON=/path/to/python3.13 ...
MESSAGE
exit 1
