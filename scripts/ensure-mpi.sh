#!/bin/sh
# Sees to it that there is what the feature `mpi` is built and run with: mpicc and mpirun (Open MPI) and
# libclang. Silent where all is there. Where Linux lacks some of it, it is installed as root or through a sudo that
# asks for no password; otherwise this prints the command to run and fails.
set -eu

say() { printf '%s\n' "ensure-mpi: $*" >&2; }

has() { command -v "$1" >/dev/null 2>&1; }

# libclang, where clang-sys looks for it.
has_libclang() {
    for folder in ${LIBCLANG_PATH-} /usr/lib /usr/lib64 /usr/local/lib /usr/lib/*-linux-gnu* \
        /usr/lib/llvm*/lib /usr/lib64/llvm*/lib /opt/homebrew/opt/llvm/lib /usr/local/opt/llvm/lib \
        /Library/Developer/CommandLineTools/usr/lib; do
        for file in "$folder"/libclang*.so* "$folder"/libclang.dylib; do
            [ ! -e "$file" ] || return 0
        done
    done
    return 1
}

complete() { has mpicc && has mpirun && has_libclang; }

if complete; then
    exit 0
fi

# The installation as a person types it.
if has apt-get; then
    packages="libopenmpi-dev openmpi-bin libclang-dev"
    install="apt-get install -y --no-install-recommends $packages"
elif has dnf; then
    # Fedora keeps MPI out of the PATH until its module is loaded.
    packages="openmpi-devel clang-devel"
    install="dnf install -y $packages"
elif has pacman; then
    packages="openmpi clang"
    install="pacman -S --noconfirm --needed $packages"
elif has brew; then
    say "mpicc, mpirun or libclang is missing"
    say "hint: run this, then try again:  brew install open-mpi llvm"
    exit 1
else
    say "mpicc, mpirun or libclang is missing, and there is no apt-get, dnf or pacman to install them with"
    say "hint: install an MPI with its compiler wrapper, and libclang"
    exit 1
fi

# Who may install: root, or a sudo that asks for nothing.
if [ "$(id -u)" -eq 0 ]; then
    sudo=''
elif sudo -n true >/dev/null 2>&1; then
    sudo='sudo -n'
else
    say "mpicc, mpirun or libclang is missing, and installing them needs root"
    say "hint: run this, then try again:  sudo $install"
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# $sudo and what is to run are words, hence unquoted.
# shellcheck disable=SC2086
as_root() { $sudo env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@" >>"$log" 2>&1 </dev/null; }

say "installing $packages (about a minute)"
if has apt-get; then
    # A mirror may hiccup, and old lists may still do: only the installation decides.
    as_root apt-get -q -o DPkg::Lock::Timeout=120 update || { sleep 3 && as_root apt-get -q update; } || true
fi
# shellcheck disable=SC2086
if ! as_root $install; then
    tail -n 30 "$log" >&2
    say "the installation failed (see above)"
    say "hint: run this, then try again:  $install"
    exit 1
fi
# Where Fedora puts it.
PATH=$PATH:/usr/lib64/openmpi/bin
if ! complete; then
    say "$packages are installed, yet mpicc, mpirun or libclang is not found"
    say "hint: on Fedora, 'module load mpi' first"
    exit 1
fi
say "done"
