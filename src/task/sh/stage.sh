# path, file to append to (none: make one beside the real target)
path=$1 staged=$2
if [ -z "$staged" ]; then
    real=$(readlink -f "$path") || fail "the folder ${path%/*} does not exist"
    dir=${real%/*}/
    # A run that was ended between two pieces can't tidy up; nothing takes an hour for a piece.
    find "$dir" -maxdepth 1 -type f -name '.zkmig.stage.??????' -mmin +60 -exec rm -f {} \; 2>/dev/null
    staged=$(mktemp "$dir.zkmig.stage.XXXXXX") || exit 1
fi
tmp=$staged
tidy
cat >>"$staged" || exit 1
tmp=
printf '%s\n' "$staged"
