-- Every statement can be repeated without harm: see Migration in pkg/store.

-- The headers of what was rejected, without which it cannot be sent again as it
-- was: a CloudEvent in binary mode has half of its content there. Messages of an
-- earlier version have none.
ALTER TABLE rejected ADD COLUMN IF NOT EXISTS headers Array(Tuple(key String, value String)) CODEC(ZSTD(1));

-- One row a retry that Kafka has acknowledged: the rejected message that was sent
-- again, when, by whom, and what they noted. All of it is the key, so a row that is
-- inserted again, because nobody knew whether it had arrived, counts once.
CREATE TABLE IF NOT EXISTS retries
(
    topic_id    UUID,
    topic       LowCardinality(String),
    partition   UInt32,
    offset      UInt64,
    time        DateTime64(3, 'UTC'),
    who         String,
    note        String
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset, topic_id, time, who, note)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
