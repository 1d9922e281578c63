//! The hot path piece by piece: splitter, decoder, fold, writer. `cargo bench --bench micro`.
//!
//! The figures are of one thread and of made-up logs like those of `harness_logs.py`; they say what a change did, not what
//! is promised (that is `promises.py`).

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wheelwatch::reducer::dialect::{Decoder, Reading};
use wheelwatch::reducer::fold;
use wheelwatch::reducer::line::{Line, MAX_LINE, Splitter};
use wheelwatch::reducer::reduce::{EventRow, Reducer};
use wheelwatch::reducer::run::RunState;
use wheelwatch::store::writer::Write;
use wheelwatch::store::{self, Batch, Cursor, LogRow};

/// As ingest reads.
const CHUNK: usize = 256 * 1024;
const LINES: usize = 2_000;

/// A log of steps, messages and heartbeats, about 330 bytes a line.
fn log() -> Vec<u8> {
    let mut log = String::new();
    for number in 0..LINES {
        let (event, span) = match number % 10 {
            0 => ("heartbeat", 0),
            1 => ("step.started", number),
            6 => ("step.finished", number - 5),
            _ => ("log", number - number % 10 + 1),
        };
        let (minute, second) = (number / 60 % 60, number % 60);
        log.push_str(&format!(
            "{{\"ts\":\"2026-05-28T20:{minute:02}:{second:02}.{number:06}Z\",\"event\":\"{event}\",\"run_id\":\"run-1\",\
             \"phase\":\"build\",\"candidate\":\"cand-1\",\"span_id\":\"{span:016x}\",\"level\":\"info\",\
             \"msg\":\"wheel \\\"rim\\\" öl → {number}\",\"attrs\":{{\"step\":\"compile\",\"status\":\"ok\",\
             \"note\":\"{}\"}}}}\n",
            "x".repeat(80 + number % 80)
        ));
    }
    log.into_bytes()
}

/// What each line of a log is.
fn each_line(log: &[u8], mut each: impl FnMut(Line<'_>)) {
    let mut splitter = Splitter::new(MAX_LINE, 0, 0);
    for chunk in log.chunks(CHUNK) {
        splitter.push(chunk, &mut |line| each(line));
    }
}

fn reducing(criterion: &mut Criterion) {
    let log = log();
    let mut group = criterion.benchmark_group("2,000 lines");
    group.throughput(Throughput::Bytes(log.len() as u64));
    group.bench_function("splitter", |bencher| {
        bencher.iter(|| each_line(&log, |line| _ = black_box(line)));
    });
    group.bench_function("splitter, decoder", |bencher| {
        let mut decoder = Decoder::new(Reading::default());
        bencher
            .iter(|| each_line(&log, |line| _ = black_box(decoder.decode(&line, &mut |event| _ = black_box(event)))));
    });
    group.bench_function("splitter, decoder, fold", |bencher| {
        let mut decoder = Decoder::new(Reading::default());
        bencher.iter(|| {
            let mut state = RunState::default();
            each_line(&log, |line| _ = decoder.decode(&line, &mut |event| fold::apply(&mut state, event)));
            state
        });
    });
    group.bench_function("reducer", |bencher| {
        bencher.iter(|| {
            let mut reducer = Reducer::new(Reading::default());
            for chunk in log.chunks(CHUNK) {
                reducer.push(chunk, &mut |_| {});
            }
            reducer
        });
    });
    group.finish();
}

fn writing(criterion: &mut Criterion) {
    let log = log();
    let mut rows = Vec::new();
    let mut reducer = Reducer::new(Reading::default());
    reducer.push(&log, &mut |event| rows.push(EventRow::of(event)));
    let changes = reducer.state_mut().take_changes();
    let (state, offset) = (reducer.shared(), reducer.offset());
    let place = tempfile::tempdir().expect("a temporary directory");
    let store = store::open(&place.path().join("cache.db"), &[], "micro").expect("a cache");
    let mut runs = 0;
    let mut group = criterion.benchmark_group("2,000 event rows");
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("writer", |bencher| {
        bencher.iter_batched(
            || {
                runs += 1;
                let cursor = Cursor { generation: 1, offset, size: offset, ..Cursor::default() };
                let log = LogRow { key: format!("run-{runs}"), cursor, events_offset: offset, ..LogRow::default() };
                Write::Batch(Box::new(Batch {
                    log,
                    replace: false,
                    state: Arc::clone(&state),
                    changes: changes.clone(),
                    events: Some(rows.clone()),
                    provisional: None,
                }))
            },
            |batch| {
                store.writer.send(batch).expect("the writer runs");
                store.writer.flush().expect("a commit");
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(micro, reducing, writing);
criterion_main!(micro);
