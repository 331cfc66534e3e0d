# The folders of systemd's configuration, the weightiest first: ends with status 1 where journald keeps nothing, and says which file has it so.
#
# What systemd reads: one journald.conf, then the files of journald.conf.d in the order of their names, of which each counts where it weighs
# most; the last value that is one counts.
line='^[[:space:]]*Storage[[:space:]]*=[[:space:]]*'
storage= said=
take() {
    # The section stands in the hold space, and counts behind the value.
    value=$(sed -n "s/[[:space:]]*\$//; /^[[:space:]]*\\[/{s/^[[:space:]]*//; h;}; /$line/{s/$line//; G; s/\\n\\[Journal\\]\$//p;}" "$1" |
        grep -x -E 'none|volatile|persistent|auto' | tail -n 1)
    [ -z "$value" ] || storage=$value said=$1
}
none() { for folder; do cat "$folder/journald.conf" "$folder/journald.conf.d"/*.conf 2>/dev/null; done | grep -q "${line}none"; }
if none "$@"; then
    for folder; do
        [ ! -e "$folder/journald.conf" ] || { take "$folder/journald.conf"; break; }
    done
    names=$(for folder; do ls "$folder/journald.conf.d" 2>/dev/null; done | grep '\.conf$' | sort -u)
    IFS='
'
    for name in $names; do
        for folder; do
            [ ! -e "$folder/journald.conf.d/$name" ] || { take "$folder/journald.conf.d/$name"; break; }
        done
    done
    unset IFS
    [ "$storage" != none ] || { printf 'storage none %s\n' "$said" >&2; exit 1; }
fi
