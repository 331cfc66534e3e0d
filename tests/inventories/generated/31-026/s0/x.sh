#!/bin/sh
cat <<'J'
{
 "ga": {
  "hosts": [],
  "vars": {
   "ansible_user": 1.5,
   "alpha": [
    1
   ]
  }
 },
 "_meta": {
  "hostvars": {
   "h03": {},
   "h01": {},
   "h05": {
    "n": 2,
    "ansible_user": false
   }
  }
 }
}
J
