#!/usr/bin/env python3
"""The reference reducer: prints the canonical dump (spec 4.2) of a state directory.

    reduce.py [--log-name NAME] [--max-line N] [--reading NAME=off] STATE_DIR

Written from the specification alone, for reading, not for speed.  `strictjson` and `lines` are 1.2, `decode` is 1.3
and 1.4, `fold` is page 2, this file is 1.1 and 4.2.
"""

import argparse
import fnmatch
import hashlib
import json
import os
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import readings  # noqa: E402
import strictjson  # noqa: E402
from decode import Event, rfc3339  # noqa: E402
from fold import Run  # noqa: E402
from lines import MAX_LINE, split  # noqa: E402

MAX_DEPTH = {False: 4, True: 16}  # 1.1: at most 4 directories deep; trees that a glob is pointed at may be deeper
NOT_WALKED = (b".git", b"node_modules", b"target")
SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-/")
RUN_VALUES = """title workflow status status_reason error phase candidate attempt max_attempts score pass_threshold inputs
steps_total retry_of claimed_by cancel_requested_at deadline expected_ms queued_at started_at ended_at first_event_at
last_life_at last_progress_at last_heartbeat_at heartbeats heartbeat_interval_ms tokens_in tokens_out cost_usd holder""".split()
RUN_TIMES = {name for name in RUN_VALUES if name.endswith("_at") or name == "deadline"}
SPAN_VALUES = """kind id parent name skill status attempt cache agent model repo duration_ms score error tokens_in tokens_out
cost_usd expected_ms opened_line closed_line input_line output_line""".split()
MARKER_VALUES = "kind id reason span repo opened_line closed_line resolution".split()


# ---------------------------------------------------------------- 1.1 files


def key_of(relative):
    """1.1: bytes outside `A-Z a-z 0-9 . _ ~ -` as `%XX`, `/` between parts."""
    return "".join(chr(byte) if byte in SAFE else f"%{byte:02X}" for byte in relative)


def without_extension(relative):
    """The path without the extension of its last part; a name that only begins with a dot has none."""
    folder, name = os.path.split(relative)
    stem, dot, _ = name.rpartition(b".")
    return os.path.join(folder, stem) if dot and stem else relative


def discover(root, log_name):
    """1.1: [(key, path)] by key bytes.  Links are not followed and not walked; regular files only."""
    pattern = os.fsencode(log_name)
    is_glob = any(char in log_name for char in "*?[")
    found = []  # relative paths

    def walk(relative, depth):
        for entry in os.scandir(os.path.join(root, relative)):
            path = os.path.join(relative, entry.name) if relative else entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH[is_glob] and entry.name not in NOT_WALKED:
                    walk(path, depth + 1)
            elif fnmatch.fnmatchcase(entry.name, pattern) if is_glob else entry.name == pattern:
                if stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                    found.append(path)

    walk(b"", 0)
    if not is_glob:
        runs = [(key_of(os.path.dirname(path)) or ".", path) for path in found]
    else:
        short = [without_extension(path) for path in found]
        runs = [(key_of(s if short.count(s) == 1 else path), path) for s, path in zip(short, found)]
    return sorted(runs, key=lambda run: run[0].encode())


# ---------------------------------------------------------------- 2, 4.2


def reduce_bytes(data, max_line=MAX_LINE):
    """(run state, sha256 of the event rows, pending bytes) of a log."""
    run, digest = Run(), hashlib.sha256()
    lines, pending = split(data, max_line)
    for line in lines:
        run.lines[line.kind] += 1
        for offset, length, record in line.records():
            event = Event(record, line.number, offset, length, line.kind)
            run.apply(event)
            digest.update(canonical(event.row()).encode() + b"\n")
    return run, digest.hexdigest(), pending


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def dump_span(span):
    entry = {name: getattr(span, name) for name in SPAN_VALUES}
    entry.update((name, rfc3339(getattr(span, name))) for name in ("started_at", "ended_at", "deadline"))
    return entry


def dump_marker(marker):
    entry = {name: getattr(marker, name) for name in MARKER_VALUES}
    entry.update((name, rfc3339(getattr(marker, name))) for name in ("opened_at", "closed_at"))
    entry.update(marker.approval)
    entry["params"] = strictjson.plain(entry["params"])
    entry["expires_at"] = rfc3339(entry["expires_at"])
    return entry


def dump_values(run, key, name):
    """4.2 `run`: every value of 2.1 except the counters, steps_done and evidence."""
    values = {field: run.facts.get(field) for field in RUN_VALUES}
    values.update((field, rfc3339(values[field])) for field in RUN_TIMES)
    # 2.7: an entry for every value that is not null except key, steps_done, heartbeats 0 and a title that fell back
    values["evidence"] = {field: run.facts.lines[field] for field in RUN_VALUES if values[field] is not None}
    values["key"] = key
    values["inputs"] = strictjson.plain(values["inputs"])
    values["heartbeats"] = values["heartbeats"] or 0
    values["steps_done"] = run.steps_done()
    for fallback in (values["workflow"], name):  # 2.1: title falls back to workflow, then to the key
        values["title"] = values["title"] if values["title"] is not None else fallback
    return values


def dump_run(key, data, max_line=MAX_LINE, name=None):
    """4.2: the entry of a run.  `name`: the directory's own name for the run keyed `.` (1.1)."""
    run, digest, pending = reduce_bytes(data, max_line)
    return {
        "key": key,
        "lines": run.lines,
        "pending_bytes": pending,
        "run": dump_values(run, key, name if name is not None else key),
        "levels": run.levels,
        "names": run.names,
        "spans": [dump_span(span) for span in run.spans],
        "markers": [dump_marker(marker) for marker in run.markers],
        "artifacts": sorted(run.artifacts, key=lambda entry: entry["line"]),
        "events": run.events,
        "events_sha256": digest,
    }


def dump_directory(state_dir, log_name="run.log", max_line=MAX_LINE):
    """4.2: the whole document, as a value."""
    root = os.fsencode(os.path.abspath(state_dir))
    runs = []
    for key, path in discover(root, log_name):
        with open(os.path.join(root, path), "rb") as log:
            data = log.read()
        name = os.path.basename(root).decode("utf-8", "replace") if key == "." else None
        runs.append(dump_run(key, data, max_line, name))
    return {"schema": 1, "runs": runs}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log-name", default="run.log")
    parser.add_argument("--max-line", type=int, default=MAX_LINE)
    parser.add_argument("--reading", action="append", default=[], metavar="NAME=on|off", help="see readings.py")
    parser.add_argument("state_dir")
    given = parser.parse_args()
    readings.choose(given.reading)
    sys.stdout.reconfigure(encoding="utf-8")
    print(canonical(dump_directory(given.state_dir, given.log_name, given.max_line)))


if __name__ == "__main__":
    main()
