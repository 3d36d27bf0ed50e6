#!/bin/sh
# Fails with a hint where Rust is missing or older than Cargo.toml's rust-version.
# Argument: the cargo to look at.
set -eu

cargo=${1:-cargo}

fail() {
    printf '%s\n' "ensure-rust: $1" "ensure-rust: hint: $2" >&2
    exit 1
}

command -v "$cargo" >/dev/null 2>&1 ||
    fail "cargo is not installed" "install Rust from https://rustup.rs, then open a new shell"
version=$("$cargo" --version) ||
    fail "'$cargo --version' fails" "choose a toolchain: rustup default stable"

# "cargo 1.95.0 (f2d3ce0bd 2026-03-21)" -> 1.95.0
found=${version#cargo }
found=${found%% *}
needed=$(sed -n 's/^rust-version *= *"\(.*\)".*/\1/p' "$(dirname "$0")/../Cargo.toml")

# Every Rust is 1.x: the second number decides.
minor() {
    rest=${1#*.}
    printf '%s' "${rest%%[!0-9]*}"
}
[ "$(minor "$found")" -ge "$(minor "$needed")" ] ||
    fail "Rust $needed or newer is needed, this is $found" \
        "rustup update stable, or install Rust from https://rustup.rs"
