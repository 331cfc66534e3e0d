# path, folder of ours that holds what has come so far (none: make one beside the real target)
path=$1 staged=$2
tidy
if [ -z "$staged" ]; then
    real=$(readlink -f "$path") || no_folder "$path"
    folder=${real%/*}
    [ -d "$folder/" ] || no_folder "$path"
    enter "${folder:-/}"
    # A run that was ended between two pieces can't tidy up. Two that write one file at once would only find, at the end,
    # that its content did not arrive whole.
    at=$(staging "$real")
    for stale in "$at".??????; do if [ -e "$stale" ] || [ -L "$stale" ]; then discard "$stale"; fi; done
    staged=$(mktemp -d "$at.XXXXXX") || exit 1
    nest "$staged"
    staged=${folder:-}/${staged##*/}
else
    folder=${staged%/*}
    enter "${folder:-/}"
    nest "$staged"
fi
cat >>./content || exit 1
nested=
printf '%s\n' "$staged"
