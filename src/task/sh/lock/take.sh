# take LOCK TOKEN RUN TEXT CHANCE: the lock's text, and six characters that nobody guesses.
take() {
    at "$1"
    [ -d "$dir" ] || mkdir -p "$dir" || exit 1
    [ -O "$dir" ] || [ "$(id -u)" = 0 ] || fail "the folder $dir belongs to somebody else"
    # What a killed script has left behind. Its process id may be another's by now.
    for stale in "$dir".zkmig.[0-9]*.??????; do
        [ -f "$stale" ] || [ -L "$stale" ] || continue
        pid=${stale##*/.zkmig.}; pid=${pid%%.*}
        grep -q zkmig "/proc/$pid/cmdline" 2>/dev/null || rm -f "$stale"
    done
    tmp=$dir.zkmig.$$.$5
    trap '[ -z "$tmp" ] || rm -f "$tmp"' EXIT
    trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 141' PIPE; trap 'exit 143' TERM
    # Nothing that is there is written to.
    set -C
    printf %s "$4" >"$tmp" || exit 1
    set +C
    # A lock without its text would be nobody's. coreutils 8.22 has no `sync FILE`.
    said=$(dd if=/dev/null of="$tmp" conv=notrunc,fsync 2>&1) || case $said in
        *'ermission denied'*|*'nvalid'*|*'nrecognized'*|*'sage:'*) ;;
        *) fail "$said" ;;
    esac
    [ ! -d "$lock" ] || fail "$lock is there, and is not a lock"
    tries=0
    # A hard link fails where something is: of two that come at once, one gets it, and with its whole text.
    until said=$(ln "$tmp" "$lock" 2>&1); do
        if has "run=$3"; then
            # This run's own, of an attempt that is over.
            mv -f "$tmp" "$lock" || exit 1
            break
        fi
        if [ -e "$lock" ] || [ -L "$lock" ]; then
            printf 'held\nend\n'
            exit 0
        fi
        tries=$((tries + 1))
        [ $tries -lt 5 ] || fail "$said"
    done
    rm -f "$tmp" "$lock.ended"
    tmp=
    synced_folder
    printf 'taken\nend\n'
}
