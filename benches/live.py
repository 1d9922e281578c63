"""G8 and G16: what is written now."""

import contextlib
import json
import os
import random
import threading
import time

import harness_logs
from measure import NotMeasured, Stream, get, memory, processor, quantile


def line(message):
    return f'{{"ts":"{harness_logs.stamp(time.time())}","event":"log","msg":"{message}"}}\n'


def g8(bench):
    """Twenty runs that grow now and then: one run's changes are sent at most nine times a second. Beside it the first line
    of runs that were quiet, whose state the server has to get from its cache."""
    state, cache = bench.built("state")
    keys = sorted(os.listdir(state))[-220:]
    with bench.server(state, cache) as (_, port, _), Stream(port) as stream:
        quiet, _ = heard_after(state, stream, keys[:200])
        heard_after(state, stream, keys[200:])
        took, lost = heard_after(state, stream, random.Random(8).choices(keys[200:], k=400))
    if not took or not quiet:
        raise NotMeasured("no frame came")
    lost = f", {lost} lost" if lost else ""
    return f"{quantile(took, 0.5):.2f}; {quantile(took, 0.99):.2f} ms{lost} (after quiet: {quantile(quiet, 0.5):.2f} ms)"


def heard_after(state, stream, keys):
    """Milliseconds from a line appended to each of these runs to its frame, and how many frames did not come."""
    took, lost = [], 0
    for number, key in enumerate(keys):
        log = os.open(os.path.join(state, key, "run.log"), os.O_WRONLY | os.O_APPEND)
        text = line(f"probe {number}").encode()
        stream.quiet()
        begin = time.perf_counter()
        os.write(log, text)
        heard = []
        while heard is not None and key not in heard:
            heard = stream.runs(1.0)
        if heard is None:
            lost += 1
        else:
            took.append((time.perf_counter() - begin) * 1000)
        os.close(log)
    return took, lost


def g16(bench):
    figures = day(bench, bench.minutes)
    return f"{figures['lost']}; {figures['p99']:.0f} ms; {figures['share']:.0%} ({bench.minutes:g} min)"


def day(bench, minutes, each_minute=lambda _: None, runs=200, rate=100):
    """Runs that are written at a rate each, and one that is heard of on the stream; what became of it."""
    state, cache = bench.path("live"), bench.path("live.db")
    os.makedirs(state, exist_ok=True)
    logs = []
    for number in range(runs):
        directory = os.path.join(state, f"live-{number:03}")
        os.makedirs(directory)
        logs.append(open(os.path.join(directory, "run.log"), "ab", buffering=0))
    probed = os.path.join(state, "probed")
    os.makedirs(probed)
    written, over = [0], threading.Event()

    def write():
        """A tick is ten milliseconds: every run has its share of lines in it, spread over the runs."""
        body = "x" * 150
        begin, tick, owed = time.perf_counter(), 0, 0.0
        while not over.is_set():
            tick += 1
            owed += runs * rate / 100
            stamp = harness_logs.stamp(time.time())
            for _ in range(int(owed)):
                number = written[0]
                text = f'{{"ts":"{stamp}","event":"log","level":"info","msg":"{number}","note":"{body}"}}\n'
                logs[number % runs].write(text.encode())
                written[0] += 1
            owed -= int(owed)
            time.sleep(max(0, begin + tick / 100 - time.perf_counter()))

    with bench.server(state, cache) as (process, port, _), Stream(port) as stream:
        writer = threading.Thread(target=write)
        writer.start()
        took, late, probes = [], 0, 0
        begin, used, minute = time.perf_counter(), processor(process.pid), 0
        try:
            while time.perf_counter() - begin < minutes * 60:
                sent = time.perf_counter()
                with open(os.path.join(probed, "run.log"), "a", encoding="utf-8") as log:
                    log.write(line(f"probe {probes}"))
                probes += 1
                heard = False
                while not heard and time.perf_counter() - sent < 5:
                    heard = "probed" in (stream.runs(0.5) or [])
                took.append((time.perf_counter() - sent) * 1000)
                late += not heard
                while time.perf_counter() - sent < 1:
                    stream.runs(max(0.01, 1 - (time.perf_counter() - sent)))
                elapsed = time.perf_counter() - begin
                if elapsed >= 60 * min(minute + 1, minutes):
                    minute += 1
                    each_minute(figures(process.pid, cache, minute, elapsed, used, took))
        finally:
            over.set()
            writer.join()
        share = (processor(process.pid) - used) / (time.perf_counter() - begin)
        counted = settled(port, written[0] + probes)
    for log in logs:
        log.close()
    lost = written[0] + probes - counted
    return {"lost": lost, "p99": quantile(took, 0.99), "share": share, "late": late, "written": written[0]}


def settled(port, wanted):
    """The lines that the server counts, once it has had time for them all."""
    counted = 0
    for _ in range(100):
        with contextlib.suppress(OSError):
            counted = json.loads(get(port, "/api/health"))["lines"]
        if counted >= wanted:
            break
        time.sleep(0.2)
    return counted


def figures(pid, cache, minute, elapsed, used, took):
    log = cache + "-wal"
    return {
        "minute": minute,
        "memory": memory(pid),
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "share": (processor(pid) - used) / elapsed,
        "wal": os.path.getsize(log) / 2**20 if os.path.exists(log) else 0,
        "p99": quantile(took, 0.99),
    }
