# path, target, check|change
path=$1 target=$2 task=$3
tidy
if [ -L "$path" ]; then
    was=$(readlink "$path")
    [ "$was" != "$target" ] || { printf 'end\n'; exit 0; }
    printf 'was %s\n' "$was"
elif [ -e "$path" ]; then
    fail "it is there, and is not a symbolic link"
fi
above=${path%/*}/
[ -d "$above" ] || fail "the folder ${path%/*} does not exist"
printf 'changed\n'
if [ "$task" = check ]; then
    [ -w "$above" ] || fail "the folder $above can't be written to"
    printf 'end\n'
    exit 0
fi
sweep "$above"
tmp=$above.zkmig.$$.link00
rm -f "$tmp"
ln -s "$target" "$tmp" || exit 1
if ! mv -f -T "$tmp" "$path" 2>/dev/null; then
    # busybox may not know -T, and without it the new link would land in the folder that the old one leads to.
    [ ! -d "$path" ] || rm -f "$path" || exit 1
    mv -f "$tmp" "$path" || exit 1
fi
tmp=
synced_folder "$above"
printf 'end\n'
