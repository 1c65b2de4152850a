-- Every statement can be repeated without harm: see Migration in pkg/store.

-- One row an event. The key ends in the event's identity (tenant, time, id) and
-- the hash of the message's bytes: the same message inserted again is the same
-- row, and a message that reuses an identity with other content is another row.
-- docs/storage.md holds what every codec, index and projection costs and brings.
CREATE TABLE IF NOT EXISTS actions
(
    tenant             LowCardinality(String),
    time               DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    -- An id that is a UUID in its usual form is stored as the two halves of its
    -- number, any other as text. UUIDs of version 7 begin with the time, so the upper
    -- half takes little room.
    id_high            UInt64 CODEC(Delta, ZSTD(1)),
    id_low             UInt64 CODEC(NONE),
    id_text            String CODEC(ZSTD(1)),
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
    subject_id         String CODEC(ZSTD(3)),
    subject_name       String CODEC(ZSTD(3)),
    related            Array(Tuple(type LowCardinality(String), id String, name String)) CODEC(ZSTD(1)),
    description        String CODEC(ZSTD(3)),
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
    -- Of equal rows the one at the lowest offset survives, then that of the lowest
    -- partition: always the same one, whoever inserts which when, and never one that
    -- the feed has passed in favour of a later one. The engine keeps the highest
    -- version, hence the complement. Offsets have 44 bits (27 years at 20,000 events a
    -- second and partition), partitions 10, and 10 bits tell topics apart.
    version            UInt64 MATERIALIZED bitNot(bitOr(bitOr(
                           bitShiftLeft(least(offset, toUInt64(0xfffffffffff)), 20),
                           bitShiftLeft(toUInt64(bitAnd(partition, 0x3ff)), 10)),
                           bitAnd(cityHash64(topic_id), 0x3ff))) CODEC(Delta, ZSTD(1)),
    -- For people with SQL.
    id                 String ALIAS if(id_text = '', toString(toUUID(concat(
                           lower(leftPad(hex(id_high), 16, '0')), lower(leftPad(hex(id_low), 16, '0'))))), id_text),

    -- UUIDs of version 7 are found by the time in them, others by the filters.
    INDEX by_id_time    id_high TYPE minmax GRANULARITY 2,
    INDEX by_id         id_low  TYPE bloom_filter(0.1) GRANULARITY 8,
    INDEX by_id_text    id_text TYPE bloom_filter(0.01) GRANULARITY 8,
    INDEX by_offset     offset  TYPE minmax GRANULARITY 2,
    -- Inverted indexes: what they cost to ask grows with what is found, not with what
    -- there is. Conditions have to be over the very expressions.
    INDEX by_actor      actor_id TYPE text(tokenizer = 'array', posting_list_codec = 'bitpacking') GRANULARITY 1,
    INDEX by_on_behalf  on_behalf_of_id TYPE text(tokenizer = 'array', posting_list_codec = 'bitpacking') GRANULARITY 1,
    INDEX by_ip         hex(ip) TYPE text(tokenizer = 'array', posting_list_codec = 'bitpacking') GRANULARITY 1,
    -- Of every run of six digits or more in the description and in the names and ids of
    -- records, each stretch of six; and ids of records without such a run. The numbers of
    -- documents, which are in most of them, are found by id and by text in one index.
    INDEX by_term       arrayDistinct(arrayConcat(arrayFlatten(arrayMap(run -> ngrams(run, 6), extractAll(concat(description, '\n', subject_name, '\n', subject_id, '\n', arrayStringConcat(related.id, '\n')), '[0-9]{6,}'))), arrayFilter(word -> NOT match(word, '[0-9]{6}'), arrayPushFront(related.id, subject_id))))
                        TYPE text(tokenizer = 'array', posting_list_codec = 'bitpacking') GRANULARITY 1,
    -- Nearly every event has another one of these, and its events are neighbours: an
    -- inverted index would cost more than the column.
    INDEX by_session    session_id TYPE bloom_filter(0.001) GRANULARITY 8,
    INDEX by_request    request_id TYPE bloom_filter(0.01) GRANULARITY 8,
    -- The wide filters come first: they tell that something is nowhere, and where
    -- nearly everything lacks it, at a thirtieth of the reading.
    INDEX by_text_wide  if(isValidASCII(concat(description, '\n', subject_name)), lower(concat(description, '\n', subject_name)), caseFoldUTF8(concat(description, '\n', subject_name)))
                        TYPE ngrambf_v1(4, 65536, 2, 0) GRANULARITY 1024,
    INDEX by_text       if(isValidASCII(concat(description, '\n', subject_name)), lower(concat(description, '\n', subject_name)), caseFoldUTF8(concat(description, '\n', subject_name)))
                        TYPE ngrambf_v1(4, 4096, 2, 0) GRANULARITY 2,

    -- Counts of a part's rows, repeats included: exact where only one merged part reaches.
    PROJECTION by_time  (SELECT tenant, toStartOfFifteenMinutes(time), action, subject_type, outcome, count() GROUP BY tenant, toStartOfFifteenMinutes(time), action, subject_type, outcome),
    PROJECTION by_day   (SELECT tenant, toDate(time), action, subject_type, outcome, count() GROUP BY tenant, toDate(time), action, subject_type, outcome),
    PROJECTION by_actor (SELECT tenant, actor_id, actor_name, toDate(time), count() GROUP BY tenant, actor_id, actor_name, toDate(time)),
    PROJECTION by_ip    (SELECT tenant, ip, toDate(time), count() GROUP BY tenant, ip, toDate(time)),
    PROJECTION by_actor_month (SELECT tenant, actor_id, actor_name, toStartOfMonth(time), count() GROUP BY tenant, actor_id, actor_name, toStartOfMonth(time)),
    PROJECTION by_ip_month    (SELECT tenant, ip, toStartOfMonth(time), count() GROUP BY tenant, ip, toStartOfMonth(time))
)
ENGINE = ReplacingMergeTree(version)
-- Few parts: a question opens each, and most of a rare one's time is that.
PARTITION BY toStartOfQuarter(time)
ORDER BY (tenant, time, id_high, id_low, id_text, content_hash)
SETTINGS
    index_granularity = 512,
    min_compress_block_size = 8192,
    deduplicate_merge_projection_mode = 'rebuild',
    -- Statistics of every column would be loaded while a question is planned, which
    -- takes longer than most answers.
    auto_statistics_types = '',
    -- A quarter that nothing was added to for ten minutes becomes one part: what is
    -- asked of it is answered from the projections, and no question meets repeats.
    min_age_to_force_merge_seconds = 600,
    min_age_to_force_merge_on_partition_only = 1,
    enable_max_bytes_limit_for_min_age_to_force_merge = 0,
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
