//! How well the logs that real tools wrote are understood: the table in `docs/real-logs.md`, which says what it is now.

mod support;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use wheelwatch::reducer::dialect::Reading;
use wheelwatch::reducer::marker::MarkerKind;
use wheelwatch::reducer::reduce::{Reducer, Tail};
use wheelwatch::reducer::run::{RunState, value};

use support::real_logs;

const PAGE: &str = "docs/real-logs.md";
const HEAD: &str =
    "| log | lines | dialect | times | names | phase | status | needs a person | names without a subject |";

fn reduce(log: &[u8]) -> RunState {
    let mut reducer = Reducer::new(Reading::default());
    reducer.push(log, &mut |_| {});
    match reducer.tail() {
        Tail::Provisional(state, _) => *state,
        Tail::Pending(_) | Tail::None => reducer.state().clone(),
    }
}

/// A part of a whole, rounded down, so that only all of them are 100 %.
fn share(part: u64, whole: u64) -> String {
    (part * 100).checked_div(whole).map_or_else(|| String::from("–"), |percent| format!("{percent} %"))
}

/// One row: what of a log was read, and what was made of it.
fn row(name: &str, state: &RunState) -> String {
    let (health, counters, run) = (&state.health, &state.counters, &state.run);
    let dialects: Vec<_> = health.dialects.iter().map(|(dialect, lines)| format!("{dialect} {lines}")).collect();
    let named: u64 = counters.names.iter().map(|(_, count)| count).sum();
    let person = [MarkerKind::Handoff, MarkerKind::Question, MarkerKind::Approval].map(|kind| {
        let all = state.markers.iter().filter(|marker| marker.kind == kind);
        (kind.as_str(), all.clone().count(), all.filter(|marker| marker.is_open()).count())
    });
    let person: Vec<_> = person
        .into_iter()
        .filter(|(_, all, _)| *all > 0)
        .map(|(kind, all, open)| format!("{kind} {all} ({open} open)"))
        .collect();
    let status = value(&run.status).map_or("–", |status| status.as_str());
    let reason = value(&run.status_reason).map_or(String::new(), |reason| {
        format!(": {}", reason.chars().take(30).collect::<String>().replace(['|', '\n'], " "))
    });
    format!(
        "| {name} | {} | {} | {} | {} | {} | {status}{reason} | {} | {} |",
        counters.lines.total(),
        dialects.join(", "),
        share(counters.events.saturating_sub(health.untimed.count), counters.events),
        share(named.saturating_sub(health.unknown_names.count), named),
        value(&run.phase).map_or("–", String::as_str),
        if person.is_empty() { String::from("–") } else { person.join(", ") },
        health.unknown_names.count,
    )
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => walk(&path, files),
            false => files.push(path),
        }
    }
}

#[test]
fn the_table_says_how_well_each_real_log_is_understood() {
    let Some(root) = real_logs() else { return };
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.retain(|file| file.parent() != Some(root.as_path()));
    files.sort();
    assert!(files.len() >= 47, "only {} logs", files.len());
    let mut table = format!("{HEAD}\n|{}\n", "---|".repeat(HEAD.matches('|').count() - 1));
    for file in &files {
        let name = file.strip_prefix(&root).expect("below the root").to_string_lossy().replacen("__", "/", 1);
        let state = reduce(&fs::read(file).expect("a log"));
        // What every log must be, whoever wrote it.
        assert!(state.counters.events > 0 && value(&state.run.status).is_some(), "{name} says nothing");
        assert_eq!((state.health.malformed.count, state.health.oversized.count), (0, 0), "{name}");
        writeln!(table, "{}", row(&name, &state)).expect("a string");
    }
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap_or_default();
    assert!(page.contains(&table), "{PAGE} says something else; it should hold\n\n{table}");
}
