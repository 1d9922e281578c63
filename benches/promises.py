#!/usr/bin/env python3
"""Measures the speed promises G1 to G16 beside what a user would pick instead, and prints them as one table.

    benches/promises.py [--binary target/release/wheelwatch] [--peers PYTHON] [--scale 1] [--rounds 5] [--only G1,G4]

It makes its own data in a temporary directory (1 GB, 0.4 GB and 0.4 GB at --scale 1; --work keeps it elsewhere). Commands
that are compared run turn by turn, whole processes, with a warm page cache; a ratio is the median of the pairs. Where the
kernel does not keep what it has cached, as on a virtual machine that gives memory back, `--logs /dev/shm` keeps the logs warm,
and the caches stay on disk. PYTHON is an interpreter with the peers (`python3 -m venv v && v/bin/pip install duckdb
datasette`); G6 needs strace, G9 wrk. What cannot be measured says why.
"""

import argparse
import sys

sys.dont_write_bytecode = True

import builds  # noqa: E402
import live  # noqa: E402
import pages  # noqa: E402
from measure import BINARY, Bench, NotMeasured, machine, workplace  # noqa: E402

# Number, what, must, aim.
PROMISES = [
    ("G1", "cold build with event rows, `state`: DuckDB table ÷ ours", "≥ 1.5", "≥ 2.2"),
    ("G2", "the same, `many`", "≥ 8", "≥ 14"),
    ("G3", "all run rows right, `state`: DuckDB query ÷ ours", "≥ 2", "≥ 3.5"),
    ("G4", "the same two builds ÷ `cat` of the files", "≤ 8; ≤ 3", "≤ 5; ≤ 1.6"),
    ("G5", "restart, nothing new, `many` ÷ a bare stat sweep", "≤ 3", "≤ 1.5"),
    ("G6", "restart: log bytes read beyond the new ones, per changed run", "64 KiB", "4 KiB"),
    ("G7", "start → page with the newest 50 runs right, no cache; `state`; `many`", "150; 500 ms", "30; 150 ms"),
    ("G8", "append → stream frame at a client, `state` known: p50; p99", "1; 10 ms", "0.2; 1 ms"),
    ("G9", "runs page, 8 connections: requests/s ÷ Datasette's; p99", "≥ 50; 10 ms", "≥ 200; 2 ms"),
    ("G10", "page p99 while a build writes; failed requests", "25 ms; 0", "5 ms; 0"),
    ("G11", "peak memory: build of `state`; idle with `many`", "128; 64 MiB", "64; 24 MiB"),
    ("G12", "cache bytes ÷ log bytes", "≤ 0.20", "≤ 0.13"),
    ("G13", "a late page of the list ÷ the first; last events of a million-event run", "≤ 2; 5 ms", "≤ 1.1; 0.2 ms"),
    ("G14", "`pill` on `many`, cache present", "50 ms", "10 ms"),
    ("G15", "state at any line of a million-line log", "300 ms", "20 ms"),
    ("G16", "200 runs × 100 events/s for 10 min: lost; p99; CPU of one core", "0; 1 s; 30 %", "0; 100 ms; 10 %"),
]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=BINARY)
    options.add_argument("--peers", help="a Python that has DuckDB and Datasette")
    options.add_argument("--scale", type=float, default=1, help="share of the data; figures below 1 are no promise")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--minutes", type=float, default=10, help="how long G16 takes")
    options.add_argument("--only", help="such as G1,G4")
    options.add_argument("--work", help="where to put the data [default: the temporary directory]")
    options.add_argument("--logs", help="where to put the logs that are only read [default: with the other data]")
    asked = options.parse_args()
    only = asked.only.split(",") if asked.only else None
    with workplace("bench", asked.work) as work, workplace("logs", asked.logs or work) as logs:
        bench = Bench(asked.binary, work, asked.scale, asked.rounds, asked.peers, asked.minutes, logs)
        print(f"Machine: {machine()}. Scale {asked.scale}, {asked.rounds} rounds.\n")
        print("| # | what | must | aim | measured |\n|---|---|---|---|---|")
        for number, what, must, aim in PROMISES:
            if only and number not in only:
                continue
            measure = next(getattr(module, number.lower()) for module in (builds, pages, live) if hasattr(module, number.lower()))
            try:
                figure = measure(bench)
            except NotMeasured as why:
                figure = f"not measured: {why}"
            print(f"| {number} | {what} | {must} | {aim} | {figure} |", flush=True)


if __name__ == "__main__":
    main()
