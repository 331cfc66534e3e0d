#!/bin/sh
cat <<'J'
{
 "web-1": {
  "hosts": [
   "h04"
  ],
  "vars": {
   "with-dash": "x",
   "n": "x"
  },
  "children": [
   "gb"
  ]
 },
 "_meta": {
  "hostvars": {
   "h01": {
    "ansible_user": "y",
    "alpha": "y"
   }
  }
 }
}
J
