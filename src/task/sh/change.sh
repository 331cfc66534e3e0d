# What the scripts share that change something, after what all share.
# names OWNER GROUP: both exist, or are numbers, or are not given.
names() {
    case $1 in ''|*[!0-9]*) [ -z "$1" ] || id -u "$1" >/dev/null 2>&1 || lacks "there is no user named $1" ;; esac
    case $2 in
        '') ;;
        *[!0-9]*)
            if command -v getent >/dev/null 2>&1; then getent group "$2" >/dev/null
            else cut -d: -f1 /etc/group | grep -Fqx -e "$2"; fi || lacks "there is no group named $2" ;;
    esac
}
me=
is_root() { [ "${me:=$(id -u)}" = 0 ]; }
# is_me UID
is_me() { [ "${me:=$(id -u)}" = "$1" ]; }
# attributes FILE MODE OWNER GROUP check|change: says what differs, and changes it. FILE is without symbolic links.
attributes() {
    found=$(stat -c '%a/%u/%g/%U/%G' "$1") || exit 1
    is_mode=${found%%/*}; found=${found#*/}; is_uid=${found%%/*}; found=${found#*/}
    is_gid=${found%%/*}; found=${found#*/}; is_owner=${found%%/*}; is_group=${found#*/}
    new_owner= new_group= new_mode=
    if [ -n "$3" ] && [ "$3" != "$is_owner" ] && [ "$3" != "$is_uid" ]; then
        printf 'owner %s %s\n' "$is_owner" "$3"
        new_owner=$3
    fi
    if [ -n "$4" ] && [ "$4" != "$is_group" ] && [ "$4" != "$is_gid" ]; then
        printf 'group %s %s\n' "$is_group" "$4"
        new_group=$4
    fi
    if [ -n "$2" ] && [ "$2" != "$is_mode" ]; then
        printf 'mode %s %s\n' "$is_mode" "$2"
        new_mode=$2
    elif [ -n "$new_owner$new_group" ]; then
        # A change of the owner takes the set-user-id bit away.
        new_mode=$2
    fi
    [ -n "$new_owner$new_group$new_mode" ] || return 0
    if [ "$5" = check ]; then
        is_root || [ -z "$new_owner" ] || fail "only root can give it to another owner"
        is_root || is_me "$is_uid" || fail "only its owner or root can change that"
        changeable "$1"
        return
    fi
    # Who owns a folder above may put something else in its place: what is held can't be swapped.
    if [ -d "$1" ]; then
        # shellcheck disable=SC2015 # the reason goes for both
        (cd -P "$1" && [ "$(pwd -P)" = "$1" ] || fail "something else has come in its place"; change .) || exit 1
    elif [ -f "$1" ] && [ -r "$1" ] && [ -e /proc/self/fd ]; then
        exec 3<"$1" || exit 1
        [ "$(readlink /proc/self/fd/3)" = "$1" ] || fail "something else has come in its place"
        change /proc/self/fd/3
        exec 3<&-
    else
        change "$1"
    fi
}
change() {
    [ -z "$new_owner" ] || chown "$new_owner" "$1" || exit 1
    [ -z "$new_group" ] || chgrp "$new_group" "$1" || exit 1
    # With less than five digits GNU chmod leaves a folder its set-group-id bit.
    [ -z "$new_mode" ] || chmod "0000$new_mode" "$1" || exit 1
}
# changeable PATH: it is not immutable, as far as root is told.
changeable() { ! is_root || [ -L "$1" ] || [ -w "$1" ] || fail "a change of it is not permitted: is it immutable?"; }
# room FOLDER BYTES: so much fits into the folder's file system.
room() {
    free=$(stat -f -c '%f %a %S %c %d %b' "$1" 2>/dev/null) || return 0
    # shellcheck disable=SC2086 # numbers
    set -- "$2" $free
    # Some do not tell how large they are.
    [ $# = 7 ] && [ "$7" != 0 ] || return 0
    blocks=$3
    ! is_root || blocks=$2
    [ "$1" -le $((blocks * $4)) ] || fail "No space left on device"
    [ "$5" = 0 ] || [ "$6" != 0 ] || fail "No space left on device: there are no inodes left"
}
# no_folder PATH: ends with the reason why what is at PATH has no folder that could be used.
no_folder() {
    gone "$1" || fail "$why"
    [ ! -e "${at%/*}" ] || [ -d "${at%/*}" ] || fail "${at%/*} is there, and is not a folder"
    lacks "the folder $at does not exist"
}
# enter FOLDER: from now on we work in it, by relative names, whatever becomes of its name. FOLDER is without symbolic links.
enter() {
    # shellcheck disable=SC2015 # the reason goes for both
    cd -P "$1" && [ "$(pwd -P)" = "$1" ] || fail "the folder $1 can't be entered, or something else has come in its place"
}
# nest [FOLDER]: from now on we work in a folder of our own in the one that we are in, narrow from its first moment: who owns the
# outer one can't swap what is in it. Of FOLDER, which was made like that before, we take what is in it.
nested=
nest() {
    outer=$(pwd -P)
    nest=${1:-}
    [ -n "$nest" ] || nest=$(mktemp -d "./.zkmig.$$.XXXXXX") || exit 1
    # shellcheck disable=SC2015 # the reason goes for all
    cd -P "./${nest##*/}" && [ "$(pwd -P)" = "${outer%/}/${nest##*/}" ] && [ -O . ] || fail "somebody else works in the folder $outer"
    nested=./${nest##*/}
}
# unnest: our own folder and what is left in it is gone, and we are in the outer one again.
unnest() {
    [ -n "$nested" ] || return 0
    rm -f ./content ./note
    cd -P .. && rmdir "$nested" 2>/dev/null
    nested=
}
# discard FOLDER: one of ours in this one is gone. What anybody has made of its name leads nowhere.
discard() {
    if [ -L "$1" ] || [ ! -d "$1" ]; then rm -f "$1"; return; fi
    (here=$(pwd -P); cd -P "$1" && [ "$(pwd -P)" = "${here%/}/${1#./}" ] && [ -O . ] && rm -f ./content ./note) 2>/dev/null
    rmdir "$1" 2>/dev/null || :
}
# Folders of ours here that a killed script has left behind. Its process id may be another's by now.
sweep() {
    for stale in ./.zkmig.[0-9]*.??????; do
        [ -e "$stale" ] || [ -L "$stale" ] || continue
        stale_pid=${stale##*/.zkmig.}; stale_pid=${stale_pid%%.*}
        grep -q zkmig "/proc/$stale_pid/cmdline" 2>/dev/null || discard "$stale"
    done
}
# What the names of the folders begin with in which a content for this file arrives in pieces.
staging() { staging_sum=$(printf %s "$1" | cksum); printf './.zkmig.stage.%s' "${staging_sum%% *}"; }
# place NAME: what is ready in our own folder takes its place, whatever is there.
place() {
    mv -f -T ./content "../$1" 2>/dev/null && return
    # busybox may not know -T, and without it what is ready would land in the folder that is there, or that a link leads to.
    if [ -L "../$1" ]; then rm -f "../$1" || exit 1; fi
    [ ! -d "../$1" ] || fail "it is a folder now"
    ! is_root || [ -O .. ] || fail "the folder belongs to somebody else, and the host's mv is too old to be safe in it"
    mv -f ./content "../$1" || exit 1
}
# What a script of ours makes is named after its process, so that it is found even where a signal came after the folder was
# made and before its name was known.
staged=
tidy() {
    trap 'status=$?; unnest; [ -z "$staged" ] || discard "./${staged##*/}"; for left in ./.zkmig.$$.??????; do [ ! -e "$left" ] || discard "$left"; done; exit $status' EXIT
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
