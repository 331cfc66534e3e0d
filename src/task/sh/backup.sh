# path, backup, whether folders are made, check|change, most bytes of a backup whose content is given
path=$1 backup=$2 folders=$3 task=$4 most=$5
tidy
real=$(readlink -f "$path") || fail "it does not exist"
[ -e "$real" ] || fail "it does not exist"
[ -f "$real" ] || fail "it is not a regular file"
hash=$(hash_of "$real") || exit 1
printf 'real %s\nhash %s\n' "$real" "$hash"
link=
if [ -L "$path" ]; then
    link=$(readlink "$path")
    printf 'link %s\n' "$link"
fi
is_there() {
    [ -e "$backup" ] || [ -L "$backup" ] || return 1
    [ -f "$backup" ] || fail "$backup is there, and is not a regular file"
    kept=$(hash_of "$backup") || exit 1
    printf 'kept %s\n' "$kept"
    given
    printf 'end\n'
}
given() {
    [ "$task" = change ] && [ "$(stat -c %s "$backup")" -le "$most" ] || return 0
    printf 'content\n'
    base64 <"$backup" || exit 1
    printf '.\n'
}
dir=${backup%/*}/
[ "$task" = check ] || [ ! -d "$dir" ] || sweep "$dir"
if is_there; then exit 0; fi
if [ ! -d "$dir" ]; then
    [ "$folders" = yes ] || fail "the folder $dir does not exist"
    [ "$task" = check ] || (umask 077; mkdir -p "$dir") || exit 1
elif [ "$task" = check ]; then
    [ -w "$dir" ] || fail "the folder $dir can't be written to"
fi
if [ "$task" = check ]; then
    printf 'end\n'
    exit 0
fi
# What cp can't copy of a file it can't be told to leave out; the content is what counts.
tmp=$(mktemp "$dir.zkmig.$$.XXXXXX") || exit 1
{
    printf 'path=%s\nreal_path=%s\nlink=%s\n' "$path" "$real" "$link"
    printf 'sha256=%s\n' "$hash"
    stat -c 'mode=%a
owner=%U
group=%G
modified=%Y' "$real"
    date +saved=%s
} >"$tmp" || exit 1
# First the note, then the backup: a backup without a note would be one of which nobody knows the link.
synced "$tmp"
mv -f "$tmp" "$backup.meta" || exit 1
tmp=$(mktemp "$dir.zkmig.$$.XXXXXX") || exit 1
cp --preserve=all "$real" "$tmp" 2>/dev/null || cp -p "$real" "$tmp" || exit 1
synced "$tmp"
[ "$(hash_of "$tmp")" = "$hash" ] || fail "the copy is not like the file: was it changed in the same moment?"
# A hard link fails where something is, so that no backup is ever overwritten, not even by two runs at once.
if ! said=$(ln -T "$tmp" "$backup" 2>&1 || ln "$tmp" "$backup" 2>&1); then
    if is_there; then exit 0; fi
    # A file system without hard links.
    mv -n "$tmp" "$backup" || fail "$said"
fi
[ "$(hash_of "$backup")" = "$hash" ] || fail "the backup is not like the file"
synced_folder "$dir"
given
printf 'end\n'
