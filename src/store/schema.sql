-- The cache of wheelwatch: derived from logs, so deleting it loses nothing. Open it read-only
-- (sqlite3 -readonly, Datasette); `runs`, `spans` and `events` are views with everything spelled out.
--
-- Times are microseconds since 1970-01-01T00:00:00Z unless a column says otherwise. NULL is unknown.
-- A key of marker, artifact and event is `number << 32 | place`, that of span and lesson alike: one run's rows lie side by
-- side.

-- A log: a file, how far it is read, and its health. One row per file that bears the name of a log.
CREATE TABLE log (
  number             INTEGER PRIMARY KEY,  -- in order of first write; a log that was replaced gets a new one
  key                TEXT NOT NULL UNIQUE, -- path of the run below the state directory, percent-encoded
  source             TEXT NOT NULL,        -- label of the state directory, empty with only one
  path               TEXT NOT NULL,        -- for people: bytes made visible
  device             INTEGER NOT NULL,
  inode              INTEGER NOT NULL,
  generation         INTEGER NOT NULL,     -- one more each time the log turned out to be another one
  offset             INTEGER NOT NULL,     -- the cursor: first byte that is not reduced yet
  size               INTEGER NOT NULL,
  mtime_ns           INTEGER NOT NULL,     -- nanoseconds since 1970
  ctime_ns           INTEGER NOT NULL,     -- nanoseconds since 1970
  head_hash          INTEGER NOT NULL,     -- hashes are 64 bits, shown signed
  head_length        INTEGER NOT NULL,
  before_hash        INTEGER NOT NULL,
  before_length      INTEGER NOT NULL,
  prefix_hash        INTEGER NOT NULL,
  doubt              INTEGER NOT NULL,     -- read so shortly after a change that the times prove nothing
  pending_bytes      INTEGER NOT NULL,     -- unterminated tail that is no line yet
  provisional_bytes  INTEGER NOT NULL,     -- unterminated tail that counts until more bytes come
  gone               INTEGER NOT NULL,
  rotated            INTEGER NOT NULL,
  problem_code       TEXT,
  problem_text       TEXT,
  lines_event        INTEGER NOT NULL,
  lines_text         INTEGER NOT NULL,
  lines_malformed    INTEGER NOT NULL,
  lines_oversized    INTEGER NOT NULL,
  lines_blank        INTEGER NOT NULL,
  events             INTEGER NOT NULL,     -- event rows up to the cursor
  hidden_events      INTEGER NOT NULL,     -- of these, out of the default timeline
  events_offset      INTEGER NOT NULL,     -- event rows are written up to this byte
  provisional_events INTEGER NOT NULL,     -- further event rows, of the provisional tail
  base               INTEGER NOT NULL,     -- what the times in span are counted from
  version            INTEGER NOT NULL,     -- grows with every change of the log or its run
  resume             BLOB                  -- what to go on from while a provisional tail is shown
) STRICT;

-- A run: what was reduced from a log, as shown (with the provisional tail).
CREATE TABLE run (
  number              INTEGER PRIMARY KEY, -- of its log
  key                 TEXT NOT NULL,
  source              TEXT NOT NULL,
  title               TEXT NOT NULL,       -- else the workflow, else the key
  workflow            TEXT,
  status              TEXT,
  status_order        INTEGER NOT NULL,    -- for lists: what needs a person first, then what runs
  status_reason       TEXT,
  open                INTEGER NOT NULL,    -- not ended
  error               TEXT,
  phase               TEXT,
  candidate           TEXT,
  attempt             INTEGER,
  max_attempts        INTEGER,
  score               REAL,
  pass_threshold      REAL,
  holder              TEXT,
  steps_done          INTEGER NOT NULL,
  steps_total         INTEGER,
  retry_of            TEXT,
  claimed_by          TEXT,
  cancel_requested_at INTEGER,
  deadline            INTEGER,
  expected_ms         INTEGER,
  queued_at           INTEGER,
  started_at          INTEGER,
  ended_at            INTEGER,
  first_event_at      INTEGER,
  last_life_at        INTEGER,
  last_progress_at    INTEGER,
  last_heartbeat_at   INTEGER,
  heartbeats          INTEGER NOT NULL,
  duration_ms         INTEGER,             -- from the start to the end, or to the last sign of life
  tokens_in           INTEGER,
  tokens_out          INTEGER,
  cost_usd            REAL,
  events              INTEGER NOT NULL,
  spans               INTEGER NOT NULL,
  markers             INTEGER NOT NULL,
  open_markers        INTEGER NOT NULL,
  artifacts           INTEGER NOT NULL,
  modified            INTEGER,             -- modification time of the log
  state               BLOB NOT NULL        -- all values with their lines, for the program
) STRICT;

