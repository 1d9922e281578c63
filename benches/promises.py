#!/usr/bin/env python3
"""Measures the speed promises G1 to G16 beside what a user would pick instead, and prints them as one table.

    benches/promises.py [--binary target/release/wheelwatch] [--peers PYTHON] [--scale 1] [--rounds 5] [--only G1,G4]

It makes its own data in a temporary directory (1 GB and 0.4 GB at --scale 1; --work keeps it elsewhere). Commands that are
compared run turn by turn, whole processes, with a warm page cache; a ratio is the median of the pairs. PYTHON is an
interpreter with DuckDB (`python3 -m venv v && v/bin/pip install duckdb`). What cannot be measured here says why.
"""

import argparse
import contextlib
import glob
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import harness_logs  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))

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


class NotMeasured(Exception):
    """Why a row has no figure."""


def run(command):
    """Runs a command; gives its seconds, processor seconds and peak memory in MiB."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}: {said.decode(errors='replace')}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def quantile(values, share):
    return sorted(values)[int((len(values) - 1) * share)]


class Bench:
    def __init__(self, asked, work):
        self.asked = asked
        self.work = work
        self.made = set()

    def path(self, name):
        return os.path.join(self.work, name)

    def state(self, name):
        """The state directory of that name, made when it is first asked for."""
        out = self.path(name)
        if name not in self.made:
            shapes = {"state": dict(runs=2000, lines=1250, is_open=20, seed=1),
                      "many": dict(runs=50_000, lines=20, is_open=50, seed=3, fixed=True)}
            shape = shapes[name]
            shape["runs"] = max(60, int(shape["runs"] * self.asked.scale))
            print(f"making {name}: {shape['runs']} runs", file=sys.stderr)
            harness_logs.write(out, **shape)
            self.made.add(name)
        return out

    def ours(self, *arguments, cache=None):
        return [self.asked.binary, *arguments, "--cache", cache or self.path("cache.db")]

    def fresh(self):
        for file in glob.glob(self.path("cache.db*")):
            os.remove(file)

    def build(self, state, *options):
        self.fresh()
        return run(self.ours("build", *options, state))

    def pairs(self, one, other):
        """The median ratio of two measurements that take turns; the first pair only warms up."""
        ratios = [one()[0] / other()[0] for _ in range(self.asked.rounds + 1)][1:]
        return statistics.median(ratios)

    def duckdb(self, mode, state):
        if not self.asked.peers:
            raise NotMeasured("--peers names no Python with DuckDB")
        command = [self.asked.peers, os.path.join(HERE, "duckdb_peer.py"), mode, state]
        return run(command + ([self.path("duck.db")] if mode == "table" else []))

    @contextlib.contextmanager
    def server(self, state, cache):
        """A server on a free port; gives its process, its port and when it was started."""
        begin = time.perf_counter()
        command = self.ours("serve", "--port", "0", state, cache=cache)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            for line in process.stdout:
                if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                    yield process, int(found[1]), begin
                    return
            raise SystemExit(f"{command} never said where it is")
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()

    def built(self, name):
        """A state directory with a complete cache."""
        state = self.state(name)
        cache = self.path(f"{name}.db")
        run(self.ours("build", state, cache=cache))
        return state, cache

    def g1(self, name="state"):
        state = self.state(name)
        return f"{self.pairs(lambda: self.duckdb('table', state), lambda: self.build(state)):.2f}"

    def g2(self):
        return self.g1("many")

    def g3(self):
        state = self.state("state")
        ratio = self.pairs(lambda: self.duckdb("query", state), lambda: self.build(state, "--runs-only"))
        return f"{ratio:.2f}"

    def g4(self):
        state = self.state("state")
        cat = ["sh", "-c", 'cat "$1"/*/run.log > /dev/null', "cat", state]
        with_rows = self.pairs(lambda: self.build(state), lambda: run(cat))
        runs_only = self.pairs(lambda: self.build(state, "--runs-only"), lambda: run(cat))
        return f"{with_rows:.2f}; {runs_only:.2f}"

    def g5(self):
        state, cache = self.built("many")
        command = ["find", state, "-mindepth", "2", "-maxdepth", "2", "-name", "run.log", "-printf", "%s %T@\\n"]
        ratio = self.pairs(lambda: run(self.ours("build", state, cache=cache)), lambda: run(command))
        return f"{ratio:.2f} (the sweep is find's)"

    def g7(self):
        return "; ".join(f"{self.first_page(name):.0f}" for name in ("state", "many")) + " ms"

    def first_page(self, name):
        state = self.state(name)
        newest = sorted(os.listdir(state))[-50:]
        took = []
        for _ in range(self.asked.rounds):
            self.fresh()
            with self.server(state, self.path("cache.db")) as (_, port, begin):
                while not self.are_right(port, newest):
                    time.sleep(0.001)
                took.append((time.perf_counter() - begin) * 1000)
        return statistics.median(took)

    def are_right(self, port, keys):
        """Whether the newest runs are all listed with a state."""
        answer = json.loads(get(port, "/api/runs?limit=50"))
        listed = {one["key"] for one in answer["runs"] if one["status"] is not None}
        return listed.issuperset(keys)

    def g8(self):
        state, cache = self.built("state")
        log = os.path.join(state, sorted(os.listdir(state))[-1], "run.log")
        with self.server(state, cache) as (_, port, _), socket.create_connection(("127.0.0.1", port)) as stream:
            stream.sendall(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            stream.settimeout(0.5)
            took, lost = [], 0
            for n in range(300):
                drain(stream)
                begin = time.perf_counter()
                with open(log, "a", encoding="utf-8") as file:
                    stamp = harness_logs.stamp(time.time())
                    file.write(f'{{"ts":"{stamp}","event":"log","msg":"probe {n}"}}\n')
                try:
                    while b"event: run" not in stream.recv(65536):
                        pass
                    took.append((time.perf_counter() - begin) * 1000)
                except TimeoutError:
                    lost += 1
        if not took:
            raise NotMeasured("no frame came")
        return f"{quantile(took, 0.5):.2f}; {quantile(took, 0.99):.2f} ms" + (f", {lost} lost" if lost else "")

    def g10(self):
        state, cache = self.built("state")
        other = os.path.join(state, "run-late")
        with self.server(state, cache) as (_, port, _):
            # What is written is of new runs in the same state directory.
            runs = str(max(20, int(200 * self.asked.scale)))
            maker = [sys.executable, os.path.join(HERE, "harness_logs.py"), other, "--runs", runs, "--lines", "1250"]
            making = subprocess.Popen(maker, stdout=subprocess.DEVNULL)
            took, failed = [], 0
            while making.poll() is None:
                begin = time.perf_counter()
                try:
                    get(port, "/runs")
                    took.append((time.perf_counter() - begin) * 1000)
                except (OSError, http.client.HTTPException):
                    failed += 1
        shutil.rmtree(other)
        return f"{quantile(took, 0.99):.1f} ms; {failed} (one client)"

    def g11(self):
        peak = self.build(self.state("state"))[2]
        many, cache = self.built("many")
        with self.server(many, cache) as (process, port, _):
            get(port, "/runs")
            time.sleep(5)
            status = open(f"/proc/{process.pid}/status", encoding="ascii").read()
            idle = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
        return f"{peak:.0f}; {idle:.0f} MiB"

    def g12(self):
        state = self.state("state")
        size = sum(map(os.path.getsize, glob.glob(f"{state}/*/run.log")))
        self.build(state)
        return f"{os.path.getsize(self.path('cache.db')) / size:.3f}"

    def g13(self):
        state, cache = self.built("many")
        with self.server(state, cache) as (_, port, _):
            first, after, pages = "/api/runs?limit=50", None, 0
            page = first
            while pages < 999:
                answer = json.loads(get(port, page))
                if not answer.get("next"):
                    break
                after, pages = answer["next"], pages + 1
                page = f"{first}&after={after}"
            if pages < 2:
                raise NotMeasured("too few runs for a late page")
            ratios = []
            for _ in range(200):
                early, late = timed(port, first), timed(port, page)
                ratios.append(late / early)
        return f"page {pages + 1}: {statistics.median(ratios):.2f}; events: not measured"

    def g14(self):
        state, cache = self.built("many")
        took = [run(self.ours("pill", state, cache=cache))[0] * 1000 for _ in range(20)]
        return f"{statistics.median(took):.0f} ms"


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise http.client.HTTPException(f"{path} gave {answer.status}")
        return body


def timed(port, path):
    begin = time.perf_counter()
    get(port, path)
    return time.perf_counter() - begin


def drain(stream):
    """Reads what is left of earlier frames, until it is quiet for a moment."""
    patience = stream.gettimeout()
    stream.settimeout(0.02)
    try:
        while stream.recv(65536):
            pass
    except TimeoutError:
        pass
    stream.settimeout(patience)


def machine():
    names = re.findall(r"model name\s*:\s*(.*)", open("/proc/cpuinfo", encoding="utf-8").read())
    return f"{os.cpu_count()} × {names[0] if names else 'unknown processor'}, load {os.getloadavg()[0]:.1f}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=os.path.join(HERE, "..", "target", "release", "wheelwatch"))
    options.add_argument("--peers", help="a Python that has DuckDB")
    options.add_argument("--scale", type=float, default=1, help="share of the runs; figures below 1 are no promise")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", help="such as G1,G4")
    options.add_argument("--work", help="where to put the data [default: the temporary directory]")
    asked = options.parse_args()
    asked.binary = os.path.abspath(asked.binary)
    only = asked.only.split(",") if asked.only else None
    with tempfile.TemporaryDirectory(prefix="wheelwatch-bench-", dir=asked.work) as work:
        bench = Bench(asked, work)
        print(f"Machine: {machine()}. Scale {asked.scale}, {asked.rounds} rounds.\n")
        print("| # | what | must | aim | measured |\n|---|---|---|---|---|")
        for number, what, must, aim in PROMISES:
            if only and number not in only:
                continue
            measure = getattr(bench, number.lower(), None)
            try:
                figure = measure() if measure else "not measured: no probe here yet"
            except NotMeasured as why:
                figure = f"not measured: {why}"
            print(f"| {number} | {what} | {must} | {aim} | {figure} |", flush=True)


if __name__ == "__main__":
    main()
