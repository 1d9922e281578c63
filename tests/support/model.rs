//! What a harness or a person does to a state directory of three runs, and random histories of it.
//!
//! Shared by the test of ingest inside one process and by the one of the whole binary.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;

use super::append;

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Act {
    Append(u8, String),
    Truncate(u8, u16),
    /// Other bytes from some place on, in place, the length kept.
    Overwrite(u8, u16, String),
    /// Written anew in place, shorter or longer.
    Rewrite(u8, String),
    /// Written anew in place, longer than before, and nothing of it as it was.
    Longer(u8, String),
    /// Written anew in place, with the same size and the same end.
    SameEnd(u8),
    /// Written beside it and renamed over it, as editors do.
    Replace(u8, String),
    /// The same content in another inode.
    Copy(u8),
    DeleteLog(u8),
    DeleteRun(u8),
    /// Deleted and at once there again, with other content.
    Recreate(u8, String),
    RenameRun(u8, u8),
    /// Two runs change names.
    Exchange(u8, u8),
    Touch(u8),
    /// Nobody may read it, or everybody.
    Chmod(u8, bool),
    Restart,
    Kill,
    LoseCache,
    /// Wait until what was done so far is seen, so that the next act meets a cursor.
    Look,
}

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => (0..3_u8, 0..50_u32).prop_map(|(phase, at)| format!(
            "{{\"ts\":{},\"event\":\"phase.started\",\"phase\":\"p{phase}\"}}\n",
            1_780_000_000 + at
        )),
        2 => (0..3_u8).prop_map(|step| format!("{{\"event\":\"step.started\",\"step\":\"s{step}\"}}\n")),
        2 => (0..3_u8).prop_map(|step| format!("{{\"event\":\"step.completed\",\"step\":\"s{step}\"}}\n")),
        1 => Just(String::from("{\"event\":\"question.raised\",\"id\":\"q\",\"reason\":\"why\"}\n")),
        1 => Just(String::from("{\"event\":\"artifact.recorded\",\"path\":\"out.md\"}\n")),
        1 => Just(String::from("{\"event\":\"run.completed\"}")),
        1 => Just(String::from("{\"event\":\"step.started\",\"st")),
        1 => Just(String::from("ep\":\"x\"}\n")),
        1 => Just(String::from("plain text\r\n")),
        1 => Just(String::from("\n")),
        1 => Just(String::from("{\"a\":1}{\"b\":2}")),
        // Long enough that neither the head nor the bytes before the cursor are all of a log.
        3 => (1_500..3_000_usize).prop_map(|n| format!("{{\"message\":\"{}\"}}\n", "m".repeat(n))),
    ];
    proptest::collection::vec(line, 1..5).prop_map(|lines| lines.concat())
}

/// One act; those of the process itself as often as the files are written to.
pub fn act() -> impl Strategy<Value = Act> {
    let run = || 0..3_u8;
    prop_oneof![
        8 => (run(), text()).prop_map(|(run, text)| Act::Append(run, text)),
        1 => (run(), any::<u16>()).prop_map(|(run, to)| Act::Truncate(run, to)),
        2 => (run(), any::<u16>(), text()).prop_map(|(run, at, text)| Act::Overwrite(run, at, text)),
        1 => (run(), text()).prop_map(|(run, text)| Act::Rewrite(run, text)),
        1 => (run(), text()).prop_map(|(run, text)| Act::Longer(run, text)),
        1 => run().prop_map(Act::SameEnd),
        1 => (run(), text()).prop_map(|(run, text)| Act::Replace(run, text)),
        1 => run().prop_map(Act::Copy),
        1 => run().prop_map(Act::DeleteLog),
        1 => run().prop_map(Act::DeleteRun),
        1 => (run(), text()).prop_map(|(run, text)| Act::Recreate(run, text)),
        1 => (run(), run()).prop_map(|(from, to)| Act::RenameRun(from, to)),
        1 => (run(), run()).prop_map(|(one, other)| Act::Exchange(one, other)),
        1 => run().prop_map(Act::Touch),
        1 => (run(), any::<bool>()).prop_map(|(run, open)| Act::Chmod(run, open)),
        1 => Just(Act::Restart),
        1 => Just(Act::Kill),
        1 => Just(Act::LoseCache),
        6 => Just(Act::Look),
    ]
}

