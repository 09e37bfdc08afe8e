#!/bin/sh
# The Kafka ACLs that Linger needs, and no others. Edit or set the variables, then run this once as an administrator:
#
#   BOOTSTRAP=kafka:9093 ADMIN_CONFIG=admin.properties SOURCES="shop.orders shop.logins" sh kafka-acls.sh
#
# With TLS client certificates, the principal is the certificate's subject ("User:CN=linger,O=..."), unless the brokers set
# ssl.principal.mapping.rules.
set -eu

: "${BOOTSTRAP:=localhost:9092}"                # LINGER_KAFKA_BOOTSTRAP_SERVERS
: "${ADMIN_CONFIG:=admin.properties}"           # client settings of an administrator
: "${TOPIC_PREFIX:=linger}"                     # LINGER_TOPIC_PREFIX
: "${GROUP_ID:=linger}"                         # LINGER_KAFKA_GROUP_ID
: "${SOURCES:?the topics of your sources file, with spaces between}"
: "${WORKER:=User:linger}"                      # the user that runs `linger run`
: "${OPERATOR:=User:linger-operator}"           # the user that runs `linger topics create`, `linger doctor` and `linger pause`
: "${KAFKA_ACLS:=kafka-acls.sh}"                # from Kafka's bin folder

allow() {
    principal=$1
    shift
    "$KAFKA_ACLS" --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN_CONFIG" --add --allow-principal "$principal" "$@"
}

# -- the worker: no Create, no Alter, no Delete, no right on the cluster. Read and Write include Describe.

# The worker reads and writes the activity topic, and reads which rules are paused. It reads no other topic of Linger.
# With DescribeConfigs, it warns when a topic deletes records too early; without it, it only says that it does not know.
allow "$WORKER" --operation Read --operation Write --operation DescribeConfigs --topic "$TOPIC_PREFIX.activity"
allow "$WORKER" --operation Read --operation DescribeConfigs --topic "$TOPIC_PREFIX.pauses"

# Output topics. An idempotent producer needs no extra right (Kafka 2.8 and later).
for name in at-risk win-back decisions dead-letter; do
    allow "$WORKER" --operation Write --operation DescribeConfigs --topic "$TOPIC_PREFIX.$name"
done

# Sources are read-only.
for name in $SOURCES; do
    allow "$WORKER" --operation Read --topic "$name"
done

# The worker joins its group and commits offsets.
allow "$WORKER" --operation Read --group "$GROUP_ID"

# -- the operator: creates and inspects Linger's topics, reads events, pauses rules; writes no other record.

allow "$OPERATOR" --resource-pattern-type prefixed --topic "$TOPIC_PREFIX." \
    --operation Create --operation Describe --operation DescribeConfigs
# `linger doctor` looks at the newest events for producers that choose partitions in another way.
allow "$OPERATOR" --operation Read --topic "$TOPIC_PREFIX.activity"
allow "$OPERATOR" --operation Read --operation Write --topic "$TOPIC_PREFIX.pauses"
# Every command that changes something writes to the audit first; `linger audit` reads it.
allow "$OPERATOR" --operation Read --operation Write --topic "$TOPIC_PREFIX.audit"
for name in $SOURCES; do
    allow "$OPERATOR" --operation Describe --operation DescribeConfigs --topic "$name"
done
allow "$OPERATOR" --operation Describe --group "$GROUP_ID"
