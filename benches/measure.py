"""What the benchmarks share: commands that are timed, data that is made once, servers that are asked."""

import contextlib
import glob
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import harness_logs

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.path.join(HERE, "..", "target", "release", "wheelwatch")

SHAPES = {
    # 1.0 GB, 2.36 million lines.
    "state": dict(runs=2000, lines=1250, is_open=20, seed=1),
    # 0.4 GB, 1 million lines.
    "many": dict(runs=50_000, lines=20, is_open=50, seed=3, fixed=True),
    # One run of a million lines.
    "long": dict(runs=1, lines=1_000_000, is_open=1, seed=5, fixed=True),
}


class NotMeasured(Exception):
    """Why a row has no figure."""


def run(command):
    """Runs a command; gives its seconds, processor seconds and peak memory in MiB."""
    end, other = os.pipe()
    alone = [sys.executable, "-I", "-S", os.path.join(HERE, "alone.py"), str(other), *command]
    done = subprocess.run(alone, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[other], check=False)
    os.close(other)
    with open(end, encoding="ascii") as figures:
        figures = figures.read().split()
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    seconds, used, peak = map(float, figures)
    return seconds, used, peak / 1024


def quantile(values, share):
    return sorted(values)[int((len(values) - 1) * share)]


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
    """The milliseconds of a request over a connection of its own."""
    begin = time.perf_counter()
    get(port, path)
    return (time.perf_counter() - begin) * 1000


def memory(pid):
    """The resident memory of a process in MiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


def processor(pid):
    """The processor seconds of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def workplace(name, below=None):
    """A directory for the data of a script that goes when it ends, below one that is made if it is not there."""
    if below:
        os.makedirs(below, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=f"wheelwatch-{name}-", dir=below)


def machine():
    names = re.findall(r"model name\s*:\s*(.*)", open("/proc/cpuinfo", encoding="utf-8").read())
    return f"{os.cpu_count()} × {names[0] if names else 'unknown processor'}, load {os.getloadavg()[0]:.1f}"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Bench:
    """A place for data and caches, one for logs that only are read, and the binary that is measured."""

    def __init__(self, binary, work, scale=1.0, rounds=5, peers=None, minutes=10.0, logs=None):
        self.binary, self.work, self.scale, self.rounds = os.path.abspath(binary), work, scale, rounds
        self.peers, self.minutes, self.logs = peers, minutes, logs or work
        self.made, self.built_caches = set(), {}

    def path(self, name):
        return os.path.join(self.work, name)

    def state(self, name):
        """The state directory of that name, made when it is first asked for."""
        out = os.path.join(self.logs, name)
        if name not in self.made:
            shape = dict(SHAPES[name])
            grows = "lines" if shape["runs"] == 1 else "runs"
            shape[grows] = max(60, int(shape[grows] * self.scale))
            print(f"making {name}: {shape['runs']} runs", file=sys.stderr)
            harness_logs.write(out, **shape)
            self.made.add(name)
        return out

    def ours(self, *arguments, cache=None):
        return [self.binary, *arguments, "--cache", cache or self.path("cache.db")]

    def fresh(self):
        for file in glob.glob(self.path("cache.db*")):
            os.remove(file)

    def build(self, state, *options):
        self.fresh()
        return run(self.ours("build", *options, state))

    def built(self, name):
        """A state directory with a complete cache."""
        state, cache = self.state(name), self.path(f"{name}.db")
        run(self.ours("build", state, cache=cache))
        return state, cache

    def pairs(self, one, other):
        """The median ratio of two measurements that take turns; the first pair only warms up."""
        ratios = [one()[0] / other()[0] for _ in range(self.rounds + 1)][1:]
        return statistics.median(ratios)

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


class Stream:
    """A client of `/api/stream`."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        self.rest = b""
        # What changes before the snapshot is in it, and has no frame of its own.
        self.socket.settimeout(30)
        while b"event: snapshot" not in self.rest:
            piece = self.socket.recv(1 << 16)
            if not piece:
                raise NotMeasured("the stream ended before its snapshot")
            self.rest += piece

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def quiet(self):
        """Reads what is left of earlier frames, until it is quiet for a moment."""
        self.socket.settimeout(0.02)
        with contextlib.suppress(TimeoutError):
            while self.socket.recv(65536):
                pass
        self.rest = b""

    def runs(self, patience):
        """The keys of the runs in the frames that come next; `None` after so many seconds without any frame."""
        self.socket.settimeout(patience)
        try:
            self.rest += self.socket.recv(1 << 16)
        except TimeoutError:
            return None
        *frames, self.rest = self.rest.split(b"\n\n")
        bodies = (re.search(rb"event: run\ndata: (.*)", frame) for frame in frames)
        return [json.loads(body[1])["key"] for body in bodies if body]
