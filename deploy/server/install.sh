#!/bin/sh
# Puts one centre on this machine: install.sh [--host NAME] [--root FOLDER [--trial]]
#
# --host  the name under which others reach this machine
# --root  everything goes below this folder and belongs to whoever runs this: for machines without systemd
# --trial the embedded engine in place of a ClickHouse server
#
# Run it again after an upgrade. What is in etc/anlan is yours: it stays as it is, and where ours is another now it is put
# beside it as NAME.new. Units and programs are ours: change units with `systemctl edit`.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
deploy=$(dirname "$here")
host=$(hostname -f)
root=
trial=

while [ $# -gt 0 ]; do
    case $1 in
    --host) host=$2 && shift ;;
    --root) mkdir -p "$2" && root=$(cd "$2" && pwd) && shift ;;
    --trial) trial=yes ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    esac
    shift
done
if [ -n "$trial" ] && [ -z "$root" ]; then
    echo 'a trial must have a folder of its own; got no --root' >&2
    exit 2
fi
etc=$root/etc/anlan
var=$root/var/lib/anlan
secrets=$etc/secrets

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# the file with the folders, the name and the users of this installation in it
here_as() {
    sed -f "$work/here.sed" "$1"
}

# ours: always as in this release
ours() {
    mkdir -p "$(dirname "$2")"
    here_as "$1" >"$2"
}

# yours: never overwritten
yours() {
    if [ ! -e "$2" ]; then
        ours "$1" "$2"
    elif ! here_as "$1" | cmp -s - "$2"; then
        here_as "$1" >"$2.new"
        echo "kept $2; what this release has is beside it as $2.new"
    fi
}

yours_all() {
    for file in "$1"/*; do
        [ -d "$file" ] || yours "$file" "$2/$(basename "$file")"
    done
}

password() {
    [ -e "$secrets/$1" ] || openssl rand -hex 32 | tr -d '\n' >"$secrets/$1"
}

secret() {
    cat "$secrets/$1"
}

sha256() {
    secret "$1" | openssl dgst -sha256 -r | cut -d ' ' -f 1
}

make_secrets() {
    (umask 077 && mkdir -p "$secrets")
    "$here/certificates.sh" "$etc" "$host"
    (
        umask 077
        for user in kafka kafka-admin redis clickhouse boards redis-boards grafana; do
            password "$user-password"
        done
        [ -e "$secrets/keyring" ] || {
            "$root/opt/anlan/bin/anlan" keys make "$secrets" >/dev/null
            mv "$secrets/seal.public" "$etc/" # departments get it
        }
    )
}

make_sed() {
    cat <<EOF
s#/etc/anlan#$etc#g
s#/var/lib/anlan#$var#g
s#/opt/#$root/opt/#g
s#ANLAN_HOST#$host#g
s#ANLAN_SHA256_CLICKHOUSE#$(sha256 clickhouse-password)#g
s#ANLAN_SHA256_BOARDS#$(sha256 boards-password)#g
s#ANLAN_SHA256_REDIS#$(sha256 redis-password)#g
s#ANLAN_SHA256_WATCHERS#$(sha256 redis-boards-password)#g
EOF
    if [ -n "$trial" ]; then
        echo 's#^clickhouse = .*#clickhouse = "http://127.0.0.1:8123/default"#'
    fi
}

# the storage of Kafka is made once, with its users
make_kafka_format() {
    [ ! -e "$secrets/kafka-format" ] || return 0
    cluster=$(openssl rand -base64 16 | tr '+/' 'AB' | tr -d =)
    (
        umask 077
        cat <<EOF >"$secrets/kafka-format"
-cp "$root/opt/kafka/libs/*" kafka.tools.StorageTool format
--config "$etc/kafka.properties" --cluster-id $cluster
--add-scram "SCRAM-SHA-512=[name=admin,password=$(secret kafka-admin-password)]"
--add-scram "SCRAM-SHA-512=[name=anlan,password=$(secret kafka-password)]"
EOF
    )
}

make_boards() {
    mkdir -p "$etc/boards"
    cp "$deploy"/../dashboards/grafana/*.json "$etc/boards/"
    yours "$deploy/grafana/grafana.ini" "$etc/grafana.ini"
    for folder in alerting dashboards datasources; do
        yours_all "$deploy/grafana/provisioning/$folder" "$etc/provisioning/$folder"
    done
    [ -e "$secrets/grafana.env" ] || (
        umask 077
        cat <<EOF >"$secrets/grafana.env"
GF_PATHS_DATA=$var/grafana
GF_SECURITY_ADMIN_PASSWORD=$(secret grafana-password)
ANLAN_CLICKHOUSE_HOST=$host
ANLAN_CLICKHOUSE_DATABASE=default
ANLAN_CLICKHOUSE_USER=boards
ANLAN_CLICKHOUSE_PASSWORD=$(secret boards-password)
ANLAN_PROMETHEUS_URL=http://127.0.0.1:9090
ANLAN_REDIS_URL=rediss://$host:6379
ANLAN_REDIS_USER=boards
ANLAN_REDIS_PASSWORD=$(secret redis-boards-password)
ANLAN_DUTY_WEBHOOK=http://127.0.0.1:8060/duty
EOF
    )
}

make_configuration() {
    mkdir -p "$etc" "$var"
    yours_all "$here/config" "$etc"
    yours_all "$deploy/prometheus" "$etc/prometheus"
    ours "$here/kafka.sh" "$root/opt/anlan/libexec/kafka.sh"
    chmod 755 "$root/opt/anlan/libexec/kafka.sh"
}

with_systemd() {
    for unit in "$here"/systemd/*.service "$here"/systemd/*.target; do
        ours "$unit" "/etc/systemd/system/$(basename "$unit")"
    done
    ours "$here/systemd/anlan-.service.d/hardening.conf" /etc/systemd/system/anlan-.service.d/hardening.conf
    ours "$here/systemd/anlan.sysusers.conf" /etc/sysusers.d/anlan.conf
    systemd-sysusers /etc/sysusers.d/anlan.conf
    systemctl daemon-reload
    echo 'done; start it with: systemctl enable --now anlan.target'
}

# a part whose program is not on this machine is left out, as systemd does, and named
with_supervisor() {
    mkdir "$work/units"
    for unit in "$here"/systemd/*.service; do
        name=$(basename "$unit")
        [ -z "$trial" ] || [ ! -e "$here/trial/$name" ] || unit=$here/trial/$name
        program=$(sed -n 's/^ConditionFileIsExecutable=//p' "$unit")
        if [ -z "$program" ] || [ -x "$program" ]; then
            here_as "$unit" >"$work/units/$name"
            sed -n 's/^StateDirectory=//p' "$unit" | tr ' ' '\n' | while read -r folder; do mkdir -p "$root/var/lib/$folder"; done
        else
            echo "left out: $name, which needs $program"
        fi
    done
    mkdir -p "$var/log"
    ours "$here/supervisord.conf" "$etc/supervisord.conf"
    awk -v secrets="$secrets" -v logs="$var/log" -f "$here/supervise.awk" "$work"/units/*.service >"$etc/programs.conf"
    echo "done; start it with: $root/opt/anlan/bin/supervisord -c $etc/supervisord.conf"
}

make_secrets
make_sed >"$work/here.sed"
make_kafka_format
make_configuration
make_boards
if [ -z "$root" ]; then with_systemd; else with_supervisor; fi
