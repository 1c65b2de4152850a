-- Every statement can be repeated without harm: see Migration in pkg/store.

-- One row an event. The key ends in the event's identity (tenant, time, id) and
-- the hash of the message's bytes: the same message inserted again is the same
-- row, and a message that reuses an identity with other content is another row.
-- Codecs, granules and indexes are those that paid when measured.
CREATE TABLE IF NOT EXISTS actions
(
    tenant             LowCardinality(String),
    time               DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    id                 String CODEC(ZSTD(1)),
    content_hash       FixedString(16) CODEC(NONE),
    actor_id           LowCardinality(String) CODEC(ZSTD(1)),
    actor_name         LowCardinality(String) CODEC(ZSTD(1)),
    actor_type         LowCardinality(String) CODEC(ZSTD(1)),
    on_behalf_of_id    LowCardinality(String) CODEC(ZSTD(1)),
    on_behalf_of_name  LowCardinality(String) CODEC(ZSTD(1)),
    on_behalf_of_type  LowCardinality(String) CODEC(ZSTD(1)),
    ip                 IPv6 CODEC(ZSTD(1)),
    action             LowCardinality(String) CODEC(ZSTD(1)),
    outcome            LowCardinality(String) CODEC(ZSTD(1)),
    subject_type       LowCardinality(String) CODEC(ZSTD(1)),
    subject_id         String CODEC(ZSTD(1)),
    subject_name       String CODEC(ZSTD(1)),
    related            Array(Tuple(type LowCardinality(String), id String, name String)) CODEC(ZSTD(1)),
    description        String CODEC(ZSTD(1)),
    reason             String CODEC(ZSTD(1)),
    session_id         String CODEC(ZSTD(1)),
    request_id         String CODEC(ZSTD(1)),
    user_agent         LowCardinality(String) CODEC(ZSTD(1)),
    details            String CODEC(ZSTD(1)),

    topic_id           UUID CODEC(ZSTD(1)),
    topic              LowCardinality(String) CODEC(ZSTD(1)),
    partition          UInt32 CODEC(ZSTD(1)),
    offset             UInt64 CODEC(Delta, ZSTD(1)),
    kafka_time         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    -- Of equal rows the lowest in (kafka_time, offset, partition, topic) survives: the
    -- first that Kafka got, and always the same one, whoever inserts which when. Offsets
    -- alone would not do: those of two partitions say nothing about which came first.
    -- The engine keeps the highest version, hence the complement. 48 bits of
    -- milliseconds last until the year 10889.
    version            UInt128 MATERIALIZED bitNot(bitOr(bitOr(bitOr(
                           bitShiftLeft(toUInt128(greatest(toUnixTimestamp64Milli(kafka_time), 0)), 80),
                           bitShiftLeft(toUInt128(bitAnd(offset, 0xffffffffffff)), 32)),
                           bitShiftLeft(toUInt128(bitAnd(partition, 0xffff)), 16)),
                           toUInt128(bitAnd(cityHash64(topic_id), 0xffff)))) CODEC(Delta(8), ZSTD(1)),

    INDEX by_id         id         TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_actor      actor_id   TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_subject    subject_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_text       lowerUTF8(concat(description, '\n', subject_name)) TYPE ngrambf_v1(4, 4096, 2, 0) GRANULARITY 1,
    INDEX by_text_wide  lowerUTF8(concat(description, '\n', subject_name)) TYPE ngrambf_v1(4, 65536, 2, 0) GRANULARITY 64,
    INDEX by_offset     offset     TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(time)
ORDER BY (tenant, time, id, content_hash)
SETTINGS
    index_granularity = 1024,
    min_compress_block_size = 16384,
    -- A row is acknowledged before its ledger row is written, so it has to survive
    -- a loss of power by then.
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- What could not be accepted, with its bytes. A record of a topic is rejected once,
-- whoever reports it and however often.
CREATE TABLE IF NOT EXISTS rejected
(
    topic_id    UUID,
    topic       LowCardinality(String),
    partition   UInt32,
    offset      UInt64,
    time        DateTime64(3, 'UTC'),
    reason      LowCardinality(String),
    field       String,
    message     String,
    raw         String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (time, topic, partition, offset, topic_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- "Every record of the topic's partition in [from, to) is stored or rejected." A
-- row is written when that has become true and is true for ever; ranges may
-- overlap. Of the records, accepted went to actions and rejected to rejected;
-- skipped are the offsets that hold no record (transaction markers, compaction);
-- lost are those that the operator gave up, with a note of who did and why.
-- accepted + rejected + skipped + lost = to - from.
CREATE TABLE IF NOT EXISTS ledger
(
    topic_id    UUID,
    topic       LowCardinality(String),
    partition   UInt32,
    from        UInt64,
    to          UInt64,
    accepted    UInt64,
    rejected    UInt64,
    skipped     UInt64,
    lost        UInt64,
    note        String,
    first_time  Nullable(DateTime64(3, 'UTC')),
    last_time   Nullable(DateTime64(3, 'UTC')),
    written     DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, topic_id, partition, from, to, accepted, rejected, skipped, lost, note)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
