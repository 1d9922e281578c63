#!/usr/bin/env python3
"""Counts the instructions of fixed inputs and compares them with those stored in counts.json.

    benches/counts.py [--binary PATH] [--update]

Counts hardly depend on what else the machine does, so a regression shows and a busy machine does not. A count may be
15 % above the stored one; --update stores the present ones. Lines that are made against the search for credentials may
not cost more for being long (spec 5.4.5 T126). Without --binary it builds one with the profile `counts`,
which the stored figures are of. Needs valgrind and Linux on x86-64.
"""

import argparse
import concurrent.futures
import functools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import harness_logs  # noqa: E402
import suspicious  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
STORED = os.path.join(HERE, "counts.json")
MARGIN = 1.15

LONG, SHORT = "suspicious lines, long", "suspicious lines, short"

# Name, what writes the logs, options of `build`.
INPUTS = [
    ("runs of long logs", functools.partial(harness_logs.write, runs=12, lines=800, fixed=True, seed=11), ["--runs-only"]),
    ("rows of long logs", functools.partial(harness_logs.write, runs=12, lines=800, fixed=True, seed=11), []),
    ("rows of short logs", functools.partial(harness_logs.write, runs=300, lines=20, fixed=True, is_open=5, seed=12), []),
    (LONG, functools.partial(suspicious.write, length=64 * 1024), ["--runs-only"]),
    (SHORT, functools.partial(suspicious.write, length=4 * 1024), ["--runs-only"]),
]


def built():
    command = ["cargo", "build", "--locked", "--quiet", "--profile", "counts", "--bin", "wheelwatch", "--message-format", "json"]
    said = subprocess.run(command, cwd=os.path.dirname(HERE), check=True, stdout=subprocess.PIPE, text=True).stdout
    made = [json.loads(line).get("executable") for line in said.splitlines()]
    return [path for path in made if path][-1]


def count(binary, write, options):
    with tempfile.TemporaryDirectory(prefix="wheelwatch-counts-") as work:
        state = os.path.join(work, "state")
        write(state)
        # What the user has set must not count.
        environment = {"PATH": os.environ["PATH"], "HOME": work}
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", binary, "build", *options,
                   "--cache", os.path.join(work, "cache.db"), state]
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode or not found:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        return int(found[1])


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary")
    options.add_argument("--update", action="store_true")
    asked = options.parse_args()
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        print("SKIPPED: the stored counts are of Linux on x86-64")
        return
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing; please install it (Debian: apt-get install valgrind)")
    binary = os.path.abspath(asked.binary or built())
    # Side by side: each has a machine of its own, in which it is counted.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        counts = dict(pool.map(lambda one: (one[0], count(binary, *one[1:])), INPUTS))
    if asked.update:
        with open(STORED, "w", encoding="utf-8") as file:
            json.dump(counts, file, indent=2)
            file.write("\n")
        return
    with open(STORED, encoding="utf-8") as file:
        stored = json.load(file)
    for name, now in counts.items():
        print(f"{name}: {now:,} instructions, stored {stored[name]:,}, {now / stored[name]:.3f} of it")
    worse = [name for name, now in counts.items() if now > stored[name] * MARGIN]
    if worse:
        sys.exit(f"more than {MARGIN - 1:.0%} above the stored count: {', '.join(worse)}; find out why, or store the new"
                 " counts with --update and say why in the commit")
    if counts[LONG] > counts[SHORT] * MARGIN:
        sys.exit(f"{LONG}: {counts[LONG]:,} instructions, but {counts[SHORT]:,} for as many bytes in short ones; something"
                 " reads a line again for each of its parts")


if __name__ == "__main__":
    main()
