//! What is wrong with a log as a file, in a sentence that names the file and the fix. It must never decide anything.

use std::io;

use rustix::io::Errno;

use super::place::Kind;
use crate::store::Problem;

/// The code of a problem that only another file solves.
pub(super) const NOT_REGULAR: &str = "not_regular";

fn problem(code: &str, text: String) -> Problem {
    Problem { code: code.to_owned(), text }
}

/// Something else has the log's name (spec 1.1).
pub(super) fn not_regular(path: &str, kind: Kind) -> Problem {
    let words = kind.words();
    problem(NOT_REGULAR, format!("{path} is {words}, not a regular file, and was not opened; put the log itself there"))
}

/// The log could not be opened.
pub(super) fn unreadable(path: &str, error: &io::Error) -> Problem {
    let fix = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ACCESS | Errno::PERM) => {
            "give the user that runs wheelwatch read permission on it and its directories"
        }
        Some(Errno::MFILE | Errno::NFILE) => "too many files are open; raise the limit (ulimit -n)",
        _ => "it is tried again by itself",
    };
    problem("unreadable", format!("{path} could not be opened: {error}; {fix}"))
}

/// The log was opened, and reading it failed.
pub(super) fn read_error(path: &str, error: &io::Error) -> Problem {
    let text = format!("{path} could not be read: {error}; check the disk or mount, it is tried again by itself");
    problem("read_error", text)
}

/// Reading the log ended in a defect of ours.
pub(super) fn internal(path: &str) -> Problem {
    let text = format!(
        "reading {path} failed inside wheelwatch; please report this with the log, it is tried again by itself"
    );
    problem("internal", text)
}

/// The log vanished (spec 2.3).
pub(super) fn gone(path: &str) -> Problem {
    problem("gone", format!("{path} is gone; its last state is kept until it returns or the cache is rebuilt"))
}
