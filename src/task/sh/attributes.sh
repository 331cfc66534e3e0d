# path, mode, owner, group, check|change
names "$3" "$4"
if ! real=$(readlink -f "$1") || [ ! -e "$real" ]; then
    if gone "$1"; then lacks "it does not exist"; else fail "$why"; fi
fi
printf 'real %s\n' "$real"
attributes "$real" "$2" "$3" "$4" "$5"
printf 'end\n'
