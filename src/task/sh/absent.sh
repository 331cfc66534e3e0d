# path, whether folders are removed with what is in them, check|change, what is never removed
path=$1 recursive=$2 task=$3 kept=$4
if [ ! -e "$path" ] && [ ! -L "$path" ]; then
    gone "$path" || fail "$why"
    printf 'end\n'
    exit 0
fi
# The name may be harmless and lead through a link to what is not.
above=$(readlink -f "${path%/*}/") || exit 1
[ "$above" != / ] || fail "it is a folder or file at the top of the host's file system"
name=${path##*/}
if [ ! -L "$path" ]; then
    case " $kept " in *" $above/$name "*) fail "it is $above/$name, and the host needs it" ;; esac
fi
printf 'real %s/%s\n' "$above" "$name"
# By its name in its folder alone: who owns a folder above can't lead us elsewhere.
enter "$above"
path=./$name
if [ "$task" = check ]; then
    [ -w . ] || fail "the folder $above can't be written to"
    changeable "$path"
fi
if [ -L "$path" ]; then
    printf 'removed link\n'
    [ "$task" = check ] || rm -f "$path" || exit 1
elif [ -d "$path" ]; then
    printf 'removed folder\n'
    if [ "$recursive" = yes ]; then
        if [ "$task" = change ]; then
            case $(rm --help 2>&1) in
                *one-file-system*) rm -rf --one-file-system "$path" || exit 1 ;;
                *) rm -rf "$path" || exit 1 ;;
            esac
        fi
    else
        inside=$(ls -A "$path") || exit 1
        [ -z "$inside" ] || fail "it is a folder, and not empty"
        [ "$task" = check ] || rmdir "$path" || exit 1
    fi
else
    printf 'removed file\n'
    [ "$task" = check ] || rm -f "$path" || exit 1
fi
[ "$task" = check ] || synced_folder .
printf 'end\n'
