# most bytes of a file, paths
most=$1
shift
for path; do
    printf '>%s\n' "$(readlink -f "$path")"
    if [ -e "$path" ] && [ ! -f "$path" ]; then
        printf '!it is not a regular file\n'
        continue
    fi
    exec 3>&1
    said=$({ head -c "$most" "$path" | base64 >&3; } 2>&1)
    exec 3>&-
    case $said in
        '') printf '.\n' ;;
        *)
            if [ ! -e "$path" ]; then
                if gone "$path"; then printf -- '-\n'; continue; fi
                said=$why
            fi
            printf '!%s\n' "$said" | tr '\n' ' '
            printf '\n' ;;
    esac
done