-- Anything with a beginning and an end, sixteen to a row. Read the view `spans` instead: it has a row for each, with words
-- and absolute times.
CREATE TABLE span (
  key     INTEGER PRIMARY KEY, -- number << 32 | chunk: the spans at the places from 16 * chunk on
  open    INTEGER NOT NULL,    -- how many of them are open
  entries TEXT NOT NULL        -- JSON: an array of spans, each an array of what stands below; null, or missing at the end, is
                               -- unknown
) STRICT;
--  0 kind         place in the list phase, candidate, attempt, step, session, tool, span
--  1 status       place in the list of the view `spans`
--  2 opened_line
--  3 closed_line  since opened_line
--  4 id
--  5 parent
--  6 started_at   since log.base
--  7 ended_at     since started_at, or log.base where that is unknown
--  8 duration_ms
--  9 attempt
-- 10 origin       1 when it had no start, plus twice the closing verb's place in its list, from 1; missing when 0
-- 11 input_line   since opened_line
-- 12 cache_hit    0 or 1
-- 13 name
-- 14 output_line  since opened_line
-- 15 what few have, an object: skill, agent, model, repo, score, error {message, type, stack}, tokens_in, tokens_out,
--                 cost_usd, deadline, expected_ms

-- What a page needs to know of many spans to read only those that it shows: a row for each 1,024 of a run's spans, but not for
-- the last ones, which are fewer.
CREATE TABLE digest (
  key    INTEGER PRIMARY KEY, -- number << 32 | stretch: the spans at the places from 1024 * stretch on
  phases INTEGER NOT NULL,    -- a bit for each 16 of them: whether there are phases among these; the lowest is of the first
  spans  BLOB NOT NULL,       -- for the program
  marks  BLOB NOT NULL        -- short hashes of their ids and names, to find those that a later line names again
) STRICT;

-- What expectations are learned from: completed phases that say how long they took, of runs that say when they began.
CREATE TABLE lesson (
  key         INTEGER PRIMARY KEY, -- number << 32 | place of the span
  workflow    TEXT,                -- of the run
  phase       TEXT NOT NULL,
  at          INTEGER NOT NULL,    -- first event of the run
  duration_ms INTEGER NOT NULL
) STRICT;

-- A condition that is open or closed: handoff, question, approval, stuck or queue.
CREATE TABLE marker (
  key         INTEGER PRIMARY KEY,
  kind        TEXT NOT NULL,
  id          TEXT NOT NULL,
  reason      TEXT,
  span        TEXT,
  repo        TEXT,
  integration TEXT,
  action      TEXT,
  risk        TEXT,
  params      TEXT,             -- JSON as written
  expires_at  INTEGER,
  opened_line INTEGER NOT NULL,
  opened_at   INTEGER,
  granted_line INTEGER,         -- of a handoff: where a person was first given the wheel
  granted_at  INTEGER,
  closed_line INTEGER,
  closed_at   INTEGER,
  resolution  TEXT
) STRICT;

-- What a run made, by path as written.
CREATE TABLE artifact (
  key        INTEGER PRIMARY KEY,
  path       TEXT NOT NULL,
  media_type TEXT,
  attempt    INTEGER,
  step       TEXT,
  line       INTEGER NOT NULL -- the newest that named it
) STRICT;

