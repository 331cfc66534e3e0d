# path, sha256 of the new content, mode, owner, group, expected sha256, check|change, most bytes of a shown file, a file
# beside the target that holds the content already
path=$1 new=$2 mode=$3 owner=$4 group=$5 expect=$6 task=$7 shown=$8 staged=$9
tmp=$staged
tidy
names "$owner" "$group"
[ ! -L "$path" ] || printf 'link %s\n' "$(readlink "$path")"
if ! real=$(readlink -f "$path") || [ -z "$real" ] || [ ! -d "${real%/*}/" ]; then
    printf 'nofolder\n'
    [ "$task" = check ] || fail "the folder ${path%/*} does not exist"
    exit 0
fi
printf 'real %s\n' "$real"
dir=${real%/*}/
old=absent
if [ -e "$real" ]; then
    [ -f "$real" ] || fail "it is there, and is not a regular file"
    old=$(hash_of "$real") || exit 1
fi
printf 'old %s\n' "$old"
if [ -n "$expect" ] && [ "$expect" != "$old" ] && [ "$new" != "$old" ]; then
    printf 'unexpected\n'
    fail "its content is not the one that was expected: somebody else has changed it"
fi
if [ "$old" = "$new" ]; then
    attributes "$real" "$mode" "$owner" "$group" "$task"
    [ -n "$staged" ] || [ "$task" = check ] || cat >/dev/null
    printf 'end\n'
    exit 0
fi
if [ "$old" = absent ]; then
    [ -n "$mode" ] || mode=644
else
    keep=$(stat -c '%a/%u/%g' "$real") || exit 1
    attributes "$real" "$mode" "$owner" "$group" check
    if [ "$(stat -c %s "$real")" -le "$shown" ]; then
        printf 'before\n'
        base64 <"$real" || exit 1
        printf '.\n'
    fi
fi
if [ "$task" = check ]; then
    [ -w "$dir" ] || fail "the folder $dir can't be written to"
    printf 'end\n'
    exit 0
fi
sweep "$dir"
if [ -z "$staged" ]; then
    rm -f "$(staging "$real")".??????
    tmp=$(mktemp "$dir.zkmig.$$.XXXXXX") || exit 1
    cat >"$tmp" || exit 1
fi
[ "$(hash_of "$tmp")" = "$new" ] || fail "the content did not arrive whole"
if [ "$old" != absent ]; then
    # GNU cp keeps access control lists, extended attributes and the SELinux context too.
    if cp --attributes-only --preserve=all "$real" "$tmp" 2>/dev/null; then
        # …and the old time of change, from which nobody could tell that a process is older than its configuration.
        touch "$tmp" || exit 1
    elif [ -e /sys/fs/selinux/enforce ]; then
        chcon --reference="$real" "$tmp" || exit 1
    fi
    if [ "$(stat -c '%a/%u/%g' "$tmp")" != "$keep" ]; then
        ids=${keep#*/}
        chown "${ids%/*}:${ids#*/}" "$tmp" || fail "its owner can't be kept: only its owner or root can replace it"
        chmod "${keep%%/*}" "$tmp" || exit 1
    fi
fi
attributes "$tmp" "$mode" "$owner" "$group" change >/dev/null
synced "$tmp"
[ "$(hash_of "$tmp")" = "$new" ] || fail "the content did not reach the disk whole"
is=absent
[ ! -e "$real" ] || is=$(hash_of "$real") || exit 1
[ "$is" = "$old" ] || fail "somebody else has changed it in the same moment"
if ! mv -f -T "$tmp" "$real" 2>/dev/null; then
    # busybox may not know -T.
    [ ! -d "$real" ] || fail "it is a folder now"
    mv -f "$tmp" "$real" || exit 1
fi
tmp=
if [ "$old" = absent ] && [ -e /sys/fs/selinux/enforce ] && command -v restorecon >/dev/null 2>&1; then
    restorecon "$real" 2>/dev/null || :
fi
synced_folder "$dir"
printf 'end\n'
