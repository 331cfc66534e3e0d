# path, target, check|change
path=$1 target=$2 task=$3
tidy
if [ -L "$path" ]; then
    was=$(readlink "$path")
    [ "$was" != "$target" ] || { printf 'end\n'; exit 0; }
    printf 'was %s\n' "$was"
elif [ -e "$path" ]; then
    fail "it is there, and is not a symbolic link"
else
    gone "$path" || fail "$why"
fi
if ! above=$(readlink -f "${path%/*}/") || [ ! -d "$above" ]; then no_folder "$path"; fi
name=${path##*/}
printf 'changed\n'
if [ "$task" = check ]; then
    [ -w "$above" ] || fail "the folder $above can't be written to"
    room "$above" 0
    printf 'end\n'
    exit 0
fi
enter "$above"
sweep
nest
ln -s -- "$target" ./content || exit 1
place "$name"
unnest
synced_folder .
printf 'end\n'
