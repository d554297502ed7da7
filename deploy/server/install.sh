#!/bin/sh
# Puts one centre on this machine: install.sh [--host NAME] [--root FOLDER [--trial | --containers]]
#
# --host        the name under which others reach this machine
# --root        everything goes below this folder and belongs to whoever runs this: for machines without systemd
# --trial       the embedded engine in place of a ClickHouse server
# --containers  what deploy/compose.yaml needs, in place of programs for supervisord
#
# Run it again after an upgrade. What is in etc/anlan is yours: it stays as it is, and where ours is another now it is put
# beside it as NAME.new. Units and programs are ours: change units with `systemctl edit`.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
deploy=$(dirname "$here")
host=
root=
kind=

while [ $# -gt 0 ]; do
    case $1 in
    --host) host=$2 && shift ;;
    --root) mkdir -p "$2" && root=$(cd "$2" && pwd) && shift ;;
    --trial | --containers) kind=${1#--} ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    esac
    shift
done
host=${host:-$(hostname -f)}
if [ -n "$kind" ] && [ -z "$root" ]; then
    echo "--$kind must have a folder of its own; got no --root" >&2
    exit 2
fi
etc=$root/etc/anlan
var=$root/var/lib/anlan
secrets=$etc/secrets
anlan=${ANLAN:-$root/opt/anlan/bin/anlan}
inside=$root # what the parts themselves see before every path
[ "$kind" != containers ] || inside=

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
        for user in kafka-admin kafka-run kafka-serve kafka-upkeep redis-run redis-serve redis-upkeep redis-boards \
            clickhouse boards grafana; do
            password "$user-password"
        done
        [ -e "$secrets/keyring" ] || {
            $anlan keys make "$secrets" >/dev/null
            mv "$secrets/seal.public" "$etc/" # departments get it
        }
    )
}

make_sed() {
    cat <<EOF
s#/etc/anlan#$inside/etc/anlan#g
s#/var/lib/anlan#$inside/var/lib/anlan#g
s#/opt/#$inside/opt/#g
s#ANLAN_HOST#$host#g
s#ANLAN_SHA256_CLICKHOUSE#$(sha256 clickhouse-password)#g
s#ANLAN_SHA256_BOARDS#$(sha256 boards-password)#g
s#ANLAN_SHA256_REDIS_RUN#$(sha256 redis-run-password)#g
s#ANLAN_SHA256_REDIS_SERVE#$(sha256 redis-serve-password)#g
s#ANLAN_SHA256_REDIS_UPKEEP#$(sha256 redis-upkeep-password)#g
s#ANLAN_SHA256_REDIS_BOARDS#$(sha256 redis-boards-password)#g
EOF
    case $kind in
    trial) echo 's#^clickhouse = .*#clickhouse = "http://127.0.0.1:8123/default"#' ;;
    containers) printf 's#127.0.0.1:%s#%s#\n' 9464 run:9464 9465 serve:9465 9093 alertmanager:9093 ;;
    esac
}

# who the administrator is to Kafka's own tools
make_kafka_admin() {
    [ -e "$secrets/kafka-admin.properties" ] || (
        umask 077
        cat <<EOF >"$secrets/kafka-admin.properties"
security.protocol=SASL_SSL
ssl.truststore.type=PEM
ssl.truststore.location=$etc/tls/ca.pem
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\
    username="admin" password="$(secret kafka-admin-password)";
EOF
    )
}

