#!/usr/bin/env python3
"""Writes a made-up state directory: OUT/<run>/run.log, one JSON object a line.

    harness_logs.py OUT --runs N --lines M [--line-bytes B] [--open K] [--fixed] [--seed S]

The same options give the same bytes. Unless --fixed, the lengths of the runs vary widely about M. The newest K runs have
no end. Everything is invented; the field names are those of the generic dialect.
"""

import argparse
import json
import os
import random
import time

STEPS = ["unpack", "compile", "unit", "style", "types", "smoke", "package", "review"]
AGENTS = ["planner", "coder", "tester"]
WORDS = "wheel spoke hub rim tyre chain crank pedal saddle brake gear cable lamp bell frame fork öl → \"quoted\" tab\t".split(" ")
PHASES = ["build", "hardening", "verify"]
BEGIN = 1_780_000_000


def stamp(at):
    whole, micros = divmod(int(at * 1e6), 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{micros:06}Z"


def one_run(number, lines, line_bytes, is_open, seed):
    """The lines of one run, about `lines` of them."""
    rng = random.Random(f"{seed}/{number}")
    now = BEGIN + number * 600.0
    name = f"run-{number:06}"
    phase, candidate, root = PHASES[0], "cand-1", f"{rng.getrandbits(64):016x}"
    begun = []

    def line(event, span=root, level="info", **attrs):
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 9))]
        record = {"ts": stamp(now), "event": event, "run_id": name, "phase": phase, "candidate": candidate,
                  "span_id": span, "level": level, "msg": " ".join(words), "attrs": attrs}
        bare = len(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
        if bare < line_bytes:
            attrs["note"] = "x" * rng.randint(0, 2 * (line_bytes - bare))
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))

    yield line("run.started")
    for n in range(max(lines - 2, 0)):
        now += rng.expovariate(0.4)
        if n * len(PHASES) // max(lines, 1) != PHASES.index(phase):
            phase = PHASES[min(n * len(PHASES) // max(lines, 1), len(PHASES) - 1)]
            yield line("phase.entered")
            continue
        dice = rng.random()
        if dice < 0.10:
            yield line("heartbeat", level="debug", uptime_s=round(now - BEGIN, 1))
        elif dice < 0.25:
            begun.append((f"{rng.getrandbits(64):016x}", rng.choice(STEPS), now))
            yield line("step.started", begun[-1][0], step=begun[-1][1], attempt=rng.randint(1, 3))
        elif dice < 0.40 and begun:
            span, step, since = begun.pop(rng.randrange(len(begun)))
            status = "ok" if rng.random() < 0.9 else "failed"
            yield line("step.finished", span, step=step, status=status, duration_ms=int((now - since) * 1000))
        elif dice < 0.43:
            yield line("usage", input_tokens=rng.randint(100, 9000), output_tokens=rng.randint(10, 900), cost_usd=0.01)
        elif dice < 0.44:
            yield line("artifact.created", path=f"out/{name}/{n}.txt")
        else:
            yield line("log", begun[-1][0] if begun else root, agent=rng.choice(AGENTS), line=n)
    if not is_open:
        phase = "done"
        yield line("run.finished", status="ok")


def write(out, runs, lines, line_bytes=330, is_open=0, fixed=False, seed=1):
    """Makes the state directory; gives the number of its bytes."""
    rng, total = random.Random(f"{seed}/lengths"), 0
    for number in range(runs):
        length = lines if fixed else max(3, int(lines * rng.lognormvariate(-0.5, 1.0)))
        directory = os.path.join(out, f"run-{number:06}")
        os.makedirs(directory)
        data = "".join(text + "\n" for text in one_run(number, length, line_bytes, number >= runs - is_open, seed))
        with open(os.path.join(directory, "run.log"), "wb") as log:
            total += log.write(data.encode())
    return total


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("out")
    options.add_argument("--runs", type=int, required=True)
    options.add_argument("--lines", type=int, required=True)
    options.add_argument("--line-bytes", type=int, default=330)
    options.add_argument("--open", type=int, default=0)
    options.add_argument("--fixed", action="store_true")
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    print(write(asked.out, asked.runs, asked.lines, asked.line_bytes, asked.open, asked.fixed, asked.seed), "bytes")
