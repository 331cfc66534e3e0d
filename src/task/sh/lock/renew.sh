# renew LOCK TOKEN
renew() {
    at "$1"
    if has "token=$2"; then
        touch -c "$lock" || exit 1
        [ ! -e "$lock.ended" ] || rm -f "$lock.ended"
        printf 'renewed\n'
    fi
    printf 'end\n'
}
