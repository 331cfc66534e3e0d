# path, mode, owner, group, whether folders above are made, check|change
path=$1 mode=$2 owner=$3 group=$4 parents=$5 task=$6
names "$owner" "$group"
if [ -d "$path" ]; then
    real=$(readlink -f "$path") || exit 1
    attributes "$real" "$mode" "$owner" "$group" "$task"
    printf 'end\n'
    exit 0
fi
[ ! -e "$path" ] && [ ! -L "$path" ] || fail "it is there, and is not a folder"
above=${path%/*}/
if [ ! -d "$above" ]; then
    [ "$parents" = yes ] || fail "the folder ${path%/*} does not exist"
    [ "$task" = check ] || mkdir -p "$above" || exit 1
elif [ "$task" = check ]; then
    [ -w "$above" ] || fail "the folder $above can't be written to"
fi
printf 'created\n'
if [ "$task" = change ]; then
    # Narrow from its first moment; it gets its mode when it has its owner.
    (umask 077; mkdir "$path") || exit 1
    attributes "$path" "${mode:-755}" "$owner" "$group" change >/dev/null
fi
printf 'end\n'
