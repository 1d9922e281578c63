#!/usr/bin/env python3
"""What bad input costs: each kind of it is made, built into a cache from nothing, and deleted again.

    benches/hostile.py [--binary target/release/wheelwatch] [--scale 1] [--work DIRECTORY]

The first row is ordinary input of the same size as the 1 GiB line, so that there is something to compare with.
"""

import argparse
import os
import shutil
import sys

sys.dont_write_bytecode = True

import harness_logs  # noqa: E402
from measure import BINARY, Bench, machine, workplace  # noqa: E402

MIB = 1 << 20


def log(state, name):
    directory = os.path.join(state, name)
    os.makedirs(directory)
    return open(os.path.join(directory, "run.log"), "wb")


def ordinary(state, scale):
    harness_logs.write(state, runs=max(1, int(2000 * scale)), lines=1250, seed=1)


def one_line(state, scale):
    with log(state, "line") as file:
        file.write(b'{"event":"log","msg":"')
        for _ in range(max(1, int(1024 * scale))):
            file.write(b"x" * MIB)
        file.write(b'"}\n{"event":"run.finished"}\n')


def many_files(state, scale):
    for number in range(max(1, int(1_000_000 * scale))):
        directory = os.path.join(state, f"{number % 1000:03}", f"run-{number:07}")
        os.makedirs(directory)
        with open(os.path.join(directory, "run.log"), "wb") as file:
            file.write(b'{"event":"run.started"}\n')


def blank(state, scale):
    with log(state, "blank") as file:
        file.write(b"\n" * max(1, int(1_000_000 * scale)))


def deep(state, scale):
    with log(state, "deep") as file:
        for _ in range(max(1, int(1000 * scale))):
            file.write(b'{"event":"log","attrs":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n")


def keys(state, scale):
    with log(state, "keys") as file:
        for number in range(max(1, int(100_000 * scale))):
            file.write(f'{{"event":"name-{number}","key-{number}":1,"span_id":"span-{number}"}}\n'.encode())


def noise(state, scale):
    with log(state, "noise") as file:
        for _ in range(max(1, int(100 * scale))):
            file.write(os.urandom(MIB))


INPUTS = [
    ("ordinary logs, 1 GB", ordinary),
    ("a line of 1 GiB", one_line),
    ("a million logs of one line", many_files),
    ("a million blank lines", blank),
    ("a thousand lines that nest 50,000 deep", deep),
    ("100,000 events, each with a name, a key and a span of its own", keys),
    ("100 MiB of noise", noise),
]


def size(state):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(state) for name in names)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=BINARY)
    options.add_argument("--scale", type=float, default=1)
    options.add_argument("--work")
    options.add_argument("--only", help="a word of the names")
    asked = options.parse_args()
    print(f"Machine: {machine()}. Scale {asked.scale}.\n")
    print("| input | MiB | seconds | processor seconds | MiB/s | peak MiB |\n|---|---|---|---|---|---|")
    for name, make in INPUTS:
        if asked.only and asked.only not in name:
            continue
        with workplace("hostile", asked.work) as work:
            bench = Bench(asked.binary, work)
            state = bench.path("state")
            os.mkdir(state)
            make(state, asked.scale)
            mib = size(state) / MIB
            seconds, used, peak = bench.build(state)
            print(f"| {name} | {mib:.0f} | {seconds:.2f} | {used:.2f} | {mib / seconds:.0f} | {peak:.0f} |", flush=True)
            shutil.rmtree(state)


if __name__ == "__main__":
    main()
