# whether environments are wanted, process ids or none: then those whose command line holds the text on standard input
environments=$1
shift
printf 'clock %s\ntick %s\n' "$(boot_time)" "$(getconf CLK_TCK 2>/dev/null || echo 100)"
if [ $# = 0 ]; then
    # The text is on standard input and not in the pattern, or grep would find itself.
    # shellcheck disable=SC2046 # a list of numbers
    set -- $(grep -l -z -F -f - /proc/[0-9]*/cmdline 2>/dev/null | sed 's|^/proc/||; s|/cmdline$||')
fi
for pid; do
    [ -d "/proc/$pid" ] || continue
    line=
    read -r line 2>/dev/null <"/proc/$pid/stat" || continue
    printf 'pid %s\nstat %s\n' "$pid" "$line"
    printf 'user %s\n' "$(stat -c '%U/%u' "/proc/$pid" 2>/dev/null)"
    printf 'exe %s\n' "$(readlink "/proc/$pid/exe" 2>/dev/null)"
    printf 'cmdline %s\n' "$(base64 2>/dev/null <"/proc/$pid/cmdline" | tr -d '\n')"
    sed 's/^/cgroup /' "/proc/$pid/cgroup" 2>/dev/null
    if [ "$environments" = yes ]; then
        if [ -r "/proc/$pid/environ" ] && environ=$(base64 2>/dev/null <"/proc/$pid/environ" | tr -d '\n'); then
            printf 'environ %s\n' "$environ"
        fi
    fi
done
printf 'end\n'
