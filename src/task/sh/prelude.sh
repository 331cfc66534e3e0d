LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
umask 022
fail() { printf '%s\n' "$*" >&2; exit 1; }
# The same where something is not there that a command may make.
lacks() { printf 'lacks\n'; fail "$*"; }
hash_of() { hashed=$(sha256sum <"$1") || return 1; printf '%s' "${hashed%% *}"; }
# The wall clock's seconds at which the kernel's clock since boot was 0.
boot_time() {
    now=$(date +%s.%N); uptime=; read -r uptime rest </proc/uptime
    case $now in *[!0-9.]*) now=$(date +%s) ;; esac
    printf '%s %s\n' "$now" "$uptime"
}
# gone PATH: nothing is there, for certain, and $at is what of it is not there. Else $why says why that can't be told. To be asked
# where a look has failed: what may not be looked at is not absent.
gone() {
    seek=$1 followed=0
    while :; do
        at='' rest=${seek#/}
        while [ -n "$rest" ]; do
            part=${rest%%/*}
            case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
            case $part in '' | .) continue ;; ..) at=${at%/*}; continue ;; esac
            [ "${#part}" -le 255 ] || { why="a name in it is longer than 255 bytes"; return 1; }
            if [ ! -d "$at/" ]; then at=$at/$part; return 0; fi
            [ -x "$at/" ] || { why="the folder ${at:-/} may not be entered"; return 1; }
            at=$at/$part
            if [ -L "$at" ]; then
                followed=$((followed + 1))
                [ "$followed" -le 40 ] || { why="the symbolic link $at leads around in a circle"; return 1; }
                leads=$(readlink "$at") || { why="the symbolic link $at can't be read"; return 1; }
                case $leads in
                    /*) seek=$leads/$rest ;;
                    *) seek=${at%/*}/$leads/$rest ;;
                esac
                continue 2
            fi
            [ -e "$at" ] && continue
            # The kernel may have had another reason, which only its words tell.
            why=$(LC_ALL=C stat "$at" 2>&1 >/dev/null)
            case $why in *'No such file or directory'*) return 0 ;; esac
            why=${why##*: }
            return 1
        done
        why="it has come into being in this moment"
        return 1
    done
}
