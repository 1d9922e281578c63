"""G7, G9, G10 and G13 to G15: what a person waits for."""

import http.client
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

from measure import HERE, NotMeasured, free_port, get, quantile, run, timed


def g7(bench):
    return "; ".join(f"{first_page(bench, name):.0f}" for name in ("state", "many")) + " ms"


def first_page(bench, name):
    """The server answers before it says where, once it has had a first look; who knows the port need not wait for that."""
    state = bench.state(name)
    newest = sorted(os.listdir(state))[-50:]
    took = []
    for _ in range(bench.rounds):
        bench.fresh()
        port = free_port()
        command = bench.ours("serve", "--port", str(port), state)
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while True:
                try:
                    if are_right(port, newest):
                        break
                except OSError:
                    pass
                time.sleep(0.001)
            took.append((time.perf_counter() - begin) * 1000)
        finally:
            process.terminate()
            process.wait()
    return statistics.median(took)


def are_right(port, keys):
    """Whether the newest runs are all listed with a state."""
    answer = json.loads(get(port, "/api/runs?limit=50"))
    return {one["key"] for one in answer["runs"] if one["status"] is not None}.issuperset(keys)


def wrk(url):
    """Requests a second and the 99th percentile in ms, eight connections."""
    command = ["wrk", "-t", "1", "-c", "8", "-d", "5s", "--latency", url]
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise NotMeasured("wrk is not installed") from error
    if bad := re.search(r"Non-2xx.*", said):
        raise NotMeasured(f"{url}: {bad[0]}")
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def g9(bench):
    if not bench.peers:
        raise NotMeasured("--peers names no Python with Datasette")
    state, cache = bench.built("state")
    port = free_port()
    command = [bench.peers, "-m", "datasette", "serve", "--port", str(port), cache]
    peer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        page = f"/{os.path.basename(cache).removesuffix('.db')}/runs?_size=50"
        for _ in range(200):
            try:
                get(port, page)
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise NotMeasured("Datasette does not answer; is it installed for --peers?")
        ratios, slow = [], []
        with bench.server(state, cache) as (_, own, _):
            get(own, "/runs")
            for _ in range(max(1, bench.rounds // 2)):
                theirs, _ = wrk(f"http://127.0.0.1:{port}{page}")
                ours, late = wrk(f"http://127.0.0.1:{own}/runs")
                ratios.append(ours / theirs)
                slow.append(late)
    finally:
        peer.terminate()
        peer.wait()
    return f"{statistics.median(ratios):.0f}; {statistics.median(slow):.1f} ms"


def g10(bench):
    state, cache = bench.built("state")
    other = os.path.join(state, "run-late")
    with bench.server(state, cache) as (_, port, _):
        # What is written is of new runs in the same state directory.
        runs = str(max(20, int(200 * bench.scale)))
        maker = [sys.executable, os.path.join(HERE, "harness_logs.py"), other, "--runs", runs, "--lines", "1250"]
        making = subprocess.Popen(maker, stdout=subprocess.DEVNULL)
        took, failed = [], 0
        while making.poll() is None:
            try:
                took.append(timed(port, "/runs"))
            except (OSError, http.client.HTTPException):
                failed += 1
    shutil.rmtree(other)
    return f"{quantile(took, 0.99):.1f} ms; {failed} (one client)"


def g13(bench):
    state, cache = bench.built("many")
    with bench.server(state, cache) as (_, port, _):
        first, pages = "/api/runs?limit=50", 0
        page = first
        while pages < 999:
            answer = json.loads(get(port, page))
            if not answer.get("next"):
                break
            pages += 1
            page = f"{first}&after={answer['next']}"
        if pages < 2:
            raise NotMeasured("too few runs for a late page")
        timed(port, first), timed(port, page)
        ratio = statistics.median(timed(port, page) / timed(port, first) for _ in range(200))
    state, cache = bench.built("long")
    key = os.listdir(state)[0]
    with bench.server(state, cache) as (_, port, _):
        events = statistics.median(timed(port, f"/api/runs/{key}/events?limit=200") for _ in range(50))
        nothing = statistics.median(timed(port, "/api/runs?limit=1") for _ in range(50))
    return f"page {pages + 1}: {ratio:.2f}; {events:.2f} ms over HTTP (a list of one run: {nothing:.2f})"


def g14(bench):
    state, cache = bench.built("many")
    took = [run(bench.ours("pill", state, cache=cache))[0] * 1000 for _ in range(20)]
    return f"{statistics.median(took):.0f} ms"


def g15(bench):
    state, cache = bench.built("long")
    key = os.listdir(state)[0]
    rng = random.Random(15)
    with bench.server(state, cache) as (_, port, _):
        get(port, f"/api/runs/{key}")
        total = json.loads(get(port, f"/api/runs/{key}"))["log"]["lines"]["event"]
        took = [timed(port, f"/runs/{key}?at={rng.randint(1, total)}") for _ in range(20)]
    return f"{statistics.median(took):.0f} ms, at most {max(took):.0f} (the whole page)"
