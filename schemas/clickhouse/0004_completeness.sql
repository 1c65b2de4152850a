-- "Every record of the topic's partition that Kafka had acknowledged before through, by
-- the clock of the ingest that wrote it, is settled, and the topic had so many partitions
-- then." True for ever, whoever writes it however late: the highest counts. What is lost
-- with the power is stated again a second later, so nothing waits for the disk.
CREATE TABLE IF NOT EXISTS completeness
(
    topic       LowCardinality(String),
    topic_id    UUID,
    partition   UInt32,
    partitions  UInt32,
    through     DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(through)
ORDER BY (topic, topic_id, partition);
