# The certificates with which Exhibitor and its clients prove who they are to each other.
# shellcheck shell=bash

readonly STORE_PASSWORD=not-relevant-for-security

make_authority() {
    local ca=$LAB/authority
    mkdir -p -m 700 "$ca"
    openssl_quietly req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$NAME's authority" \
        -keyout "$ca/root-key.pem" -out "$ca/root-cert.pem"
    "$JAVA_DIR/bin/keytool" -importcert -noprompt -alias root -file "$ca/root-cert.pem" -storetype PKCS12 \
        -keystore "$ca/truststore.jks" -storepass "$STORE_PASSWORD" 2>"$ca/log" || fail "keytool made no truststore" "What it said: $ca/log"
}

openssl_quietly() { openssl "$@" 2>"$LAB/authority/log" || fail "openssl $1 failed" "What it said: $LAB/authority/log"; }

issue_certificates() { # issue_certificates ADDRESS FOLDER: a server's and a client's, as files and as Java's stores
    local address=$1 folder=$2 ca=$LAB/authority whose
    mkdir -p "$folder"
    cp "$ca/root-cert.pem" "$ca/truststore.jks" "$folder/"
    for whose in server client; do
        openssl_quietly req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=exhibitor-$whose" \
            -addext "subjectAltName=IP:$address,DNS:localhost,IP:127.0.0.1" -keyout "$folder/$whose-key.pem" -out "$ca/request.pem"
        openssl_quietly x509 -req -in "$ca/request.pem" -copy_extensions copy -days 3650 \
            -CA "$ca/root-cert.pem" -CAkey "$ca/root-key.pem" -CAcreateserial -out "$folder/$whose-cert.pem"
        openssl_quietly pkcs12 -export -name exhibitor -in "$folder/$whose-cert.pem" -inkey "$folder/$whose-key.pem" \
            -certfile "$ca/root-cert.pem" -out "$folder/${whose}store.jks" -passout "pass:$STORE_PASSWORD"
    done
    rm "$folder/server-key.pem" "$folder/server-cert.pem"
    chown -R "0:${EXHIBITOR_USER#*:}" "$folder"
    chmod 750 "$folder"
    chmod 640 "$folder"/*.jks
    chmod 600 "$folder/client-key.pem"
}
