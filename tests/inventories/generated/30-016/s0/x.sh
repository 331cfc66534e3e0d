#!/bin/sh
if [ $1 = --host ]; then case $2 in
h06) echo '{"alpha": 3, "of": "h06"}' ;;
*) echo '{}' ;; esac; exit; fi
cat <<'J'
{"ge": {"hosts": ["h05", "h04", "h03"], "vars": {}, "children": ["ga", "gd"]}}
J
