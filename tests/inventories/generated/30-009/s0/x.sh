#!/bin/sh
if [ $1 = --host ]; then case $2 in
h03) echo '{"alpha": 3, "of": "h03"}' ;;
*) echo '{}' ;; esac; exit; fi
cat <<'J'
{"gb": {"hosts": ["h06.example.test", "h04", "h02"], "vars": {}, "children": ["ga", "gc"]}, "web-1": {"hosts": ["h00", "h06.example.test"], "vars": {}, "children": ["ga", "gc"]}, "ga": {"hosts": ["h04"], "vars": {}}}
J
