//! What the dump must be: every log below a state directory, reduced from its first byte (spec 1.1, 1.2, 4.2).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use wheelwatch::reducer::dialect::Reading;
use wheelwatch::reducer::dump::{self, EventsHash};
use wheelwatch::reducer::reduce::{EventRow, Reducer, Tail};

/// Runs of a dump by key.
pub type Runs = BTreeMap<String, Value>;

/// A log that was read by nobody but the test.
#[derive(Debug, Default)]
pub struct Truth {
    pub runs: Runs,
    /// Physical lines by key, counted without the reducer.
    pub lines: BTreeMap<String, u64>,
    for_a_stranger: bool,
}

/// Reduces every log at most four directories deep; follows no link; reads regular files only, for a stranger those that
/// everybody may read.
pub fn of(state: &Path, for_a_stranger: bool) -> Truth {
    let mut truth = Truth { for_a_stranger, ..Truth::default() };
    if state.is_dir() {
        walk(state, state, "", 0, &mut truth);
    }
    truth
}

fn walk(state: &Path, directory: &Path, key: &str, depth: usize, truth: &mut Truth) {
    let log = directory.join("run.log");
    let may_read = |meta: &fs::Metadata| !truth.for_a_stranger || meta.permissions().mode() & 0o004 != 0;
    if fs::symlink_metadata(&log).is_ok_and(|meta| meta.is_file() && may_read(&meta)) {
        let name = state.file_name().expect("a name").to_string_lossy().into_owned();
        let (key, fallback) = if key.is_empty() { (".", name.as_str()) } else { (key, key) };
        if let Ok(file) = File::open(&log) {
            let (run, lines) = reduce(key, fallback, file);
            truth.runs.insert(key.to_owned(), run);
            truth.lines.insert(key.to_owned(), lines);
        }
    }
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_skipped = [".git", "node_modules", "target", "run.log"].iter().any(|skipped| name == *skipped);
        // The type in the listing is that of the link, not of what it leads to.
        if depth < 4 && !is_skipped && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let part = encoded(name.as_bytes());
            let key = if key.is_empty() { part } else { format!("{key}/{part}") };
            walk(state, &entry.path(), &key, depth + 1, truth);
        }
    }
}

/// Bytes outside `A-Z a-z 0-9 . _ ~ -` as `%XX` (spec 1.1).
pub fn encoded(name: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'~' | b'-' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.iter().map(one).collect()
}

fn reduce(key: &str, fallback: &str, mut file: File) -> (Value, u64) {
    let mut reducer = Reducer::new(Reading::default());
    let mut hash = EventsHash::default();
    let mut buffer = vec![0; 1 << 20];
    let (mut ends, mut last) = (0, b'\n');
    loop {
        let read = file.read(&mut buffer).expect("a read of the test itself");
        let Some(byte) = buffer[..read].last() else { break };
        last = *byte;
        ends += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
        reducer.push(&buffer[..read], &mut |event| hash.push(&EventRow::of(event)));
    }
    let (state, pending) = match reducer.tail() {
        Tail::None => (reducer.state().clone(), 0),
        Tail::Pending(bytes) => (reducer.state().clone(), bytes),
        Tail::Provisional(state, more) => {
            more.iter().for_each(|row| hash.push(row));
            (*state, 0)
        }
    };
    let (events, sha) = hash.finish();
    let lines = ends + u64::from(last != b'\n' && pending == 0);
    (serde_json::json!(dump::run(key, fallback, &state, pending, events, &sha)), lines)
}