# the storage of Kafka is made once, with its users
make_kafka_format() {
    [ ! -e "$secrets/kafka-format" ] || return 0
    cluster=$(openssl rand -base64 16 | tr '+/' 'AB' | tr -d =)
    (
        umask 077
        cat <<EOF >"$secrets/kafka-format"
-Dlog4j.configuration="file:$inside/etc/anlan/kafka-log.properties"
-cp "$inside/opt/kafka/libs/*" kafka.tools.StorageTool format
--config "$inside/etc/anlan/kafka.properties" --cluster-id $cluster
--add-scram "SCRAM-SHA-512=[name=admin,password=$(secret kafka-admin-password)]"
--add-scram "SCRAM-SHA-512=[name=anlan-run,password=$(secret kafka-run-password)]"
--add-scram "SCRAM-SHA-512=[name=anlan-serve,password=$(secret kafka-serve-password)]"
--add-scram "SCRAM-SHA-512=[name=anlan-upkeep,password=$(secret kafka-upkeep-password)]"
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
GF_SECURITY_ADMIN_PASSWORD=$(secret grafana-password)
ANLAN_CLICKHOUSE_PASSWORD=$(secret boards-password)
ANLAN_REDIS_PASSWORD=$(secret redis-boards-password)
EOF
    )
}

make_configuration() {
    yours_all "$here/config" "$etc"
    yours_all "$deploy/prometheus" "$etc/prometheus"
}

make_programs() {
    ours "$here/kafka.sh" "$root/opt/anlan/libexec/kafka.sh"
    chmod 755 "$root/opt/anlan/libexec/kafka.sh"
}

# whether this host is one of several that share the flow
is_in_group() {
    grep -q '^group_host *= *"[^"]' "$etc/anlan.toml"
}

# systemd makes the folders of its units by itself
make_folders() {
    sed -n 's/^StateDirectory=//p' "$here"/systemd/*.service | tr ' ' '\n' | while read -r folder; do
        mkdir -p "$root/var/lib/$folder"
    done
}

with_systemd() {
    make_programs
    for unit in "$here"/systemd/*.service "$here"/systemd/*.target; do
        ours "$unit" "/etc/systemd/system/$(basename "$unit")"
    done
    ours "$here/systemd/anlan-.service.d/hardening.conf" /etc/systemd/system/anlan-.service.d/hardening.conf
    group="anlan-run.service.d/group.conf"
    rm -f "/etc/systemd/system/$group"
    ! is_in_group || ours "$here/systemd/$group" "/etc/systemd/system/$group"
    ours "$here/systemd/anlan.sysusers.conf" /etc/sysusers.d/anlan.conf
    systemd-sysusers /etc/sysusers.d/anlan.conf
    systemctl daemon-reload
    echo 'done; start it with: systemctl enable --now anlan.target'
}

# a part whose program is not on this machine is left out, as systemd does, and named
with_supervisor() {
    make_programs
    make_folders
    mkdir -p "$work/units" "$var/log"
    for unit in "$here"/systemd/*.service; do
        name=$(basename "$unit")
        [ "$kind" != trial ] || [ ! -e "$here/trial/$name" ] || unit=$here/trial/$name
        program=$(sed -n 's/^ConditionFileIsExecutable=//p' "$unit")
        if [ -z "$program" ] || [ -x "$program" ]; then
            here_as "$unit" >"$work/units/$name"
            [ "$name" != anlan-run.service ] || ! is_in_group || here_as "$here/systemd/$name.d/group.conf" >>"$work/units/$name"
        else
            echo "left out: $name, which needs $program"
        fi
    done
    ours "$here/supervisord.conf" "$etc/supervisord.conf"
    awk -v secrets="$secrets" -v logs="$var/log" -f "$here/supervise.awk" "$work"/units/*.service >"$etc/programs.conf"
    echo "done; start it with: $root/opt/anlan/bin/supervisord -c $etc/supervisord.conf"
}

with_containers() {
    make_folders
    # not root, whoever runs this: the user of our image
    [ "$(id -u)" != 0 ] || chown -R 10001:10001 "$root/etc" "$root/var"
    printf '%s\n' "ANLAN_ROOT=$root" "ANLAN_HOST=$host" "ANLAN_USER=$(stat -c %u:%g "$etc")" >"$root/compose.env"
    echo "done; start it with: docker compose --env-file $root/compose.env -f $deploy/compose.yaml up --detach"
}

make_secrets
make_sed >"$work/here.sed"
make_kafka_admin
make_kafka_format
make_configuration
make_boards
if [ -z "$root" ]; then
    with_systemd
elif [ "$kind" = containers ]; then
    with_containers
else
    with_supervisor
fi
