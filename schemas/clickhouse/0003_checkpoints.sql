-- "Every record of the topic's partition below offset is settled." A row follows from
-- the ledger's, is as true for ever, and may be written by anyone at any time: the
-- highest counts. It saves reading all of the ledger to know where to resume.
CREATE TABLE IF NOT EXISTS checkpoints
(
    topic       LowCardinality(String),
    topic_id    UUID,
    partition   UInt32,
    offset      UInt64,
    written     DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(offset)
ORDER BY (topic, topic_id, partition)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Finds the ranges that reach beyond a checkpoint. The three columns together, since
-- each partition has another one.
ALTER TABLE ledger ADD INDEX IF NOT EXISTS by_reach (topic_id, partition, to) TYPE minmax GRANULARITY 1;

ALTER TABLE ledger MATERIALIZE INDEX by_reach;
