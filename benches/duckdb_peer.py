#!/usr/bin/env python3
"""What a user would otherwise do: DuckDB reads the logs and answers with one row per run.

    duckdb_peer.py query STATE_DIR         straight from the files
    duckdb_peer.py table STATE_DIR FILE    through a table of events in a new database

It keeps no offsets, spans, markers or evidence, so it does less than `wheelwatch build`.
"""

import os
import sys

import duckdb

FIELDS = {"ts": "TIMESTAMP", "event": "VARCHAR", "phase": "VARCHAR", "candidate": "VARCHAR", "span_id": "VARCHAR",
          "level": "VARCHAR", "attrs": "STRUCT(status VARCHAR)"}

mode, state = sys.argv[1], sys.argv[2]
file = sys.argv[3] if mode == "table" else ":memory:"
for end in ("", ".wal"):
    if mode == "table" and os.path.exists(file + end):
        os.remove(file + end)
base = duckdb.connect(file)
base.execute("SET threads = 2")
columns = ", ".join(f"{name}: '{kind}'" for name, kind in FIELDS.items())
source = (f"SELECT filename, ts, event, phase, candidate, span_id, level, attrs.status AS status FROM read_json("
          f"'{state}/*/run.log', format = 'newline_delimited', filename = true, columns = {{{columns}}})")
if mode == "table":
    base.execute(f"CREATE TABLE events AS {source}")
    source = "SELECT * FROM events"
runs = base.execute(
    f"""SELECT filename, count(*), max(ts), arg_max(phase, ts), arg_max(candidate, ts), histogram(event),
               max(ts) FILTER (event = 'heartbeat'), max(status) FILTER (event = 'run.finished')
        FROM ({source}) GROUP BY filename""").fetchall()
print(len(runs), "runs", sum(run[1] for run in runs), "lines")
