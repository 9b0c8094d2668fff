# Sourced by app and test: the virtual environment in .venv, made once and kept up to date.
# Works with the bash 3.2 of macOS.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="$root/.venv/bin/python"

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
            2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "No Python 3.11, 3.12 or 3.13 was found. Install one, or name it: PYTHON=/path/to/python3.12"
}

# prepare_venv FILE: install a requirements file, if it has changed since the last time.
prepare_venv() {
    local file="$1" stamp wanted
    stamp="$root/.venv/installed-$(basename "$file" .txt)"
    wanted="$(cat "$root/requirements.txt" "$root/$file" | cksum)"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    if [ ! -x "$python" ]; then
        local base
        base="$(find_python)" || exit 1
        "$base" -m venv "$root/.venv" ||
            die "$base cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv"
    fi
    say "Installing what $file names into .venv; the first time this takes some minutes ..."
    "$python" -m pip install --quiet --no-input --disable-pip-version-check -r "$root/$file" ||
        die "Installing failed; the lines above say why. Run this script again to try anew."
    printf '%s\n' "$wanted" > "$stamp"
}
