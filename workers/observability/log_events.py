"""Names of log events. Operators alert on them: a name is never changed.

Nothing is logged per event in normal operation, and a customer only as a keyed hash.
"""

from typing import Final

# In the order of a worker's life.
WORKER_STARTING: Final = "worker_starting"
TOPIC_LOSES_RECORDS: Final = "topic_loses_records"
TOPIC_SETTINGS_HIDDEN: Final = "topic_settings_hidden"
WORKER_READY: Final = "worker_ready"
PARTITIONS_CLAIMED: Final = "partitions_claimed"
PARTITION_STOPPED: Final = "partition_stopped"
PARTITION_FENCED: Final = "partition_fenced"
STEPS_LOST: Final = "steps_lost"
RECORDS_OUT_OF_ORDER: Final = "records_out_of_order"
SOURCE_RECORDS_LOST: Final = "source_records_lost"
SOURCE_SILENT: Final = "source_silent"
SOURCE_SPEAKS_AGAIN: Final = "source_speaks_again"
TYPE_SILENT: Final = "type_silent"
TYPE_SPEAKS_AGAIN: Final = "type_speaks_again"
SOURCE_SKIPS_UNUSUAL: Final = "source_skips_unusual"
SOURCE_SKIPS_USUAL: Final = "source_skips_usual"
SOURCE_STOPPED: Final = "source_stopped"
SOURCE_GOES_ON: Final = "source_goes_on"
DEAD_LETTERED: Final = "dead_lettered"
STEP_RETRIED: Final = "step_retried"
PUBLISH_FAILED: Final = "publish_failed"
MEANING_BEGAN: Final = "meaning_began"
PRODUCER_ABANDONED: Final = "producer_abandoned"
PAUSES_UNREAD: Final = "pauses_unread"
BRAKE_HOLDS: Final = "brake_holds"
RULES_LOADED: Final = "rules_loaded"
RULES_REFUSED: Final = "rules_refused"
RULES_SWEPT: Final = "rules_swept"
WORKER_FAILED: Final = "worker_failed"
WORKER_STOPPING: Final = "worker_stopping"
WORKER_STOPPED: Final = "worker_stopped"
