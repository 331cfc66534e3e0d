# path, sha256 of the new content, mode, owner, group, expected sha256, check|change, most bytes of a shown file, a folder
# of ours beside the target that holds the content already, bytes of the new content
path=$1 new=$2 mode=$3 owner=$4 group=$5 expect=$6 task=$7 shown=$8 staged=$9 size=${10}
tidy
names "$owner" "$group"
[ ! -L "$path" ] || printf 'link %s\n' "$(readlink "$path")"
if ! real=$(readlink -f "$path") || [ -z "$real" ] || [ ! -d "${real%/*}/" ]; then
    if [ "$task" = check ] && gone "$path" && [ -d "${at%/*}/" ]; then
        printf 'nofolder %s\n' "$at"
        exit 0
    fi
    no_folder "$path"
fi
printf 'real %s\n' "$real"
dir=${real%/*}
enter "${dir:-/}"
name=${real##*/}
old=absent
if [ -e "./$name" ] || [ -L "./$name" ]; then
    if [ -L "./$name" ] || [ ! -f "./$name" ]; then fail "it is there, and is not a regular file"; fi
    old=$(hash_of "./$name") || exit 1
else
    gone "$real" || fail "$why"
fi
printf 'old %s\n' "$old"
if [ -n "$expect" ] && [ "$expect" != "$old" ] && [ "$new" != "$old" ]; then
    printf 'unexpected\n'
    fail "its content is not the one that was expected: somebody else has changed it"
fi
if [ "$old" = "$new" ]; then
    attributes "$real" "$mode" "$owner" "$group" "$task"
    [ -n "$staged" ] || [ "$task" = check ] || cat >/dev/null
    if [ -n "$staged" ]; then nest "$staged"; fi
    printf 'end\n'
    exit 0
fi
if [ "$old" = absent ]; then
    [ -n "$mode" ] || mode=644
else
    keep=$(stat -c '%a/%u/%g' "./$name") || exit 1
    attributes "$real" "$mode" "$owner" "$group" check
    if [ "$(stat -c %s "./$name")" -le "$shown" ]; then
        printf 'before\n'
        base64 <"./$name" || exit 1
        printf '.\n'
    fi
fi
if [ "$task" = check ]; then
    [ -w . ] || fail "the folder ${dir:-/} can't be written to"
    if [ "$old" = absent ]; then
        is_root || [ -z "$owner" ] || is_me "$owner" || [ "$owner" = "$(id -un)" ] || fail "only root can give it to another owner"
    else
        changeable "./$name"
        is_root || [ -O "./$name" ] || fail "its owner can't be kept: only its owner or root can replace it"
    fi
    room . "$size"
    printf 'end\n'
    exit 0
fi
sweep
if [ -n "$staged" ]; then
    nest "$staged"
else
    at=$(staging "$real")
    for stale in "$at".??????; do if [ -e "$stale" ] || [ -L "$stale" ]; then discard "$stale"; fi; done
    nest
    cat >./content || exit 1
fi
[ "$(hash_of ./content)" = "$new" ] || fail "the content did not arrive whole"
if [ "$old" != absent ]; then
    # GNU cp keeps access control lists, extended attributes and the SELinux context too.
    if cp --attributes-only --preserve=all "../$name" ./content 2>/dev/null; then
        # …and the old time of change, from which nobody could tell that a process is older than its configuration.
        touch ./content || exit 1
    elif [ -e /sys/fs/selinux/enforce ]; then
        chcon --reference="../$name" ./content || exit 1
    fi
    if [ "$(stat -c '%a/%u/%g' ./content)" != "$keep" ]; then
        ids=${keep#*/}
        chown "${ids%/*}:${ids#*/}" ./content || fail "its owner can't be kept: only its owner or root can replace it"
        chmod "${keep%%/*}" ./content || exit 1
    fi
fi
attributes "$(pwd -P)/content" "$mode" "$owner" "$group" change >/dev/null
synced ./content
[ "$(hash_of ./content)" = "$new" ] || fail "the content did not reach the disk whole"
is=absent
[ ! -e "../$name" ] || is=$(hash_of "../$name") || exit 1
[ "$is" = "$old" ] || fail "somebody else has changed it in the same moment"
place "$name"
unnest
if [ "$old" = absent ] && [ -e /sys/fs/selinux/enforce ] && command -v restorecon >/dev/null 2>&1; then
    restorecon "$real" 2>/dev/null || :
fi
synced_folder .
printf 'end\n'
