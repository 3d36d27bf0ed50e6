#!/usr/bin/env bash
# Looks for slips of the pen in everything that is committed (typos, typos.toml). Where typos is missing, pip
# fetches it once, as a program that needs no Python to run, into the user's cache folder.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.52.0
home=${XDG_CACHE_HOME:-$HOME/.cache}/gpu-train/typos-$version

typos=$(command -v typos || echo "$home/bin/typos")
if [ ! -x "$typos" ]; then
    echo "fetching typos $version into $home"
    if ! python3 -m pip install --quiet --no-deps --target "$home" "typos==$version"; then
        printf '\n!!! SKIPPED: typos could not be fetched; the spelling is not checked\n\n'
        exit 0
    fi
fi
"$typos" --version
"$typos" --format brief
