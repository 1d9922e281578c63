#!/usr/bin/env python3
"""An ordinary day, shortened: 200 runs at 100 events a second together for an hour, one row a minute.

    benches/day.py [--binary target/release/wheelwatch] [--minutes 60] [--runs 200] [--rate 100]

Memory and descriptors must stay flat, the write-ahead log bounded. Lost lines are counted at the end.
"""

import argparse
import sys

sys.dont_write_bytecode = True

import live  # noqa: E402
from measure import BINARY, Bench, machine, workplace  # noqa: E402


def show(row):
    print(f"| {row['minute']} | {row['memory']:.0f} | {row['descriptors']} | {row['share']:.1%} | {row['wal']:.1f} "
          f"| {row['p99']:.0f} |", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=BINARY)
    options.add_argument("--work")
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--rate", type=float, default=100, help="events a second of each run")
    asked = options.parse_args()
    print(f"Machine: {machine()}.\n")
    print("| minute | memory MiB | descriptors | of one core | WAL MiB | p99 ms to the stream |\n|---|---|---|---|---|---|")
    with workplace("day", asked.work) as work:
        end = live.day(Bench(asked.binary, work), asked.minutes, show, asked.runs, asked.rate)
    print(f"\n{end['written']:,} lines written, {end['lost']} lost, {end['late']} probes without a frame in 5 s.")


if __name__ == "__main__":
    main()
