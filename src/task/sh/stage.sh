# path, file to append to (none: make one beside the real target)
path=$1 staged=$2
if [ -z "$staged" ]; then
    real=$(readlink -f "$path") || fail "the folder ${path%/*} does not exist"
    # A run that was ended between two pieces can't tidy up. Two that write one file at once would only find, at the end,
    # that its content did not arrive whole.
    at=$(staging "$real")
    rm -f "$at".??????
    staged=$(mktemp "$at.XXXXXX") || exit 1
fi
tmp=$staged
tidy
cat >>"$staged" || exit 1
tmp=
printf '%s\n' "$staged"
