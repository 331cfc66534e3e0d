# take|renew|release|look|break, the lock or nothing for the user's own place, the token, the run
task=$1 lock=$2 token=$3 run=$4
if [ -z "$lock" ]; then
    lock=/var/lib/zkmig/lock
    [ "$(id -u)" = 0 ] || lock=/var/tmp/zkmig-$(id -u)/lock
fi
dir=${lock%/*}/
has() { [ -f "$lock" ] && [ ! -L "$lock" ] && grep -qxF -e "$1" "$lock" 2>/dev/null; }
# What is there, and by the host's own clock since when it was not renewed. A host's lock may be anything: it is cut.
look() {
    [ -e "$lock" ] || [ -L "$lock" ] || return 1
    [ -f "$lock" ] && [ ! -L "$lock" ] || fail "$lock is there, and is not a lock"
    now=$(date +%s) touched=$(stat -c %Y "$lock" 2>/dev/null) || return 1
    printf 'lock %s\n' "$lock"
    head -c 4096 "$lock" | sed 's/^/ /'
    printf '\nidle %s\n' $((now - touched))
    holder=$(sed -n 's/^token=//p' "$lock" | head -n 1)
    if [ -f "$lock.ended" ] && [ "$(head -n 1 "$lock.ended")" = "$holder" ]; then
        printf 'ended %s\n' $((now - $(stat -c %Y "$lock.ended")))
    fi
}
case $task in
take)
    [ -d "$dir" ] || (umask 077; mkdir -p "$dir") || exit 1
    [ "$(id -u)" = 0 ] || [ -O "$dir" ] || fail "the folder $dir belongs to somebody else"
    sweep "$dir"
    tidy
    tmp=$(mktemp "$dir.zkmig.$$.XXXXXX") || exit 1
    cat >"$tmp" || exit 1
    synced "$tmp"
    [ ! -d "$lock" ] || fail "$lock is there, and is not a lock"
    tries=0
    # A hard link fails where something is: of two that come at once, one gets it, and with its whole text.
    until said=$(ln "$tmp" "$lock" 2>&1); do
        if has "run=$run"; then
            # This run's own, of an attempt that is over.
            mv -f "$tmp" "$lock" || exit 1
            break
        fi
        if look; then
            printf 'end\n'
            exit 0
        fi
        tries=$((tries + 1))
        [ $tries -lt 5 ] || fail "$said"
    done
    rm -f "$tmp" "$lock.ended"
    tmp=
    synced_folder "$dir"
    printf 'taken\nend\n'
    ;;
renew)
    if has "token=$token"; then
        touch -c "$lock" || exit 1
        [ ! -e "$lock.ended" ] || rm -f "$lock.ended"
        printf 'renewed\nend\n'
    else
        look
        printf 'end\n'
    fi
    ;;
release)
    if has "token=$token"; then
        rm -f "$lock" "$lock.ended" || exit 1
        synced_folder "$dir"
    fi
    printf 'end\n'
    ;;
look)
    look
    printf 'end\n'
    ;;
break)
    if has "token=$token"; then
        rm -f "$lock" "$lock.ended" || exit 1
        synced_folder "$dir"
        printf 'broken\n'
    else
        look
    fi
    printf 'end\n'
    ;;
esac
