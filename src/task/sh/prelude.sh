LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
umask 022
fail() { printf '%s\n' "$*" >&2; exit 1; }
hash_of() { hashed=$(sha256sum <"$1") || return 1; printf '%s' "${hashed%% *}"; }
# The wall clock's seconds at which the kernel's clock since boot was 0.
boot_time() {
    now=$(date +%s.%N); uptime=; read -r uptime rest </proc/uptime
    case $now in *[!0-9.]*) now=$(date +%s) ;; esac
    printf '%s %s\n' "$now" "$uptime"
}
# names OWNER GROUP: both exist, or are numbers, or are not given.
names() {
    case $1 in ''|*[!0-9]*) [ -z "$1" ] || id -u "$1" >/dev/null 2>&1 || fail "there is no user named $1" ;; esac
    case $2 in
        '') ;;
        *[!0-9]*)
            if command -v getent >/dev/null 2>&1; then getent group "$2" >/dev/null
            else cut -d: -f1 /etc/group | grep -Fqx -e "$2"; fi || fail "there is no group named $2" ;;
    esac
}
# attributes FILE MODE OWNER GROUP check|change: says what differs, and changes it.
attributes() {
    found=$(stat -c '%a/%u/%g/%U/%G' "$1") || exit 1
    is_mode=${found%%/*}; found=${found#*/}; is_uid=${found%%/*}; found=${found#*/}
    is_gid=${found%%/*}; found=${found#*/}; is_owner=${found%%/*}; is_group=${found#*/}
    if [ -n "$3" ] && [ "$3" != "$is_owner" ] && [ "$3" != "$is_uid" ]; then
        printf 'owner %s %s\n' "$is_owner" "$3"
        [ "$5" = check ] || chown "$3" "$1" || exit 1
    fi
    if [ -n "$4" ] && [ "$4" != "$is_group" ] && [ "$4" != "$is_gid" ]; then
        printf 'group %s %s\n' "$is_group" "$4"
        [ "$5" = check ] || chgrp "$4" "$1" || exit 1
    fi
    if [ -n "$2" ] && [ "$2" != "$is_mode" ]; then
        printf 'mode %s %s\n' "$is_mode" "$2"
        [ "$5" = check ] || chmod "$2" "$1" || exit 1
    elif [ -n "$2" ] && [ "$5" != check ] && [ "$(stat -c %a "$1")" != "$2" ]; then
        # A change of the owner takes the set-user-id bit away.
        chmod "$2" "$1" || exit 1
    fi
}
# Temporary files of ours that a killed script has left behind. Its process id may be another's by now.
sweep() {
    for stale in "$1"/.zkmig.[0-9]*.??????; do
        [ -f "$stale" ] || [ -L "$stale" ] || continue
        stale_pid=${stale##*/.zkmig.}; stale_pid=${stale_pid%%.*}
        grep -q zkmig "/proc/$stale_pid/cmdline" 2>/dev/null || rm -f "$stale"
    done
}
# What the names of the files begin with in which a content for this path arrives in pieces.
staging() { staging_sum=$(printf %s "$1" | cksum); printf '%s/.zkmig.stage.%s' "${1%/*}" "${staging_sum%% *}"; }
# What a script of ours makes in $dir is named after its process, so that it is found even where a signal came after the file
# was made and before its name was known.
tmp= dir=
tidy() {
    trap 'status=$?; [ -z "$tmp" ] || rm -f "$tmp"; [ -z "$dir" ] || rm -f "$dir".zkmig.$$.??????; exit $status' EXIT
    trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 141' PIPE; trap 'exit 143' TERM
}
# synced FILE: its content and attributes are on the disk. coreutils 8.22 has no `sync FILE`.
synced() {
    said=$(dd if=/dev/null of="$1" conv=notrunc,fsync 2>&1) && return
    case $said in *'ermission denied'*|*'nvalid'*|*'nrecognized'*|*'sage:'*) return ;; esac
    fail "$said"
}
# The names in the folder are on the disk. `dd` asks that of its standard output, which can be a folder that was opened to
# be read; an old `sync` would flush every disk of the host, and a busy host would stall.
synced_folder() { dd if=/dev/null conv=fsync 1<"$1" 2>/dev/null || :; }
