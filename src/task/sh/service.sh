# verb or nothing, unit, an option of systemctl or nothing, what else is wanted: install, journal or nothing
verb=$1 unit=$2 option=${3:-} more=${4:-}
show() {
    printf '%s\n' "$1"
    shown=$(systemctl show --no-pager -p Id -p LoadState -p ActiveState -p SubState -p MainPID -p ExecMainStartTimestampMonotonic \
        -p NRestarts -p UnitFileState -p FragmentPath -p DropInPaths -p ControlGroup -p Result -p ExecMainStatus -p Job \
        -p Type -p ConditionResult -p WantedBy -p RequiredBy -p TriggeredBy -p SourcePath -p CanReload \
        -p ConditionTimestampMonotonic "$unit") || exit 1
    printf '%s\nClock=%s\n' "$shown" "$(boot_time)"
    # What has a script of System V instead of a unit file is enabled elsewhere, and systemctl knows where.
    case $(value SourcePath) in
        /etc/init.d/* | /etc/rc.d/init.d/*)
            if systemctl is-enabled "$unit" >/dev/null 2>&1; then echo SysV=enabled; else echo SysV=disabled; fi ;;
    esac
}
value() { printf '%s\n' "$shown" | sed -n "s/^$1=//p"; }
# What the unit's file asks for when it is enabled, and the links that are there.
install() {
    file=$(value FragmentPath) id=$(value Id)
    for folder in /etc /run /usr/local/lib /usr/lib /lib; do
        for link in "$folder"/systemd/system/*.wants/"$id" "$folder"/systemd/system/*.requires/"$id" \
            "$folder"/systemd/system/*.upholds/"$id"; do
            if [ -L "$link" ] || [ -e "$link" ]; then printf 'Link=%s\n' "$link"; fi
        done
    done
    [ -z "$file" ] || sed 's/^/File=/' "$file"
}
journal() {
    printf 'journal\n'
    journalctl -q --no-pager -n 10 -o short-iso -u "$unit" 2>/dev/null
    exit 0
}
show before
[ "$more" != install ] || install
if [ -z "$verb" ]; then
    [ "$more" != journal ] || journal
    exit 0
fi
# shellcheck disable=SC2086 # one word or none
if ! systemctl $option "$verb" "$unit"; then
    printf 'failed\n'
    show after
    journal
fi
show after
# systemd forgets at once how a unit came by its state that has ended.
# shellcheck disable=SC2046 # paths of systemd's
if grep -q '^[[:space:]]*Condition' $(value FragmentPath) $(value DropInPaths) /dev/null 2>/dev/null; then echo Conditional=yes; fi
[ "$more" != install ] || install
