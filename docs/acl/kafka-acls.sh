#!/bin/sh
# The Kafka ACLs that Linger needs, and no more. Edit the variables or set them, then run once as an administrator:
#
#   BOOTSTRAP=kafka:9093 ADMIN_CONFIG=admin.properties SOURCES="shop.orders shop.logins" sh kafka-acls.sh
#
# With TLS certificates the principal is the certificate's subject ("User:CN=linger,O=..."), unless the brokers have
# ssl.principal.mapping.rules.
set -eu

: "${BOOTSTRAP:=localhost:9092}"                # LINGER_KAFKA_BOOTSTRAP_SERVERS
: "${ADMIN_CONFIG:=admin.properties}"           # how an administrator connects
: "${TOPIC_PREFIX:=linger}"                     # LINGER_TOPIC_PREFIX
: "${GROUP_ID:=linger}"                         # LINGER_KAFKA_GROUP_ID
: "${SOURCES:?the topics of your sources file, with spaces between}"
: "${WORKER:=User:linger}"                      # who runs `linger run`
: "${OPERATOR:=User:linger-operator}"           # who runs `linger topics create` and `linger doctor`
: "${KAFKA_ACLS:=kafka-acls.sh}"                # from Kafka's bin folder

allow() {
    principal=$1
    shift
    "$KAFKA_ACLS" --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN_CONFIG" --add --allow-principal "$principal" "$@"
}

# -- the worker: no Create, no Alter, no Delete, nothing on the cluster. Read and Write bring Describe with them.

# It reads back what it has written to the activity topic, and only there.
allow "$WORKER" --operation Read --operation Write --topic "$TOPIC_PREFIX.activity"

# What it tells the world. An idempotent producer needs no right of its own (Kafka 2.8 and later).
for name in at-risk win-back decisions dead-letter; do
    allow "$WORKER" --operation Write --topic "$TOPIC_PREFIX.$name"
done

# Sources are only read.
for name in $SOURCES; do
    allow "$WORKER" --operation Read --topic "$name"
done

# To join its group and to commit.
allow "$WORKER" --operation Read --group "$GROUP_ID"

# -- the operator: makes Linger's own topics and looks; reads and writes no record.

allow "$OPERATOR" --resource-pattern-type prefixed --topic "$TOPIC_PREFIX." \
    --operation Create --operation Describe --operation DescribeConfigs
for name in $SOURCES; do
    allow "$OPERATOR" --operation Describe --operation DescribeConfigs --topic "$name"
done
allow "$OPERATOR" --operation Describe --group "$GROUP_ID"
