#!/bin/sh
if [ $1 = --host ]; then case $2 in
h04) echo '{"alpha": 3, "of": "h04"}' ;;
h02) echo '{"alpha": 3, "of": "h02"}' ;;
h01) echo '{"alpha": 3, "of": "h01"}' ;;
*) echo '{}' ;; esac; exit; fi
cat <<'J'
{"ge": {"hosts": ["h01", "h02"], "vars": {"delta": "x"}, "children": ["ga", "gb"]}}
J
