#!/bin/sh
cat <<'J'
{
 "ga": {
  "hosts": [],
  "vars": {
   "path": 1.5
  },
  "children": [
   "gd",
   "gc"
  ]
 },
 "_meta": {
  "hostvars": {
   "h03": {},
   "h07": {
    "path": 2
   }
  }
 }
}
J
