#!/bin/sh
# Starts Apache Kafka, and makes its storage and its users the first time: kafka.sh FOLDER_OF_SECRETS
set -eu
secrets=$1

# passwords stand in a file of arguments, so that nobody reads them in the list of processes
[ -e /var/lib/anlan/kafka/meta.properties ] || java "@$secrets/kafka-format"

exec java -Xms1g -Xmx1g -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExitOnOutOfMemoryError \
    -Dlog4j.configuration=file:/etc/anlan/kafka-log.properties -cp '/opt/kafka/libs/*' \
    kafka.Kafka /etc/anlan/kafka.properties --override "ssl.keystore.location=$secrets/kafka.pem"
