#!/bin/sh
cat <<'J'
{
 "ga": {
  "hosts": [
   "h06"
  ],
  "vars": {
   "beta": {
    "a": "b"
   }
  },
  "children": [
   "gb"
  ]
 },
 "_meta": {
  "hostvars": {
   "h01": {
    "alpha": "y",
    "path": "y"
   }
  }
 }
}
J
