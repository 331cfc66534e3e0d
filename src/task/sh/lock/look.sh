# What is there, and by the host's own clock since when it was not renewed. A host's lock may be anything: it is cut.
look() {
    at "$1"
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
