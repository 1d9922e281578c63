"""G1 to G6, G11 and G12: what is read, written and held."""

import glob
import os
import re
import subprocess

from measure import HERE, NotMeasured, get, memory, run


def duckdb(bench, mode, state):
    if not bench.peers:
        raise NotMeasured("--peers names no Python with DuckDB")
    command = [bench.peers, os.path.join(HERE, "duckdb_peer.py"), mode, state]
    return run(command + ([bench.path("duck.db")] if mode == "table" else []))


def g1(bench, name="state"):
    state = bench.state(name)
    return f"{bench.pairs(lambda: duckdb(bench, 'table', state), lambda: bench.build(state)):.2f}"


def g2(bench):
    return g1(bench, "many")


def g3(bench):
    state = bench.state("state")
    return f"{bench.pairs(lambda: duckdb(bench, 'query', state), lambda: bench.build(state, '--runs-only')):.2f}"


def g4(bench):
    state = bench.state("state")
    cat = ["sh", "-c", 'cat "$1"/*/run.log > /dev/null', "cat", state]
    with_rows = bench.pairs(lambda: bench.build(state), lambda: run(cat))
    runs_only = bench.pairs(lambda: bench.build(state, "--runs-only"), lambda: run(cat))
    return f"{with_rows:.2f}; {runs_only:.2f}"


def g5(bench):
    state, cache = bench.built("many")
    command = ["find", state, "-mindepth", "2", "-maxdepth", "2", "-name", "run.log", "-printf", "%s %T@\\n"]
    ratio = bench.pairs(lambda: run(bench.ours("build", state, cache=cache)), lambda: run(command))
    return f"{ratio:.2f} (the sweep is find's)"


def g6(bench):
    """Bytes of logs that are read, as the kernel sees it, beyond those that are new."""
    state, cache = bench.built("state")
    changed, new = sorted(os.listdir(state))[-20:], 0
    for name in changed:
        with open(os.path.join(state, name, "run.log"), "a", encoding="utf-8") as log:
            new += log.write('{"event":"log","msg":"one more"}\n')
    traced = bench.path("trace")
    watched = ["strace", "-f", "-y", "-qq", "-e", "trace=read,pread64,readv,preadv", "-o", traced]
    try:
        subprocess.run(watched + bench.ours("build", state, cache=cache), check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise NotMeasured("strace is not installed") from error
    with open(traced, encoding="utf-8", errors="replace") as lines:
        reads = (re.search(r"read\w*\(\d+<[^>]*/run\.log>.*= (\d+)$", line) for line in lines)
        read = sum(int(found[1]) for found in reads if found)
    return f"{(read - new) / len(changed) / 1024:.1f} KiB"


def g11(bench):
    peak = bench.build(bench.state("state"))[2]
    many, cache = bench.built("many")
    with bench.server(many, cache) as (process, port, _):
        get(port, "/runs")
        subprocess.run(["sleep", "5"], check=True)
        idle = memory(process.pid)
    return f"{peak:.0f}; {idle:.0f} MiB"


def g12(bench):
    state = bench.state("state")
    size = sum(map(os.path.getsize, glob.glob(f"{state}/*/run.log")))
    bench.build(state)
    return f"{os.path.getsize(bench.path('cache.db')) / size:.3f}"
