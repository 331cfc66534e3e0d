# release LOCK TOKEN
release() {
    at "$1"
    if has "token=$2"; then
        rm -f "$lock" "$lock.ended" || exit 1
        synced_folder
        printf 'released\n'
    fi
    printf 'end\n'
}
