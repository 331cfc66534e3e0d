# verb or nothing, unit, an option of systemctl or nothing
verb=$1 unit=$2 option=${3:-}
show() {
    printf '%s\n' "$1"
    systemctl show --no-pager -p Id -p LoadState -p ActiveState -p SubState -p MainPID -p ExecMainStartTimestampMonotonic \
        -p NRestarts -p UnitFileState -p FragmentPath -p DropInPaths -p ControlGroup -p Result \
        -p ExecMainStatus -p Job "$unit" || exit 1
    printf 'Clock=%s\n' "$(boot_time)"
}
show before
[ -n "$verb" ] || exit 0
# shellcheck disable=SC2086 # one word or none
if ! systemctl $option "$verb" "$unit"; then
    printf 'failed\n'
    show after
    printf 'journal\n'
    journalctl -q --no-pager -n 10 -o short-iso -u "$unit" 2>/dev/null
    exit 0
fi
show after
