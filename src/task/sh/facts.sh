# what is asked for, and for `disk` the folders on standard input
say() { printf '%s\n' "$1"; sed 's/^/ /'; }
for fact; do
    case $fact in
        hostname) uname -n | say hostname ;;
        fqdn) { hostname -f 2>/dev/null || uname -n; } | say fqdn ;;
        os_release) cat /etc/os-release 2>/dev/null | say os_release ;;
        kernel) uname -r | say kernel ;;
        architecture) uname -m | say architecture ;;
        cpus) { getconf _NPROCESSORS_ONLN 2>/dev/null || grep -c '^processor' /proc/cpuinfo; } | say cpus ;;
        memory_bytes) say memory_bytes </proc/meminfo ;;
        uptime_seconds) say uptime_seconds </proc/uptime ;;
        boot_id) say boot_id </proc/sys/kernel/random/boot_id ;;
        machine_id) cat /etc/machine-id 2>/dev/null | say machine_id ;;
        time) boot_time | say time ;;
        mounts) say mounts </proc/mounts ;;
        disk) while IFS= read -r folder; do printf '%s\n' "$folder"; df -P -k "$folder" | tail -n 1; done 2>/dev/null | say disk ;;
        selinux)
            if [ ! -e /sys/fs/selinux/enforce ]; then echo disabled
            elif [ "$(cat /sys/fs/selinux/enforce)" = 1 ]; then echo enforcing
            else echo permissive; fi | say selinux ;;
        systemd_version) systemctl --version 2>/dev/null | head -n 1 | say systemd_version ;;
        user) id -un | say user ;;
        groups) id -Gn | tr ' ' '\n' | say groups ;;
    esac
done
printf 'end\n'
