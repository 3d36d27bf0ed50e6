#!/bin/sh
# Sees to it that there is a Vulkan driver: silent where one is installed. Where Linux has none it
# installs the distribution's software driver (Mesa lavapipe), as root or through a sudo that asks
# for no password; otherwise it prints the command to run and fails.
#
# Needs nothing but a POSIX shell: no vulkaninfo, no compiler.
set -eu

say() { printf '%s\n' "ensure-vulkan: $*" >&2; }

# Metal and DX12 come with their systems; of other systems we know no package.
[ "$(uname -s)" = Linux ] || exit 0

# The loader, libvulkan.so.1, where the dynamic linker looks for it.
has_loader() {
    listing=$({ ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null) || listing=
    case $listing in *libvulkan.so.1*) return 0 ;; esac
    # No ldconfig, an incomplete cache (musl, NixOS), or a private folder.
    old_ifs=$IFS
    IFS=:
    for folder in ${LD_LIBRARY_PATH-} /usr/lib /usr/lib64 /usr/lib/*-linux-gnu* /usr/local/lib \
        /run/opengl-driver/lib; do
        if [ -n "$folder" ] && [ -e "$folder/libvulkan.so.1" ]; then
            IFS=$old_ifs
            return 0
        fi
    done
    IFS=$old_ifs
    return 1
}

# Whether one of the folders or files in a list separated by colons holds a driver's manifest.
# Arguments: the list, and what to append to each of its entries.
any_manifest() {
    old_ifs=$IFS
    IFS=:
    for entry in $1; do
        [ -n "$entry" ] || continue
        for manifest in "$entry$2" "$entry$2"/*.json; do
            if [ -f "$manifest" ] && [ -r "$manifest" ]; then
                IFS=$old_ifs
                return 0
            fi
        done
    done
    IFS=$old_ifs
    return 1
}

# The variables that replace the loader's search. The first one set wins.
chosen_drivers=${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-}}

# A driver's manifest, where the loader looks for it.
has_driver() {
    if [ -n "$chosen_drivers" ]; then
        any_manifest "$chosen_drivers" ''
        return
    fi
    config="${XDG_CONFIG_HOME:-${HOME-}/.config}:${XDG_CONFIG_DIRS:-/etc/xdg}:/etc"
    data="${XDG_DATA_HOME:-${HOME-}/.local/share}:${XDG_DATA_DIRS-}:/usr/local/share:/usr/share"
    any_manifest "$config:$data:/run/opengl-driver/share" /vulkan/icd.d ||
        any_manifest "${VK_ADD_DRIVER_FILES-}" ''
}

if has_loader && has_driver; then
    exit 0
fi

if [ -n "$chosen_drivers" ] && ! has_driver; then
    say "VK_DRIVER_FILES or VK_ICD_FILENAMES names no file that can be read: $chosen_drivers"
    say "hint: unset the variable, or correct it"
    exit 1
fi

# Who may install: root, or a sudo that asks for nothing.
if [ "$(id -u)" -eq 0 ]; then
    may_install=yes sudo='' typed_sudo=''
elif sudo -n true >/dev/null 2>&1; then
    may_install=yes sudo='sudo -n' typed_sudo='sudo '
else
    may_install=no sudo='' typed_sudo='sudo '
fi

# Picks the package manager; `advice` is the installation as a person types it.
if command -v apt-get >/dev/null 2>&1; then
    manager=apt-get loader=libvulkan1 driver=mesa-vulkan-drivers
    advice="${typed_sudo}apt-get update && ${typed_sudo}apt-get install -y --no-install-recommends"
elif command -v dnf >/dev/null 2>&1; then
    manager=dnf loader=vulkan-loader driver=mesa-vulkan-drivers
    advice="${typed_sudo}dnf install -y"
elif command -v pacman >/dev/null 2>&1; then
    manager=pacman loader=vulkan-icd-loader driver=vulkan-swrast
    advice="${typed_sudo}pacman -Syu --needed"
else
    say "Vulkan is not installed, and there is no apt-get, dnf or pacman to install it with"
    say "hint: install your GPU's Vulkan driver, or Mesa's software driver (lavapipe), and the" \
        "Vulkan loader (libvulkan.so.1)"
    exit 1
fi
missing=
has_driver || missing=$driver
has_loader || missing="${missing:+$missing }$loader"

explain() { say "hint: run this, then try again:  $advice $missing"; }

if [ "$may_install" = no ]; then
    say "Vulkan is not installed, and installing it needs root"
    explain
    exit 1
fi

# Runs a command as root; what it prints goes into the log.
as_root() {
    # $sudo is empty or two words.
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@" >>"$log" 2>&1 </dev/null
}

# $missing is one or two package names, hence unquoted below.
# shellcheck disable=SC2086
install_missing() {
    case $manager in
    apt-get)
        # Waits for another apt-get to end instead of failing at once; a list that cannot be
        # fetched is a failure of `update`, not a mere warning.
        set -- apt-get -q -o DPkg::Lock::Timeout=120 -o APT::Update::Error-Mode=any
        # A mirror may hiccup: once more. One broken list, or old ones, may still be enough, so
        # only the installation decides.
        as_root "$@" update || { sleep 3 && as_root "$@" update; } || true
        as_root "$@" install -y --no-install-recommends $missing
        ;;
    dnf) as_root dnf install -y $missing ;;
    pacman)
        # A fresh image has no package lists. Where there are some, fetching newer ones without
        # upgrading the whole system would mix versions.
        refresh=-Sy
        for list in /var/lib/pacman/sync/*.db; do
            [ ! -f "$list" ] || refresh=-S
        done
        as_root pacman $refresh --noconfirm --needed $missing
        ;;
    esac
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "Vulkan is not installed; installing $missing with $manager (about a minute)"
if ! install_missing; then
    tail -n 30 "$log" >&2
    say "the installation failed (see above)"
    explain
    exit 1
fi
if ! has_loader || ! has_driver; then
    say "$manager installed $missing, yet no Vulkan driver is found"
    exit 1
fi
say "done; where no GPU answers, the CPU does the work"
