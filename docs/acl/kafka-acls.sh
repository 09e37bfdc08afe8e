#!/bin/sh
# The Kafka ACLs that Linger needs, and no others: one user for each role. Edit or set the variables, then run this once as
# an administrator:
#
#   BOOTSTRAP=kafka:9093 ADMIN_CONFIG=admin.properties SOURCES="shop.orders shop.logins" sh kafka-acls.sh
#
# With TLS client certificates, the principal is the certificate's subject ("User:CN=linger,O=..."), unless the brokers set
# ssl.principal.mapping.rules. Which commands each role is for: docs/security.md
set -eu

: "${BOOTSTRAP:=localhost:9092}"                # LINGER_KAFKA_BOOTSTRAP_SERVERS
: "${ADMIN_CONFIG:=admin.properties}"           # client settings of an administrator
: "${TOPIC_PREFIX:=linger}"                     # LINGER_TOPIC_PREFIX
: "${GROUP_ID:=linger}"                         # LINGER_KAFKA_GROUP_ID
: "${SOURCES:?the topics of your sources file, with spaces between}"
: "${ACTIONS:=at-risk win-back}"                # and the names under `actions` of your sources file
: "${WORKER:=User:linger}"                      # runs workers, linger doctor, linger sources forget
: "${TOPICS:=User:linger-topics}"               # creates Linger's topics
: "${SUPPORT:=User:linger-support}"             # looks at customers, held actions, dead letters, sources; changes nothing
: "${INCIDENT:=User:linger-incident}"           # pauses, releases, replays, rebuilds, exports: for emergencies
: "${PRIVACY:=User:linger-privacy}"             # erases, suppresses, resumes and exports customers
: "${MAILER:=User:linger-mailer}"               # reads actions
: "${MAILER_GROUP:=linger-mailer}"              # its consumer group, if it has one
: "${KAFKA_ACLS:=kafka-acls.sh}"                # from Kafka's bin folder

allow() {
    principal=$1
    shift
    "$KAFKA_ACLS" --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN_CONFIG" --add --allow-principal "$principal" "$@"
}

# Read and Write include Describe. No role has Alter, Delete, or a right on the cluster.

# -- worker: reads sources and requests, reads and writes the activity topic, marks, the book and pauses (it pauses rules that harm),
# writes the output topics; an idempotent producer needs no extra right (Kafka 2.8 and later). With DescribeConfigs, it warns
# when a topic deletes records too early, and linger doctor compares the sizes of records; without it, both only say that
# they do not know.
for name in activity marks book pauses; do
    allow "$WORKER" --operation Read --operation Write --operation DescribeConfigs --topic "$TOPIC_PREFIX.$name"
done
allow "$WORKER" --operation Read --operation DescribeConfigs --topic "$TOPIC_PREFIX.requests"
for name in $ACTIONS decisions stages dead-letter; do
    allow "$WORKER" --operation Write --operation DescribeConfigs --topic "$TOPIC_PREFIX.$name"
done
for name in $SOURCES; do
    allow "$WORKER" --operation Read --operation DescribeConfigs --topic "$name"
done
# Its commands that change something (linger sources forget) leave a record of it; a running worker does not use it.
allow "$WORKER" --operation Write --operation DescribeConfigs --topic "$TOPIC_PREFIX.audit"
allow "$WORKER" --operation Read --group "$GROUP_ID"

# -- topics: creates Linger's own topics and no other, and reads no record.
for name in activity $ACTIONS decisions stages dead-letter pauses marks book requests; do
    allow "$TOPICS" --operation Create --operation Describe --operation DescribeConfigs --topic "$TOPIC_PREFIX.$name"
done
allow "$TOPICS" --operation Create --operation Write --operation DescribeConfigs --topic "$TOPIC_PREFIX.audit"

# -- support: reads; it writes only to the audit, whose data it looked at.
for name in activity dead-letter pauses; do
    allow "$SUPPORT" --operation Read --topic "$TOPIC_PREFIX.$name"
done
allow "$SUPPORT" --operation Read --operation Write --topic "$TOPIC_PREFIX.audit"
for name in $SOURCES; do
    allow "$SUPPORT" --operation Read --topic "$name"
done
allow "$SUPPORT" --operation Describe --group "$GROUP_ID"

# -- incident: as support; writes pauses, dead letters to where they came from, and what a rebuild finds unpublished. It never
# joins the group of the workers, and asks whether they are alive.
for name in activity $ACTIONS decisions stages dead-letter pauses marks book audit; do
    allow "$INCIDENT" --operation Read --operation Write --topic "$TOPIC_PREFIX.$name"
done
for name in $SOURCES; do
    allow "$INCIDENT" --operation Read --operation Write --topic "$name"
done
allow "$INCIDENT" --operation Write --topic "$TOPIC_PREFIX.requests"
allow "$INCIDENT" --operation Describe --group "$GROUP_ID"

# -- privacy: writes orders about customers, and finds what stays of them; with DescribeConfigs it says until when. It
# never joins the group of the workers, and asks whether any runs.
allow "$PRIVACY" --operation Read --operation Write --operation DescribeConfigs --topic "$TOPIC_PREFIX.activity"
for name in $ACTIONS decisions stages dead-letter requests; do
    allow "$PRIVACY" --operation Read --operation DescribeConfigs --topic "$TOPIC_PREFIX.$name"
done
allow "$PRIVACY" --operation Read --topic "$TOPIC_PREFIX.marks"
allow "$PRIVACY" --operation Read --operation Write --topic "$TOPIC_PREFIX.audit"
allow "$PRIVACY" --operation Describe --group "$GROUP_ID"

# -- mailer: reads actions and stages, and nothing else of Linger.
for name in $ACTIONS stages; do
    allow "$MAILER" --operation Read --topic "$TOPIC_PREFIX.$name"
done
allow "$MAILER" --operation Read --group "$MAILER_GROUP"
