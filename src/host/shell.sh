# The far end of the framed shell: a loop that always sits in `read`, so that a request to end a job, and the end of the
# connection, are noticed at once while a job runs. $1 is the connection's nonce.
#
#   run ID SECONDS SCRIPT INPUT   followed by the script and by its standard input, each as `lN` (N lines of ASCII, each
#                                 ended), `bN` (N bytes; an input is in base64 then) or `-` (none)
#   kill                          ends the job in hand
#   will SCRIPT                   followed by a script as `lN`: what is done when the connection ends, whyever it does
#
# Only `read` (which takes byte by byte) and `head -c` (which takes what it is told) touch the connection. Lines are what
# `read` takes without starting a process: most scripts cost the host just `timeout` and `sh`.
exec 3<&0 </dev/null
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
export LC_ALL PATH
take() {
  taken= left=$1
  while [ "$left" -gt 0 ] && IFS= read -r line <&3; do
    taken=$taken$line'
' left=$((left - 1))
  done
}
job= will=
printf '%s ready\n' "$1"
while IFS=' ' read -r op id limit size input <&3; do
  case $op in
  run)
    case $size in
    l*) take "${size#l}"; script=$taken ;;
    # The x keeps line ends that a substitution would drop.
    b*) script=$(head -c "${size#b}" <&3; echo x); script=${script%x} ;;
    esac
    data=
    case $input in
    l*) take "${input#l}"; data=$taken ;;
    b*) data=$(head -c "${input#b}" <&3) ;;
    esac
    (
      exec 3<&-
      p=
      # The group gets two seconds to end by itself.
      trap '[ -z "$p" ] || {
        kill -s TERM -- "-$p"; i=0
        while [ $i -lt 20 ] && kill -0 -- "-$p"; do sleep 0.1; i=$((i + 1)); done
        kill -s KILL -- "-$p"; } 2>/dev/null' TERM
      printf '%s begin %s\n' "$1" "$id"; printf '%s begin %s\n' "$1" "$id" >&2
      # `timeout` makes a process group of its own, and keeps the deadline even when nobody is at the other end.
      case $input in
      -) timeout -k 2 "$limit" /bin/sh -c "$script" </dev/null & ;;
      l*) printf %s "$data" | timeout -k 2 "$limit" /bin/sh -c "$script" & ;;
      b*) printf %s "$data" | base64 -d 2>/dev/null | timeout -k 2 "$limit" /bin/sh -c "$script" & ;;
      esac
      p=$!
      # A trap interrupts `wait`: wait again until the job is really over.
      while :; do wait "$p" 2>/dev/null; status=$?; kill -0 "$p" 2>/dev/null || break; done
      kill -s KILL -- "-$p" 2>/dev/null
      printf '%s end %s %s\n' "$1" "$id" "$status" >&2
      printf '%s end %s %s\n' "$1" "$id" "$status"
    ) 3<&3 &
    job=$!
    script= data= taken=
    ;;
  kill) [ -z "$job" ] || kill -s TERM "$job" 2>/dev/null ;;
  will) take "${id#l}"; will=$taken taken= ;;
  esac
done
[ -z "$job" ] || { kill -s TERM "$job" 2>/dev/null; wait "$job" 2>/dev/null; }
[ -z "$will" ] || timeout -k 2 10 /bin/sh -c "$will" </dev/null >/dev/null 2>&1
