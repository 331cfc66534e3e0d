# path, mode, owner, group, check|change
names "$3" "$4"
real=$(readlink -f "$1") && [ -e "$real" ] || fail "it does not exist"
printf 'real %s\n' "$real"
attributes "$real" "$2" "$3" "$4" "$5"
printf 'end\n'
