# whether hashes are wanted, paths
hashes=$1
shift
date +%s
for path; do
    printf 'path\n'
    if [ -L "$path" ]; then
        printf 'link %s\n' "$(readlink "$path")"
        printf 'linked %s\n' "$(stat -c '%Y/%.9Y' "$path")"
    fi
    real=$(readlink -f "$path") && printf 'real %s\n' "$real"
    if found=$(stat -L -c '%f/%s/%u/%g/%Y/%.9Y/%U/%G' "$path" 2>&1); then
        printf 'found %s\n' "$found"
        if [ "$hashes" = yes ] && [ -f "$path" ]; then
            hash=$(hash_of "$path") && printf 'hash %s\n' "$hash" || printf 'refused its content can not be read\n'
        fi
    else
        gone "$path" || printf 'refused %s\n' "$why"
    fi
done
printf 'end\n'
