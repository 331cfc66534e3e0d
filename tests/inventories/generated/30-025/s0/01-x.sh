#!/bin/sh
cat <<'J'
{
 "ga": {
  "hosts": [
   "h04.example.test"
  ],
  "vars": {
   "ansible_port": 1,
   "path": null
  }
 },
 "_meta": {
  "hostvars": {
   "h00": {},
   "h04.example.test": {
    "n": 2
   },
   "h03": {
    "ansible_port": "y",
    "delta": 2
   }
  }
 }
}
J
