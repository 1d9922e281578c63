//! Logs that real tools wrote, against the table in the README beside them: what each line is, and that times are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::reducer::dialect::{Decoder, LineClass, Reading};
use crate::reducer::line::{Line, MAX_LINE, Splitter};

/// Where the logs are: beside the crate, or where `WHEELWATCH_REAL_LOGS` says. `None`, with a word, where there are
/// none; in CI they must be there.
fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/real-logs");
    let folder = std::env::var_os("WHEELWATCH_REAL_LOGS").map_or(beside, PathBuf::from);
    if folder.join("README.md").is_file() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "CI has the real logs; set WHEELWATCH_REAL_LOGS to their folder");
    eprintln!("skipped: no real logs in {}; set WHEELWATCH_REAL_LOGS to their folder", folder.display());
    None
}

/// A row of the README's table.
#[derive(Debug)]
struct Row {
    path: PathBuf,
    lines: u64,
    /// Neither blank nor one JSON value.
    bad: u64,
    /// JSON values that are no objects.
    non_objects: u64,
    blank: u64,
    note: String,
}

/// The rows of the table, which begins at the header with "repository".
fn rows(folder: &Path) -> Vec<Row> {
    let readme = std::fs::read_to_string(folder.join("README.md")).expect("the README can be read");
    let table = readme.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| repository"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let name = cells[1].rsplit("here ").next().and_then(|rest| rest.split('`').find(|part| !part.is_empty()));
        let counts: Vec<u64> = cells[6].split(" / ").map(|count| count.parse().expect("a count")).collect();
        Row {
            path: folder.join(cells[0].replace('/', "__")).join(name.expect("a path")),
            lines: cells[5].parse().expect("a count"),
            bad: counts[0],
            non_objects: counts[1],
            blank: counts[2],
            note: cells.last().copied().unwrap_or_default().to_owned(),
        }
    };
    table.map(row).collect()
}

/// What a log decodes to.
#[derive(Debug, Default, PartialEq)]
struct Summary {
    classes: BTreeMap<&'static str, u64>,
    events: u64,
    timed: u64,
    pending: bool,
}

fn read(path: &Path, piece: usize) -> Summary {
    let log = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut decoder = Decoder::new(Reading::default());
    let mut splitter = Splitter::new(MAX_LINE, 0, 0);
    let mut summary = Summary::default();
    let mut take = |line: &Line<'_>, decoder: &mut Decoder| {
        let decoded = decoder.decode(line, &mut |event| {
            summary.events += 1;
            summary.timed += u64::from(event.time.is_some());
            let (start, end) = (event.offset as usize, (event.offset + event.length) as usize);
            assert!(event.length > 0 && !log[start..end].contains(&b'\n'), "{}", path.display());
        });
        let class = match decoded.class {
            LineClass::Event => "event",
            LineClass::Text => "text",
            LineClass::Malformed => "malformed",
            LineClass::Oversized => "oversized",
            LineClass::Blank => "blank",
        };
        *summary.classes.entry(class).or_default() += 1;
    };
    for piece in log.chunks(piece) {
        splitter.push(piece, &mut |line| take(&line, &mut decoder));
    }
    if let Some(tail) = splitter.tail() {
        if decoder.is_whole(&tail) {
            take(&tail, &mut decoder);
        } else {
            summary.pending = true;
        }
    }
    summary
}

#[test]
fn every_line_of_every_real_log_is_what_the_table_says() {
    let Some(folder) = folder() else { return };
    let rows = rows(&folder);
    assert!(rows.len() >= 47, "the table was found");
    for row in rows {
        let summary = read(&row.path, 1 << 20);
        let count = |class: &str| summary.classes.get(class).copied().unwrap_or_default();
        let file = row.path.display();
        // Two objects on one line are no JSON value, and yet events.
        let glued = u64::from(row.note.contains("two objects without a newline"));
        assert_eq!(summary.classes.values().sum::<u64>() + u64::from(summary.pending), row.lines, "{file}");
        assert_eq!(count("blank"), row.blank, "{file}");
        assert_eq!(count("malformed") + count("oversized"), 0, "{file}");
        assert_eq!(count("text"), row.bad - glued + row.non_objects, "{file}");
        assert_eq!(summary.events, count("event") + count("text") + glued, "{file}");
        assert!(!summary.pending, "{file}");
        assert_eq!(read(&row.path, 97), summary, "{file} in pieces");
    }
}

#[test]
fn the_times_of_real_logs_are_read() {
    let Some(folder) = folder() else { return };
    // Untimed on purpose: Claude and Codex streams, Bazel and OTLP (dialects of their own), relative times.
    let untimed = ["issue-20-codex", "CTL-125", ".bep.", "traces.jsonl", "logs.jsonl", "agent-replay"];
    for row in rows(&folder) {
        let name = row.path.display().to_string();
        let summary = read(&row.path, 1 << 20);
        if untimed.iter().any(|untimed| name.contains(untimed)) {
            continue;
        }
        assert!(
            summary.timed * 10 >= summary.events * 4,
            "{name}: {} of {} have a time",
            summary.timed,
            summary.events
        );
    }
}
