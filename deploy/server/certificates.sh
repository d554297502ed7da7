#!/bin/sh
# Makes a small certificate authority and a certificate for each server: certificates.sh FOLDER HOST
#
# FOLDER/tls gets what everybody may see, FOLDER/secrets the keys. What is there is left alone: to use certificates of
# the centre's own, put them there under these names; to renew one, remove it and run this again.
set -eu
umask 077
tls=$1/tls
secrets=$1/secrets
host=$2
ca_days=3650
days=397

mkdir -p "$tls" "$secrets"
chmod 755 "$tls"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() {
    [ -e "$1" ] || openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

authority() {
    [ ! -e "$tls/ca.pem" ] || return 0
    key "$secrets/ca.key"
    openssl req -x509 -new -key "$secrets/ca.key" -days "$ca_days" -subj "/O=Anlan/CN=Anlan CA of $host" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
        -out "$tls/ca.pem"
}

# a certificate for a part, under the name of this machine and, among containers, its own: certificate PART NAME
certificate() {
    [ ! -e "$tls/$1.pem" ] || return 0
    key "$secrets/$1.key"
    printf '%s\n' "subjectAltName=DNS:$host,DNS:$2,DNS:localhost,IP:127.0.0.1" basicConstraints=critical,CA:FALSE \
        keyUsage=critical,digitalSignature extendedKeyUsage=serverAuth,clientAuth >"$work/extensions"
    openssl req -new -key "$secrets/$1.key" -subj "/CN=$1" -out "$work/request"
    openssl x509 -req -in "$work/request" -CA "$tls/ca.pem" -CAkey "$secrets/ca.key" -days "$days" \
        -extfile "$work/extensions" -out "$tls/$1.pem" 2>"$work/said" || { cat "$work/said" >&2; exit 1; }
}

authority
certificate kafka kafka
certificate valkey valkey
certificate clickhouse clickhouse
certificate anlan anlan-serve
cat "$secrets/kafka.key" "$tls/kafka.pem" >"$secrets/kafka.pem" # Kafka reads both from one file
chmod 644 "$tls"/*.pem
