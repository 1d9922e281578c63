#!/usr/bin/env python3
"""A cold start on much data: when the first useful page is there, and what the server is like while it reads on.

    benches/cold.py [--binary target/release/wheelwatch] [--gigabytes 10] [--work DIRECTORY]

Useful: the newest 50 runs are listed with their states. The data are 1 GB of logs, again and again under other names.
"""

import argparse
import json
import os
import shutil
import sys
import time

sys.dont_write_bytecode = True

import harness_logs  # noqa: E402
from measure import BINARY, Bench, get, machine, memory, processor, quantile, timed, workplace  # noqa: E402
from pages import are_right  # noqa: E402


def make(state, gigabytes):
    first = os.path.join(state, "0")
    harness_logs.write(first, runs=2000, lines=1250, is_open=20, seed=1)
    for number in range(1, gigabytes):
        shutil.copytree(first, os.path.join(state, str(number)))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=BINARY)
    options.add_argument("--work")
    options.add_argument("--gigabytes", type=int, default=10)
    asked = options.parse_args()
    with workplace("cold", asked.work) as work:
        bench = Bench(asked.binary, work)
        state = bench.path("state")
        make(state, asked.gigabytes)
        # The copies have the same times: the newest are the last ones of each.
        last = sorted(os.listdir(os.path.join(state, "0")))[-max(1, 40 // asked.gigabytes):]
        newest = [f"{number}/{name}" for number in range(asked.gigabytes) for name in last]
        print(f"Machine: {machine()}. {asked.gigabytes} GB, page cache as it is after writing.\n")
        with bench.server(state, bench.path("cache.db")) as (process, port, begin):
            said = time.perf_counter() - begin
            while not are_right(port, newest):
                time.sleep(0.01)
            print(f"address after {said:.2f} s, the newest runs listed after {time.perf_counter() - begin:.2f} s\n")
            print("| after s | left to read, MiB | memory MiB | page ms: median, most |\n|---|---|---|---|")
            took, shown = [], time.perf_counter()
            while True:
                health = json.loads(get(port, "/api/health"))
                took.append(timed(port, "/runs"))
                left, done = health["backlog_bytes"], health["complete"]
                if done or time.perf_counter() - shown > 10:
                    shown = time.perf_counter()
                    print(f"| {shown - begin:.0f} | {left / 2**20:.0f} | {memory(process.pid):.0f} "
                          f"| {quantile(took, 0.5):.1f}, {max(took):.1f} |", flush=True)
                    took = []
                if done:
                    break
                time.sleep(0.05)
            print(f"\n{processor(process.pid):.0f} processor seconds.")


if __name__ == "__main__":
    main()
