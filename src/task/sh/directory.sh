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
gone "$path" || fail "$why"
above=${path%/*}/
if [ ! -d "$above" ]; then
    [ "$parents" = yes ] && [ -d "${at%/*}/" ] || no_folder "$path"
    if [ "$task" = check ]; then
        [ -w "${at%/*}/" ] || fail "the folder ${at%/*}/ can't be written to"
    else
        mkdir -p "$above" || exit 1
    fi
elif [ "$task" = check ]; then
    [ -w "$above" ] || fail "the folder $above can't be written to"
    room "$above" 0
fi
printf 'created\n'
if [ "$task" = check ]; then
    is_root || [ -z "$owner" ] || is_me "$owner" || [ "$owner" = "$(id -un)" ] || fail "only root can give it to another owner"
    printf 'end\n'
    exit 0
fi
real=$(readlink -f "$above") || exit 1
enter "$real"
name=${path##*/}
# Narrow from its first moment; it gets its mode when it has its owner.
(umask 077; mkdir "./$name") || exit 1
# shellcheck disable=SC2015 # the reason goes for all
cd -P "./$name" && [ "$(pwd -P)" = "${real%/}/$name" ] && [ -O . ] || fail "somebody else works in the folder $real"
if [ -n "$mode$owner$group" ]; then attributes "${real%/}/$name" "$mode" "$owner" "$group" change >/dev/null; fi
# What the folder above hands on to what is made in it stays.
[ -n "$mode" ] || chmod go+rx . || exit 1
printf 'end\n'
