#!/usr/bin/env python3
"""Compares the program's canonical dump with the reference reducer's, run by run.

    compare.py --binary PATH --seeds A..B [--runs M] [--realistic] [--keep DIR] [--jobs N]
    compare.py --binary PATH --state DIR [--log-name '*.jsonl']

A difference is shrunk (lines are deleted, then keys, while the difference stays) and shown with its log; exit 1.
`--reports N` goes on to N different differences; `--ignore REGEX` passes over paths such as `run\\.cost_usd`.
Numbers are compared by value, since spec 4.2 does not say how they are spelt.
"""

import argparse
import collections
import concurrent.futures
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import generate  # noqa: E402
import readings  # noqa: E402
import reduce  # noqa: E402

MISSING = "<missing>"


class Binary:
    """The program under test."""

    def __init__(self, command, max_line, extra):
        self.command = shlex.split(command)
        self.options = (["--max-line", str(max_line)] if max_line else []) + shlex.split(extra)

    def dump(self, state_dir, log_name="run.log"):
        """Its dump of a directory, as a value; each time with a new cache."""
        with tempfile.TemporaryDirectory(prefix="oracle-cache-") as cache:
            command = [*self.command, "dump", "--canonical", "--cache", os.path.join(cache, "c.db"), *self.options]
            if log_name != "run.log":
                command += ["--log-name", log_name]
            done = subprocess.run([*command, state_dir], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            sys.exit(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stderr.decode(errors='replace')[-3000:]}")
        return json.loads(done.stdout)


# ---------------------------------------------------------------- differences


def differences(ours, theirs, path=""):
    """[(path, ours, theirs)] of two JSON values; true is not 1."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = []
        for key in sorted(ours.keys() | theirs.keys()):
            here = f"{path}.{key}" if path else key
            found += differences(ours.get(key, MISSING), theirs.get(key, MISSING), here)
        return found
    if isinstance(ours, list) and isinstance(theirs, list):
        found = [(f"{path}.length", len(ours), len(theirs))] if len(ours) != len(theirs) else []
        for index in range(max(len(ours), len(theirs))):
            one = ours[index] if index < len(ours) else MISSING
            other = theirs[index] if index < len(theirs) else MISSING
            found += differences(one, other, f"{path}[{index}]")
        return found
    same_kind = isinstance(ours, bool) == isinstance(theirs, bool)
    return [] if same_kind and ours == theirs else [(path, ours, theirs)]


def kind_of(path):
    """A path without its indices and names, to say which difference it is."""
    return re.sub(r"^(names|levels)\..*", r"\1", re.sub(r"\[\d+\]", "[]", path))


def how_telling(kind):
    """Which of several differences to shrink for: a length before its entries, the hash of the rows last."""
    return (kind == "events_sha256", not kind.endswith(".length"), "evidence" in kind or "[]" in kind)


class Comparer:
    def __init__(self, binary, ignore, max_line, passed_over=None):
        self.binary = binary
        self.ignore = re.compile(ignore) if ignore else None
        self.passed_over = re.compile(passed_over) if passed_over else None
        self.max_line = max_line or reduce.MAX_LINE

    def of_directory(self, state_dir, log_name="run.log"):
        """{key: [(path, oracle, binary)]} of the runs that differ, and how many runs there are."""
        ours = reduce.dump_directory(state_dir, log_name, self.max_line)
        theirs = self.binary.dump(state_dir, log_name)
        head = differences({**ours, "runs": None}, {**theirs, "runs": None})
        result = {"<document>": head} if head else {}
        keys = [run["key"] for run in ours["runs"]]
        if keys != [run["key"] for run in theirs["runs"]]:
            result["<keys>"] = differences(keys, [run["key"] for run in theirs["runs"]], "keys")
        other = {run["key"]: run for run in theirs["runs"]}
        for run in ours["runs"]:
            if self.passed_over and self.passed_over.search(run["key"]):
                continue
            found = differences(run, other[run["key"]]) if run["key"] in other else []
            if self.ignore:
                found = [item for item in found if not self.ignore.search(item[0])]
            if found:
                result[run["key"]] = found
        passed_over = sum(1 for key in keys if self.passed_over and self.passed_over.search(key))
        return result, len(keys) - passed_over

    def of_logs(self, logs):
        """The differences of each of several logs, in one call of the program."""
        with tempfile.TemporaryDirectory(prefix="oracle-shrink-") as state_dir:
            for index, log in enumerate(logs):
                os.mkdir(os.path.join(state_dir, f"{index:06d}"))
                with open(os.path.join(state_dir, f"{index:06d}", "run.log"), "wb") as file:
                    file.write(log)
            found, _ = self.of_directory(state_dir)
        return [found.get(f"{index:06d}", []) for index in range(len(logs))]

    # ---- shrinking

    def shrink(self, log, wanted):
        """The smallest log found that still shows a difference of the kind `wanted`."""

        def first_that_differs(candidates):
            for start in range(0, len(candidates), 200):
                batch = candidates[start : start + 200]
                for candidate, found in zip(batch, self.of_logs([b"".join(parts) for parts in batch])):
                    if any(kind_of(path) == wanted for path, _, _ in found):
                        return candidate
            return None

        parts = re.findall(rb"[^\n]*\n|[^\n]+", log)
        size = max(1, len(parts) // 2)
        while True:  # fewer lines
            smaller = first_that_differs([parts[:at] + parts[at + size :] for at in range(0, len(parts), size)])
            if smaller is not None and len(smaller) < len(parts):
                parts = smaller
                size = max(1, min(size, len(parts) // 2))
            elif size == 1:
                break
            else:
                size //= 2
        while True:  # fewer keys
            smaller = first_that_differs(
                [parts[:at] + [line] + parts[at + 1 :] for at in range(len(parts)) for line in without_a_key(parts[at])]
            )
            if smaller is None:
                return b"".join(parts)
            parts = smaller


def without_a_key(line):
    """The line with one key less, for each key at any depth, and in plain spelling; nothing when it is no object."""
    body, end = (line[:-1], b"\n") if line.endswith(b"\n") else (line, b"")
    try:
        record = json.loads(body)
        written = json.dumps(record).encode() + end
    except (ValueError, RecursionError):
        return []
    if not isinstance(record, dict):
        return []
    smaller = [written] if len(written) < len(line) else []

    def visit(value, rebuild):
        if not isinstance(value, dict):
            return
        for key in value:
            rest = {k: v for k, v in value.items() if k != key}
            smaller.append(json.dumps(rebuild(rest)).encode() + end)
            visit(value[key], lambda inner, key=key, value=value: rebuild({**value, key: inner}))

    visit(record, lambda value: value)
    return [candidate for candidate in smaller if len(candidate) < len(line)]


# ---------------------------------------------------------------- reports


def show(key, found, log=None):
    print(f"run {key}: {len(found)} paths differ (oracle | binary)")
    for path, ours, theirs in found[:20]:
        print(f"  {path}: {json.dumps(ours, ensure_ascii=False)[:200]} | {json.dumps(theirs, ensure_ascii=False)[:200]}")
    if len(found) > 20:
        print(f"  … and {len(found) - 20} more")
    if log is not None:
        print(f"  log, {len(log)} bytes:")
        for number, line in enumerate(re.findall(rb"[^\n]*\n|[^\n]+", log), 1):
            text = line.decode("utf-8", "backslashreplace")
            shown = text[:-1] if text.endswith("\n") else text + " <no newline>"
            print(f"  {number:4} {shown if shown.isprintable() else ascii(shown)[:600]}")
    print(flush=True)


def look(comparer, given, seed):
    """A seed's logs, those of runs that differ only, with the differences, and how many runs there are."""
    home = os.path.join(given.keep, f"seed-{seed}") if given.keep else tempfile.mkdtemp(prefix="oracle-logs-")
    logs = generate.generate(seed, given.runs, home, given.realistic)
    found, seen = comparer.of_directory(home)
    if not given.keep:
        shutil.rmtree(home)
    by_key = {reduce.key_of(relative): log for relative, log in logs.items()}
    return {key: log for key, log in by_key.items() if key in found}, found, seen


def compare_seeds(comparer, given):
    """Generated logs; shrinks and shows up to `--reports` kinds of difference.  Says how many runs differ."""
    first, _, last = given.seeds.partition("..")
    seeds = range(int(first), int(last or first) + 1)
    with concurrent.futures.ProcessPoolExecutor(given.jobs, initializer=readings.choose, initargs=(given.reading,)) as pool:
        looks = pool.map(look, itertools.repeat(comparer), itertools.repeat(given), seeds)
        differing = report(comparer, given, zip(seeds, looks))
        pool.shutdown(cancel_futures=True)
    return differing


def report(comparer, given, looks):
    reported, runs, differing, kinds = set(), 0, 0, collections.Counter()
    for seed, (by_key, found, seen) in looks:
        runs, differing = runs + seen, differing + len(found)
        for key, paths in found.items():
            new = {kind_of(path) for path, _, _ in paths}
            kinds.update(new)
            order = sorted((kind_of(path) for path, _, _ in paths), key=how_telling)
            if len(reported) >= given.reports or order[0] in reported:
                continue
            reported.add(order[0])
            if key not in by_key:
                show(key, paths)
                continue
            log = comparer.shrink(by_key[key], order[0])
            print(f"seed {seed}, {key}, shrunk for {order[0]}:")
            show(key, comparer.of_logs([log])[0], log)
        if differing and len(reported) >= given.reports:
            break
    print(f"{runs} runs compared, {differing} differ")
    for kind, count in kinds.most_common(40):
        print(f"  {count:6} {kind}")
    return differing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary", required=True, help="the program, or a command with arguments")
    parser.add_argument("--seeds", help="A..B, both included")
    parser.add_argument("--runs", type=int, default=100, help="logs per seed")
    parser.add_argument("--realistic", action="store_true")
    parser.add_argument("--keep", help="write the generated logs here and leave them")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="seeds at a time")
    parser.add_argument("--reports", type=int, default=1)
    parser.add_argument("--ignore", help="regular expression of paths to pass over")
    parser.add_argument("--except", dest="passed_over", help="regular expression of keys that are not compared")
    parser.add_argument("--reading", action="append", default=[], metavar="NAME=on|off", help="see readings.py")
    parser.add_argument("--max-line", type=int)
    parser.add_argument("--extra", default="", help="further options for the program")
    parser.add_argument("--state", help="compare this directory instead of generated logs")
    parser.add_argument("--log-name", default="run.log")
    given = parser.parse_args()
    readings.choose(given.reading)
    comparer = Comparer(Binary(given.binary, given.max_line, given.extra), given.ignore, given.max_line, given.passed_over)
    if given.state:
        found, runs = comparer.of_directory(given.state, given.log_name)
        for key, paths in found.items():
            show(key, paths)
        print(f"{runs} runs compared, {len(found)} differ")
        sys.exit(1 if found or not runs else 0)
    if not given.seeds:
        parser.error("--seeds or --state is needed")
    sys.exit(1 if compare_seeds(comparer, given) else 0)


if __name__ == "__main__":
    main()
