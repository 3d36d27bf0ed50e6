#!/usr/bin/env bash
# Licences, bans, sources and security advisories of all dependencies (cargo-deny, deny.toml).
# Where cargo-deny is missing it is built once (some 4 minutes) into the user's cache folder.
# The advisory database comes over the network: without it everything else is still checked.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
cargo=${CARGO:-cargo}
home=${XDG_CACHE_HOME:-$HOME/.cache}/gpu-train/cargo-deny-$version

loud() { printf '\n!!! %s\n\n' "$*"; }

# Runs the first command with the time limit, where the system has `timeout` (macOS does not).
limited() {
    local seconds=$1
    shift
    if command -v timeout >/dev/null; then timeout "$seconds" "$@"; else "$@"; fi
}

deny=$(command -v cargo-deny || echo "$home/bin/cargo-deny")
if [ ! -x "$deny" ]; then
    echo "building cargo-deny $version into $home"
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    if ! limited 900 "$cargo" install cargo-deny --version "=$version" --locked --quiet \
        --root "$home" --target-dir "$build"; then
        loud "SKIPPED: cargo-deny could not be installed; the dependencies are not checked"
        exit 0
    fi
fi
"$deny" --version

"$deny" --locked check --hide-inclusion-graph licenses bans sources

if ! limited 120 "$deny" --locked fetch db; then
    loud "SKIPPED: no advisory database to be had; security advisories are not checked"
    exit 0
fi
"$deny" --locked check --disable-fetch advisories
