#!/bin/sh
if [ "$1" = --host ]; then echo "{\"of\": \"$2\"}"; exit; fi
echo '{"g": {"hosts": ["h2", "h1"]}}'
