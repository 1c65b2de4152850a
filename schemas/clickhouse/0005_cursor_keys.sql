-- Every statement can be repeated without harm: see Migration in pkg/store.

-- The keys that sign the cursors of lists, so that every instance of query takes the
-- cursors of the others. Whoever reads them can read every event as well.
CREATE TABLE IF NOT EXISTS cursor_keys
(
    key      String,
    written  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY key
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