-- The state of a long run after a line on the way, so that the past need not be reduced from the first byte (spec 2.4):
-- its values, and how long its lists were then. The entries of the lists are those of the tables above, but for what
-- changed since, which is in preimage.
CREATE TABLE snapshot (
  key           INTEGER PRIMARY KEY, -- number << 32 | place from 1
  line          INTEGER NOT NULL,    -- the last line that the state has seen
  offset        INTEGER NOT NULL,    -- first byte after it
  before_hash   INTEGER NOT NULL,    -- of the bytes before the offset, to know the log by
  before_length INTEGER NOT NULL,
  spans         INTEGER NOT NULL,
  markers       INTEGER NOT NULL,
  artifacts     INTEGER NOT NULL,
  state         BLOB NOT NULL        -- all values with their lines, for the program
) STRICT;

-- Entries of lists as they were at a snapshot, of those that changed between it and the next one.
CREATE TABLE preimage (
  key   INTEGER NOT NULL, -- of the snapshot
  list  INTEGER NOT NULL, -- 0 spans, 1 markers, 2 artifacts
  place INTEGER NOT NULL,
  entry BLOB NOT NULL,
  PRIMARY KEY (key, list, place)
) STRICT, WITHOUT ROWID;

-- Where events lie in the log, whose text stays there: up to 32 to a row, as many as came at once. Read the view `events`
-- instead: it has a row for each.
CREATE TABLE event (
  key     INTEGER PRIMARY KEY, -- number << 32 | ordinal of the first of them, from 1
  line    INTEGER NOT NULL,    -- of the first of them
  offset  INTEGER NOT NULL,    -- of the first of them: byte in the log
  time    INTEGER,             -- the first that is known
  entries TEXT NOT NULL        -- JSON: an array of events, each an array of what stands below; null, or missing at the end, is
                               -- unknown
) STRICT;
-- 0 kind    kind.id
-- 1 length  bytes
-- 2 offset  since that of the row
-- 3 time    since that of the row
-- 4 span    span, step or session id; or the place of the event in this row that has the same one
-- 5 shift   what to add to the line of the row and the place in it; missing when 0

-- What events have in common: each combination stands here once.
CREATE TABLE kind (
  id      INTEGER PRIMARY KEY, -- negative when such events are out of the default timeline
  class   TEXT NOT NULL,
  level   TEXT,
  name    TEXT,                -- as written
  subject TEXT,
  verb    TEXT
) STRICT;

-- How many runs began on a day, by how they ended and what they took: the numbers of the overview.
CREATE TABLE tally (
  day         INTEGER NOT NULL, -- whole days from 1970-01-01 to the first event, in UTC
  outcome     INTEGER NOT NULL, -- run.status_order of runs that ended, 0 of open ones
  bucket      INTEGER NOT NULL, -- of about one duration, growing with it; -1 of open runs and of those without times
  runs        INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL, -- of all of them together
  PRIMARY KEY (day, outcome, bucket)
) STRICT, WITHOUT ROWID;

-- Numbers of logs that were replaced or removed, whose rows are deleted bit by bit.
CREATE TABLE trash (number INTEGER PRIMARY KEY) STRICT;

-- The version that every later one is above, kept when a log that had it was removed.
CREATE TABLE version_floor (version INTEGER NOT NULL) STRICT;
INSERT INTO version_floor VALUES (0);

CREATE INDEX kind_name ON kind(name);
CREATE INDEX run_started ON run(ifnull(first_event_at, -1));
CREATE INDEX run_life ON run(ifnull(last_life_at, -1));
CREATE INDEX run_duration ON run(ifnull(duration_ms, -1));
CREATE INDEX run_cost ON run(ifnull(cost_usd, -1));
CREATE INDEX run_status ON run(status_order, ifnull(first_event_at, -1));
CREATE INDEX run_workflow ON run(workflow, ifnull(first_event_at, -1));
CREATE INDEX run_open ON run(ifnull(first_event_at, -1)) WHERE open = 1;
CREATE INDEX run_ended ON run(ifnull(ended_at, modified)) WHERE open = 0;
CREATE INDEX run_bad ON run(ifnull(ended_at, modified)) WHERE status IN ('failed', 'timed_out');
CREATE INDEX run_retry ON run(retry_of, first_event_at) WHERE retry_of IS NOT NULL;
CREATE INDEX span_open ON span(key) WHERE open > 0;
CREATE INDEX digest_phases ON digest(key, phases) WHERE phases != 0;
CREATE INDEX lesson_asked ON lesson(workflow, phase, at, duration_ms);
CREATE INDEX marker_closed ON marker(ifnull(closed_at, -1)) WHERE closed_line IS NOT NULL;
CREATE INDEX marker_open ON marker(key) WHERE closed_line IS NULL;
CREATE INDEX marker_handoff ON marker(key) WHERE kind = 'handoff' AND closed_line IS NOT NULL;

