#!/usr/bin/env python3
"""What grows with the number of runs and of events, and what does not: two tables and a plot.

    benches/growth.py [--binary target/release/wheelwatch] [--most-runs 50000] [--most-events 10000000] [--plot FILE.svg]

Runs have 20 lines each; events are those of one run. Pages are asked for of a server with a complete cache; for runs, what
it does while nothing happens is measured for as long as from one scan to the next one.
"""

import argparse
import math
import os
import statistics
import sys
import time

sys.dont_write_bytecode = True

import harness_logs  # noqa: E402
from measure import BINARY, Bench, machine, memory, processor, run, timed, workplace  # noqa: E402

RUNS = [1, 10, 100, 1_000, 10_000, 50_000]
EVENTS = [10**power for power in range(3, 8)]
FIGURES = ["build s", "restart s", "cache MiB", "overview ms", "runs ms", "run ms", "server MiB", "pill ms"]
IDLE = "idle % of a core"
IDLE_SECONDS = 35


def figures(bench, shape, is_idle):
    state, cache = bench.path("state"), bench.path("cache.db")
    harness_logs.write(state, is_open=1, seed=7, fixed=True, **shape)
    seconds, _, _ = bench.build(state)
    again, _, _ = run(bench.ours("build", state))
    key = sorted(os.listdir(state))[-1]
    pill = statistics.median(run(bench.ours("pill", state))[0] * 1000 for _ in range(5))
    with bench.server(state, cache) as (process, port, _):
        pages = []
        for page in ("/", "/runs", f"/runs/{key}"):
            timed(port, page)
            pages.append(statistics.median(timed(port, page) for _ in range(20)))
        row = dict(zip(FIGURES, [seconds, again, os.path.getsize(cache) / 2**20, *pages, memory(process.pid), pill]))
        if is_idle:
            used = processor(process.pid)
            time.sleep(IDLE_SECONDS)
            row[IDLE] = 100 * (processor(process.pid) - used) / IDLE_SECONDS
        return row


def show(what, number, row, is_first):
    if is_first:
        print(f"\n| {what} | {' | '.join(row)} |\n|{'---|' * (len(row) + 1)}")
    print(f"| {number:,} | {' | '.join(f'{figure:.3g}' for figure in row.values())} |", flush=True)


def plot(file, series):
    """Both axes logarithmic; a panel for runs and one for events, a line for each figure."""
    width, height, left, top = 420, 300, 60, 30
    hues = ["#0072b2", "#56b4e9", "#999999", "#009e73", "#e69f00", "#d55e00", "#cc79a7", "#000000"]
    total = len(series) * (width + left + 30)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height + 200}" font-family="sans-serif" '
           f'font-size="11"><rect width="100%" height="100%" fill="white"/>']
    low, high = -3, 5
    for panel, (what, rows) in enumerate(series):
        x0 = left + panel * (width + left + 30)
        first, last = math.log10(rows[0][0]), math.log10(rows[-1][0])

        def place(number, figure, x0=x0, first=first, last=last):
            at = min(max(math.log10(max(figure, 1e-9)), low), high)
            return (x0 + (math.log10(number) - first) / max(last - first, 1) * width,
                    top + height - (at - low) / (high - low) * height)

        out.append(f'<text x="{x0}" y="18">{what}</text>')
        for power in range(low, high + 1):
            y = place(rows[0][0], 10.0**power)[1]
            out.append(f'<path d="M{x0} {y:.1f}h{width}" stroke="#ddd"/><text x="{x0 - 6}" y="{y + 4:.1f}" '
                       f'text-anchor="end">{10.0**power:g}</text>')
        for number, _ in rows:
            x = place(number, 1)[0]
            out.append(f'<text x="{x:.1f}" y="{top + height + 16}" text-anchor="middle">{number:,}</text>')
        for index, name in enumerate(FIGURES):
            points = " ".join("{:.1f},{:.1f}".format(*place(number, row[name])) for number, row in rows)
            dash = ["", "6 3", "2 3"][index % 3]
            out.append(f'<polyline points="{points}" fill="none" stroke="{hues[index]}" stroke-width="2" '
                       f'stroke-dasharray="{dash}"/>')
    for index, name in enumerate(FIGURES):
        x, y = left + index % 4 * 170, top + height + 50 + index // 4 * 22
        dash = ["", "6 3", "2 3"][index % 3]
        out.append(f'<path d="M{x} {y}h28" stroke="{hues[index]}" stroke-width="2" stroke-dasharray="{dash}"/>'
                   f'<text x="{x + 34}" y="{y + 4}">{name}</text>')
    out.append("</svg>")
    with open(file, "w", encoding="utf-8") as svg:
        svg.write("\n".join(out) + "\n")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=BINARY)
    options.add_argument("--work")
    options.add_argument("--most-runs", type=int, default=RUNS[-1])
    options.add_argument("--most-events", type=int, default=EVENTS[-1])
    options.add_argument("--plot", default="growth.svg")
    asked = options.parse_args()
    print(f"Machine: {machine()}.")
    kinds = [("runs of 20 events", [dict(runs=number, lines=20) for number in RUNS if number <= asked.most_runs]),
             ("events of one run", [dict(runs=1, lines=number) for number in EVENTS if number <= asked.most_events])]
    series = []
    for what, shapes in kinds:
        rows = []
        for shape in shapes:
            number = shape["runs"] if what.startswith("runs") else shape["lines"]
            with workplace("growth", asked.work) as work:
                row = figures(Bench(asked.binary, work), shape, is_idle=what.startswith("runs"))
            show(what, number, row, not rows)
            rows.append((number, row))
        series.append((what, rows))
    plot(asked.plot, series)


if __name__ == "__main__":
    main()
