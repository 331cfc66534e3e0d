#!/bin/sh
cat <<'J'
{
 "ga": {
  "hosts": [
   "h00"
  ],
  "vars": {
   "ansible_user": [
    1
   ],
   "ansible_port": "x"
  }
 },
 "_meta": {
  "hostvars": {}
 }
}
J
