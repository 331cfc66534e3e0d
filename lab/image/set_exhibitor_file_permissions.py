#!/bin/bash
# Gives Exhibitor, and nobody else, the stores that it needs to speak TLS. Runs as root before Exhibitor starts.
set -eu
cd /var/lib/dcos/exhibitor-tls-artifacts 2>/dev/null || exit 0
[[ -e truststore.jks && -e clientstore.jks && -e serverstore.jks ]] || exit 0
chown root:dcos_exhibitor truststore.jks clientstore.jks serverstore.jks
chmod 640 truststore.jks clientstore.jks serverstore.jks
