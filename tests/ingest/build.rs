//! A build reads each byte once, with event rows or without.

use super::*;

#[test]
fn a_build_reads_everything_once_and_nothing_again() {
    let mut bench = Bench::new(How::Poll);
    let line = "{\"level\":\"info\",\"message\":\"a line of some length\"}\n";
    for run in 0..40 {
        append(&bench.state, &format!("run-{run}"), &line.repeat(run * 100));
    }
    let lines: u64 = (0..40).map(|run| run * 100).sum();
    let bytes = lines * line.len() as u64;
    let runs = bench.build(Stage::Runs);
    assert_eq!((runs.runs, runs.lines, runs.events), (40, lines, lines));
    assert_eq!((runs.bytes, runs.read, runs.problems), (bytes, bytes, 0));
    assert_eq!(bench.reduced(), None, "there are no event rows");
    let none = bench.build(Stage::Runs);
    assert_eq!((none.runs, none.events, none.read), (40, lines, 0));
    // With their rows, they are read once more.
    let all = bench.build(Stage::All);
    assert_eq!((all.runs, all.events, all.read), (40, lines, bytes));
    assert_eq!(bench.reduced(), Some(truth(&bench.state)));
    let logs = bench.store().reader.logs().expect("the logs");
    assert!(logs.iter().all(|log| log.cursor.generation == 1 && !log.rotated), "nothing was replaced");
    let again = bench.build(Stage::All);
    assert_eq!((again.runs, again.events, again.read), (40, lines, 0));
    append(&bench.state, "run-7", "{\"event\":\"run.completed\"}\n");
    let more = bench.build(Stage::All);
    assert_eq!((more.events, more.read), (lines + 1, 26));
    assert_eq!(bench.reduced(), Some(truth(&bench.state)));
}

#[test]
fn who_follows_logs_that_were_reduced_without_event_rows_reads_them_once_more() {
    let mut bench = Bench::new(How::Poll);
    let ends = [
        r#"{"event":"phase.started","phase":"build","ts":1}"#,
        r#"{"event":"step.finished","step":"s"}"#,
        r#"{"event":"artifact.written","path":"a.txt"}"#,
        r#"{"event":"approval.requested","id":"a"}"#,
        r#"{"event":"run.finished","status":"ok"}"#,
    ];
    let ends = ends.join("\n") + "\n";
    append(&bench.state, "ended", &ends);
    append(&bench.state, "long", &long_lines(0, 18 * 1024 * 1024));
    append(&bench.state, "long-ended", &(long_lines(0, 9 * 1024 * 1024) + "{\"event\":\"run.finished\"}\n"));
    append(&bench.state, "open", "{\"event\":\"run.started\"}\n{\"event\":\"phase.started\",\"phase\":\"build\"}");
    bench.build(Stage::Runs);
    let ended = bench.store().reader.run("ended", store::reader::Lists::All).expect("a cache").expect("a run");
    assert!(ended.state.has_phases_only() && ended.state.spans.len() == 1, "{:?}", ended.state);
    assert_eq!(ended.state.counters.steps_done, 1);
    let long = bench.store().reader.run("long-ended", store::reader::Lists::All).expect("a cache").expect("a run");
    assert!(long.state.run.is_ended() && !long.state.has_phases_only(), "it takes several turns");
    bench.verify_all();
    append(&bench.state, "open", "\n{\"event\":\"heart");
    bench.start();
    bench.wait_for_the_truth();
    let logs = bench.store().reader.logs().expect("the logs");
    assert!(logs.iter().all(|log| log.cursor.generation == 1 && !log.rotated), "nothing was replaced");
    bench.verify_all();
}

#[test]
fn a_build_counts_each_event_of_a_log_that_takes_several_turns_once() {
    let mut bench = Bench::new(How::Poll);
    append(&bench.state, "long", &long_lines(0, 18 * 1024 * 1024));
    let built = bench.build(Stage::All);
    assert_eq!((built.lines, built.events), (1152, 1152));
    bench.verify_all();
}

#[test]
fn a_run_that_was_reduced_alone_and_goes_on_is_reduced_from_its_first_line() {
    let mut bench = Bench::new(How::Poll);
    let began = "{\"event\":\"run.started\"}\n{\"event\":\"step.started\",\"step\":\"s\"}\n";
    let ended = format!("{began}{{\"event\":\"run.finished\"}}\n");
    append(&bench.state, "again", &ended);
    bench.build(Stage::Runs);
    let none = bench.build(Stage::Runs);
    assert_eq!(none.read, 0, "nothing is new");
    let more = "{\"event\":\"step.started\",\"step\":\"s\"}\n";
    append(&bench.state, "again", more);
    let built = bench.build(Stage::Runs);
    assert_eq!((built.events, built.read), (4, (ended.len() + more.len()) as u64));
    let again = bench.store().reader.run("again", store::reader::Lists::All).expect("a cache").expect("a run");
    let attempts: Vec<_> = again.state.spans.iter().map(|span| span.attempt).collect();
    assert_eq!(attempts, [Some(1), Some(2)]);
    assert_eq!(again.log.cursor.generation, 1);
    bench.verify_all();
}
