# path, backup, whether folders are made, check|change, most bytes of a backup whose content is given
path=$1 backup=$2 folders=$3 task=$4 most=$5
tidy
if ! real=$(readlink -f "$path") || [ ! -e "$real" ]; then
    if gone "$path"; then lacks "it does not exist"; else fail "$why"; fi
fi
[ -f "$real" ] || fail "it is not a regular file"
hash=$(hash_of "$real") || exit 1
printf 'real %s\nhash %s\n' "$real" "$hash"
link=
if [ -L "$path" ]; then
    link=$(readlink "$path")
    printf 'link %s\n' "$link"
fi
name=${backup##*/}
# is_there BACKUP
is_there() {
    [ -e "$1" ] || [ -L "$1" ] || return 1
    [ -f "$1" ] || fail "$backup is there, and is not a regular file"
    kept=$(hash_of "$1") || exit 1
    printf 'kept %s\n' "$kept"
    given "$1"
    printf 'end\n'
}
given() {
    [ "$task" = change ] && [ "$(stat -c %s "$1")" -le "$most" ] || return 0
    printf 'content\n'
    base64 <"$1" || exit 1
    printf '.\n'
}
if is_there "$backup"; then exit 0; fi
gone "$backup" || fail "the backup $backup: $why"
dir=${backup%/*}/
if [ ! -d "$dir" ]; then
    [ "$folders" = yes ] && [ -d "${at%/*}/" ] || no_folder "$backup"
    if [ "$task" = check ]; then
        [ -w "${at%/*}/" ] || fail "the folder ${at%/*}/ can't be written to"
    else
        (umask 077; mkdir -p "$dir") || exit 1
    fi
elif [ "$task" = check ]; then
    [ -w "$dir" ] || fail "the folder $dir can't be written to"
    room "$dir" "$(stat -c %s "$real")"
fi
if [ "$task" = check ]; then
    printf 'end\n'
    exit 0
fi
dir=$(readlink -f "$dir") || exit 1
enter "$dir"
sweep
nest
# What cp can't copy of a file it can't be told to leave out; the content is what counts.
{
    printf 'path=%s\nreal_path=%s\nlink=%s\n' "$path" "$real" "$link"
    printf 'sha256=%s\n' "$hash"
    stat -c 'mode=%a
owner=%U
group=%G
modified=%Y' "$real"
    date +saved=%s
} >./content || exit 1
chmod 600 ./content || exit 1
# First the note, then the backup: a backup without a note would be one of which nobody knows the link.
synced ./content
place "$name.meta"
cp --preserve=all "$real" ./content 2>/dev/null || cp -p "$real" ./content || exit 1
synced ./content
[ "$(hash_of ./content)" = "$hash" ] || fail "the copy is not like the file: was it changed in the same moment?"
# A hard link fails where something is, so that no backup is ever overwritten, not even by two runs at once.
if ! said=$(ln -T ./content "../$name" 2>&1); then
    if is_there "../$name"; then exit 0; fi
    # An ln that does not know -T, or a file system without hard links. Without -T a link that somebody puts there is followed.
    ! is_root || [ -O .. ] || fail "$said"
    if ! ln ./content "../$name" 2>/dev/null; then
        if is_there "../$name"; then exit 0; fi
        mv -n ./content "../$name" || fail "$said"
    fi
fi
[ "$(hash_of "../$name")" = "$hash" ] || fail "the backup is not like the file"
given "../$name"
unnest
synced_folder .
printf 'end\n'
