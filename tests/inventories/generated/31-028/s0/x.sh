#!/bin/sh
cat <<'J'
{
 "gh": [
  "h00",
  "h01",
  "h04.example.test"
 ],
 "gc": {
  "hosts": [
   "h00",
   "h01",
   "h05"
  ],
  "vars": {
   "ansible_user": {
    "a": "b"
   },
   "path": 1
  }
 },
 "_meta": {
  "hostvars": {
   "h04.example.test": {
    "ansible_port": 2,
    "gamma": 2
   },
   "h02": {
    "ansible_port": false
   },
   "h03": {
    "ansible_port": "y"
   }
  }
 }
}
J
