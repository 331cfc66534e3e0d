#!/bin/sh
if [ $1 = --host ]; then case $2 in
h00) echo '{"alpha": 3, "of": "h00"}' ;;
h02) echo '{"alpha": 3, "of": "h02"}' ;;
*) echo '{}' ;; esac; exit; fi
cat <<'J'
{"ga": {"hosts": ["h00"], "vars": {"n": true, "path": 1.5}, "children": ["gb", "gc"]}}
J
