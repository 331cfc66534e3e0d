# The far end of the framed shell: a loop that always sits in `read`, so that a request to end a job, and the end of the
# connection, are noticed at once while a job runs. $1 is the connection's nonce, $2 for how many seconds nothing may be heard,
# $3 an `l` and the login's LC_ALL, where the program that made us another user was given one of ours.
#
#   run ID SCRIPT INPUT   followed by the script and by its standard input, each as `lN` (N lines of ASCII, each ended),
#                         `bN` (N bytes of base64) or `-` (none); with a NAME behind it, the script comes after that text
#   load NAME TEXT        followed by what scripts have in common, likewise
#   kill                  ends the job in hand; sent again until it has ended
#   will SCRIPT           followed by a script as `lN`: what is done when the connection ends, whyever it does
#   beat                  the other end lives. Where nothing was heard for too long, this ends as if the connection had
#   rest                  nothing will be heard until the next beat, and that is no end
#
# Only `read` (which takes byte by byte) and `dd` with one block (which takes what is there, and never more than it is told)
# touch the connection; busybox's `head` would take more. Lines are what `read` takes without starting a process. Names begin
# with z_, as a name of the user's environment that is set here would be another one for the user's commands.
exec 3<&0 </dev/null
z_nonce=$1 z_limit=$2 z_path=${PATH-} z_locale=${LC_ALL-}
case ${3-} in l*) [ "$z_locale" != C ] || z_locale=${3#l} ;; esac
PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
LC_ALL=C
export LC_ALL PATH
z_setsid=$(command -v setsid)
z_job= z_will= z_watch=
# The next lines: z_take HOW-MANY.
z_take() {
  z_taken= z_left=$1
  while [ "$z_left" -gt 0 ] && IFS= read -r z_line <&3; do
    z_taken=$z_taken$z_line'
' z_left=$((z_left - 1))
  done
}
# The next bytes, which are base64: z_pull HOW-MANY. They may take long, and count as heard.
z_pull() {
  z_taken=
  while [ ${#z_taken} -lt "$1" ]; do
    z_piece=$(timeout "$z_limit" dd bs=$(($1 - ${#z_taken})) count=1 <&3 2>/dev/null)
    [ -n "$z_piece" ] || break
    z_taken=$z_taken$z_piece
    z_heard
  done
}
# A text of this form, and nothing else: z_text FORM.
z_text() {
  case $1 in
  l*) z_take "${1#l}" ;;
  # The x keeps line ends that a substitution would drop.
  b*) z_pull "${1#b}"; z_taken=$(echo "$z_taken" | base64 -d; echo x); z_taken=${z_taken%x} ;;
  esac
}
# Whether this is a process of ours that has not ended: a number may be another's by now.
z_lives() {
  [ -n "$1" ] && { read -r z_stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  case ${z_stat##*") "} in [ZX]*) return 1 ;; ?" $$ "*) return 0 ;; *) return 1 ;; esac
}
# What a job has started and has not ended, as PID/SINCE: its session, and children of its children that have left that.
z_family() {
  z_all=$(sed -n 's:^\([0-9]*\) (.*) [^ZX] \([0-9]*\) [0-9-]* \([0-9-]*\)\( [0-9-]*\)\{15\} \([0-9]*\) .*:\1/\2/\3/\5:p' \
    /proc/[0-9]*/stat 2>/dev/null)
  z_found=' ' z_more=1
  while [ -n "$z_more" ]; do
    z_more=
    for z_one in $z_all; do
      z_pid=${z_one%%/*} z_one=${z_one#*/}; z_parent=${z_one%%/*} z_one=${z_one#*/}
      z_session=${z_one%%/*} z_since=${z_one#*/}
      case $z_found in *" $z_pid/"*) continue ;; esac
      case $z_found$z_known in
      *" $z_parent/"* | *" $z_pid/$z_since "*) ;;
      *) [ "$z_session" = "$z_job" ] || continue ;;
      esac
      z_found="$z_found$z_pid/$z_since " z_known="$z_known$z_pid/$z_since " z_more=1
    done
  done
  [ "$z_found" != ' ' ]
}
# Ends what a job has started. Each gets two seconds to end by itself.
z_end() {
  z_ended=1 z_known=' ' z_told=' ' z_round=0
  while z_family && [ $z_round -lt 50 ]; do
    for z_one in $z_found; do
      [ $z_round -lt 10 ] || { kill -s KILL "${z_one%/*}"; continue; }
      case $z_told in *" $z_one "*) ;; *) kill -s TERM "${z_one%/*}"; z_told="$z_told$z_one " ;; esac
    done
    z_round=$((z_round + 1))
    sleep 0.1 || sleep 1
  done 2>/dev/null
}
# What runs one job, from its begin mark to its end mark.
z_run() {
  exec 3<&-
  z_job= z_stop= z_status= z_ended=
  trap z_stop=1 URG
  printf '%s begin %s\n' "$z_nonce" "$z_id"; printf '%s begin %s\n' "$z_nonce" "$z_id" >&2
  # A session of its own: what it starts is known by that. It has the environment of the login, not ours.
  case $z_input in
  -) z_own </dev/null & ;;
  l*) { printf %s "$z_data"; } 2>/dev/null | z_own & ;;
  b*) { echo "$z_data" | base64 -d; } 2>/dev/null | z_own & ;;
  esac
  z_job=$!
  [ -z "$z_stop" ] || z_end
  # A signal interrupts `wait`: wait again until the job is over. 127 is also what is said of one that was waited for.
  while
    z_stop=
    wait "$z_job" 2>/dev/null; z_said=$?
    [ $z_said -le 256 ] || z_said=$((z_said - 128))
    [ $z_said = 127 ] && [ -n "$z_status" ] || z_status=$z_said
    [ -n "$z_stop" ]
  do z_end; done
  # What it left behind goes on, and may print: a + says so.
  [ -n "$z_ended" ] || ! kill -0 "-$z_job" 2>/dev/null || z_status=$z_status+
  printf '%s end %s %s\n' "$z_nonce" "$z_id" "$z_status" >&2
  printf '%s end %s %s\n' "$z_nonce" "$z_id" "$z_status"
}
z_own() {
  if [ -n "$z_locale" ]; then LC_ALL=$z_locale; else unset LC_ALL; fi
  if [ -n "$z_path" ]; then PATH=$z_path; else unset PATH; fi
  exec "$z_setsid" /bin/sh -c "$z_script"
}
# What ends this where nothing was heard for too long. A signal that means nothing to who is not ready for it says that something was.
z_listen() {
  exec 3<&- >/dev/null 2>&1
  z_silent=0 z_before=$!
  trap z_silent=0 URG
  # KILL, since a child that has just begun may take another signal for one that is meant for its parent, and drop it.
  trap '[ "$!" = "$z_before" ] || kill -s KILL "$!"; exit' TERM
  z_tick=$(((z_limit + 2) / 3))
  while [ $((z_silent * z_tick)) -lt "$z_limit" ]; do
    kill -s 0 $$ || exit
    sleep $z_tick &
    while wait "$!"; [ $? -gt 128 ]; do :; done
    # That number may be another's by now.
    z_before=$!
    z_silent=$((z_silent + 1))
  done
  while grep -q -e "$z_nonce" /proc/$$/cmdline; do
    kill -s TERM $$
    sleep 1
  done
}
z_heard() {
  if z_lives "$z_watch"; then kill -s URG "$z_watch"; return; fi
  # A child that begins with a trap may drop a signal before it has its own.
  trap - HUP PIPE TERM
  z_listen &
  z_watch=$!
  trap z_finish HUP PIPE TERM
}
z_finish() {
  trap : HUP PIPE TERM
  z_lives "$z_watch" && kill -s TERM "$z_watch"
  while z_lives "$z_job"; do
    kill -s URG "$z_job" 2>/dev/null
    sleep 0.1 2>/dev/null || sleep 1
  done
  [ -z "$z_will" ] || timeout 10 /bin/sh -c "$z_will" </dev/null >/dev/null 2>&1
  exit 0
}
# Nothing is begun before the whole text is there.
z_serve() {
  z_heard
  printf '%s ready\n' "$z_nonce" >&2
  printf '%s ready\n' "$z_nonce"
  while IFS=' ' read -r z_op z_id z_script z_input z_with <&3; do
    case $z_op in
    run)
      z_text "$z_script"
      z_script=$z_taken
      [ -z "$z_with" ] || eval "z_script=\$z_common_$z_with\$z_script"
      z_data=
      case $z_input in
      l*) z_take "${z_input#l}"; z_data=$z_taken ;;
      b*) z_pull "${z_input#b}"; z_data=$z_taken ;;
      esac
      # The last one has ended, or there would be no next.
      [ -z "$z_job" ] || wait "$z_job" 2>/dev/null
      z_run 3<&3 &
      z_job=$!
      z_script= z_data= z_taken=
      ;;
    load) z_text "$z_script"; eval "z_common_$z_id=\$z_taken" ;;
    kill) z_lives "$z_job" && kill -s URG "$z_job" 2>/dev/null ;;
    will) z_take "${z_id#l}"; z_will=$z_taken z_taken= ;;
    beat) z_heard ;;
    rest) z_lives "$z_watch" && kill -s TERM "$z_watch" ;;
    esac
  done
  z_finish
}
z_serve
