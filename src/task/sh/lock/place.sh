# the lock or nothing for the user's own place, the token, and what the task takes. Each text here goes as lines: plain ASCII.
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin; export LC_ALL
umask 077
lock=$1
if [ -z "$lock" ]; then
    uid=$(id -u) lock=/var/lib/zkmig/lock
    [ "$uid" = 0 ] || lock=/var/tmp/zkmig-$uid/lock
fi
dir=${lock%/*}/
fail() { printf '%s\n' "$*" >&2; exit 1; }
# has LINE: it is one of the first lines of the lock.
has() {
    [ -f "$lock" ] && [ ! -L "$lock" ] || return 1
    left=8
    while [ $left -gt 0 ] && IFS= read -r line; do
        [ "$line" != "$1" ] || return 0
        left=$((left - 1))
    done 2>/dev/null <"$lock"
    return 1
}
# The names in the folder are on the disk; an old `sync` would flush every disk of the host.
synced_folder() { dd if=/dev/null conv=fsync 1<"$dir" 2>/dev/null || :; }
