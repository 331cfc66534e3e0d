#!/bin/sh
cat <<'J'
{"g": ["h2", "h1"], "lone": {"colour": "{{ red }}"}, "up": {"children": ["g"], "vars": {"v": 1}}, "_meta": {"hostvars": {"h1": {"w": [1]}, "nobody": {"x": 1}}}}
J