CREATE VIEW runs AS
SELECT run.number, run.key, run.source, title, workflow, status, status_reason, error, phase, candidate, attempt,
  max_attempts, score, pass_threshold, holder, steps_done, steps_total, retry_of, claimed_by,
  strftime('%Y-%m-%dT%H:%M:%fZ', queued_at / 1e6, 'unixepoch') AS queued_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1e6, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1e6, 'unixepoch') AS ended_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', first_event_at / 1e6, 'unixepoch') AS first_event_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', last_life_at / 1e6, 'unixepoch') AS last_life_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', last_progress_at / 1e6, 'unixepoch') AS last_progress_at,
  duration_ms, tokens_in, tokens_out, cost_usd, run.events, spans, markers, open_markers, artifacts, log.version
FROM run JOIN log USING (number);

CREATE VIEW spans AS
SELECT log.key AS run, (span.key & 0xffffffff) * 16 + one.key AS place,
  CASE value ->> 0 WHEN 0 THEN 'phase' WHEN 1 THEN 'candidate' WHEN 2 THEN 'attempt' WHEN 3 THEN 'step'
    WHEN 4 THEN 'session' WHEN 5 THEN 'tool' ELSE 'span' END AS kind,
  value ->> 4 AS id, value ->> 5 AS parent, value ->> 13 AS name, value ->> '$[15].skill' AS skill,
  CASE value ->> 1 WHEN 0 THEN 'open' WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'skipped'
    WHEN 4 THEN 'cancelled' WHEN 5 THEN 'timed_out' WHEN 6 THEN 'superseded' ELSE 'unfinished' END AS status,
  value ->> 9 AS attempt, CASE value ->> 12 WHEN 1 THEN 'hit' WHEN 0 THEN 'miss' END AS cache,
  value ->> '$[15].agent' AS agent, value ->> '$[15].model' AS model, value ->> '$[15].repo' AS repo,
  strftime('%Y-%m-%dT%H:%M:%fZ', (base + (value ->> 6)) / 1e6, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', (base + ifnull(value ->> 6, 0) + (value ->> 7)) / 1e6, 'unixepoch') AS ended_at,
  value ->> 8 AS duration_ms, value ->> '$[15].score' AS score, value ->> '$[15].error' AS error,
  value ->> '$[15].tokens_in' AS tokens_in, value ->> '$[15].tokens_out' AS tokens_out,
  value ->> '$[15].cost_usd' AS cost_usd,
  strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> '$[15].deadline') / 1e6, 'unixepoch') AS deadline,
  value ->> '$[15].expected_ms' AS expected_ms, (value ->> 2) + (value ->> 11) AS input_line,
  (value ->> 2) + (value ->> 14) AS output_line, value ->> 2 AS opened_line, (value ->> 2) + (value ->> 3) AS closed_line
FROM span JOIN log ON log.number = span.key >> 32 JOIN json_each(span.entries) AS one;

CREATE VIEW events AS
SELECT log.key AS run, (event.key & 0xffffffff) + one.key AS ordinal, event.line + one.key + ifnull(value ->> 5, 0) AS line,
  event.offset + (value ->> 2) AS offset, value ->> 1 AS length, kind.class,
  strftime('%Y-%m-%dT%H:%M:%fZ', (event.time + (value ->> 3)) / 1e6, 'unixepoch') AS time,
  kind.name, kind.subject, kind.verb, kind.level,
  CASE json_type(value, '$[4]') WHEN 'integer' THEN entries ->> ('$[' || (value ->> 4) || '][4]') ELSE value ->> 4 END
    AS span,
  kind.id < 0 AS hidden
FROM event JOIN log ON log.number = event.key >> 32 JOIN json_each(event.entries) AS one
  JOIN kind ON kind.id = value ->> 0;