/// Does to the files what an act says; those of the process are for the caller.
pub fn apply(state: &Path, act: &Act) {
    let run = |n: &u8| state.join(format!("run-{n}"));
    let log = |n: &u8| run(n).join("run.log");
    match act {
        Act::Append(n, text) => {
            // Also where nobody may read it, as root may.
            if fs::metadata(log(n)).is_ok_and(|meta| meta.permissions().mode() & 0o200 == 0) {
                mode(&log(n), 0o644);
            }
            append(state, &format!("run-{n}"), text);
        }
        Act::Truncate(n, to) => {
            if let Ok(file) = OpenOptions::new().write(true).open(log(n)) {
                let length = file.metadata().expect("metadata").len();
                file.set_len(u64::from(*to) % (length + 1)).expect("a truncation");
            }
        }
        Act::Overwrite(n, at, text) => {
            if let Ok(mut file) = OpenOptions::new().write(true).open(log(n)) {
                let length = file.metadata().expect("metadata").len();
                let at = u64::from(*at) % (length + 1);
                let fits = text.len().min(usize::try_from(length - at).expect("a small log"));
                file.seek(SeekFrom::Start(at)).expect("a seek");
                file.write_all(&text.as_bytes()[..fits]).expect("a write");
            }
        }
        Act::Rewrite(n, text) => rewrite(&log(n), |_| text.clone().into_bytes()),
        Act::Longer(n, text) => rewrite(&log(n), |old| {
            let mut new = text.clone().into_bytes();
            while new.len() <= old.len() {
                new.extend_from_slice(b"{\"event\":\"step.started\",\"step\":\"longer\"}\n");
            }
            new
        }),
        Act::SameEnd(n) => rewrite(&log(n), |old| {
            let mut new = old.to_vec();
            let end = new.len().saturating_sub(40);
            // A letter of a value: the line stays what it was, and says something else.
            if let Some(digit) = new[..end].iter_mut().find(|byte| byte.is_ascii_digit()) {
                *digit = b'0' + (*digit - b'0' + 1) % 10;
            }
            new
        }),
        Act::Replace(n, text) => replace(&run(n), &log(n), text.as_bytes()),
        Act::Copy(n) => {
            if let Ok(bytes) = fs::read(log(n)) {
                replace(&run(n), &log(n), &bytes);
            }
        }
        Act::DeleteLog(n) => drop(fs::remove_file(log(n))),
        Act::DeleteRun(n) => drop(fs::remove_dir_all(run(n))),
        Act::Recreate(n, text) => {
            let _ = fs::remove_file(log(n));
            append(state, &format!("run-{n}"), text);
        }
        Act::RenameRun(from, to) => drop(fs::rename(run(from), run(to))),
        Act::Exchange(one, other) => {
            let away = state.with_file_name("exchanged");
            if fs::rename(run(one), &away).is_ok() {
                let _ = fs::rename(run(other), run(one));
                fs::rename(&away, run(other)).or_else(|_| fs::rename(&away, run(one))).expect("a rename back");
            }
        }
        Act::Touch(n) => mode(&log(n), 0o600),
        Act::Chmod(n, is_open) => mode(&log(n), if *is_open { 0o644 } else { 0o000 }),
        Act::Restart | Act::Kill | Act::LoseCache | Act::Look => {}
    }
}

fn mode(log: &Path, mode: u32) {
    // There may be no such log.
    let _ = fs::set_permissions(log, fs::Permissions::from_mode(mode));
}

fn rewrite(log: &Path, new: impl FnOnce(&[u8]) -> Vec<u8>) {
    if let Ok(old) = fs::read(log) {
        // Not when nobody may write it.
        let _ = fs::write(log, new(&old));
    }
}

/// Puts a file in the place of a log, as editors do.
pub fn replace(run: &Path, log: &Path, bytes: &[u8]) {
    if run.is_dir() {
        let beside = run.join(".run.log.tmp");
        fs::write(&beside, bytes).expect("a write");
        fs::rename(&beside, log).expect("a rename");
    }
}
