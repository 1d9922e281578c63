//! Run keys and log names (spec 1.1): which files are logs, and what their runs are called.
//!
//! A key is never trusted as a path: it is taken apart, checked, and opened beneath the state directory. It must never
//! touch the file system.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::IngestError;

/// The key of a state directory's own log.
pub(super) const OWN: &str = ".";

/// Which files are logs (`--log-name`).
#[derive(Clone, Debug)]
pub(super) enum LogName {
    /// This name; the directory is the run.
    Exact(OsString),
    /// All names that match; each file is a run.
    Glob(GlobMatcher),
}

/// Whether a log name is a glob, and not the name of one file.
fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', '{'])
}

/// How many directories deep a log may lie when nobody says it: 4 for a name, `<state>/a/b/c/d/run.log` (spec 1.1);
/// 16 for a glob, which is pointed at trees that no harness laid out.
#[must_use]
pub fn default_depth(log_name: &str) -> usize {
    if is_glob(log_name) { 16 } else { 4 }
}

impl LogName {
    /// Understands a file name or a glob.
    ///
    /// # Errors
    /// [`IngestError::Pattern`] for no name, a path, `.`, `..`, and a glob with a mistake in it.
    pub(super) fn new(pattern: &str) -> Result<Self, IngestError> {
        let refuse = |reason: String| IngestError::Pattern { pattern: pattern.to_owned(), reason };
        if pattern.is_empty() || pattern == "." || pattern == ".." {
            return Err(refuse(String::from("it names no file")));
        }
        if pattern.contains(['/', '\0']) {
            return Err(refuse(String::from("it must be a name without directories")));
        }
        if !is_glob(pattern) {
            return Ok(LogName::Exact(OsString::from(pattern)));
        }
        match GlobBuilder::new(pattern).literal_separator(true).build() {
            Ok(glob) => Ok(LogName::Glob(glob.compile_matcher())),
            Err(error) => Err(refuse(error.kind().to_string())),
        }
    }

    /// Whether a file of this name is a log.
    pub(super) fn matches(&self, name: &OsStr) -> bool {
        match self {
            LogName::Exact(exact) => exact == name,
            LogName::Glob(glob) => glob.is_match(name),
        }
    }
}

/// The key of a path below a state directory: the run's directory, or with a glob the file without its extension.
pub(super) fn key(label: &str, below: &Path) -> String {
    let mut key = String::with_capacity(label.len() + 1 + below.as_os_str().len());
    if !label.is_empty() {
        key.push_str(label);
        key.push('/');
    }
    let start = key.len();
    for part in below.components() {
        if key.len() > start {
            key.push('/');
        }
        encode(part.as_os_str().as_bytes(), &mut key);
    }
    if key.len() == start {
        key.push_str(OWN);
    }
    key
}

/// The path of a key, undone exactly; none for what [`key`] never gives, `..` and other labels among it.
pub(super) fn path(label: &str, key: &str) -> Option<PathBuf> {
    let rest = match label {
        "" => key,
        label => key.strip_prefix(label)?.strip_prefix('/')?,
    };
    if rest == OWN {
        return Some(PathBuf::new());
    }
    let mut path = PathBuf::new();
    for part in rest.split('/') {
        path.push(decode(part)?);
    }
    let honest = path.components().all(|part| matches!(part, Component::Normal(_)));
    (honest && self::key(label, &path) == key).then_some(path)
}

/// With a glob: what the matching files of one directory are called in their keys. The name without extension, unless
/// two files would then share a key: those keep theirs.
pub(super) fn stems(names: Vec<OsString>) -> Vec<(OsString, OsString)> {
    let stem = |name: &OsString| Path::new(name).file_stem().unwrap_or(name).to_owned();
    let mut called: Vec<(OsString, OsString)> = names.into_iter().map(|name| (stem(&name), name)).collect();
    loop {
        let mut uses: BTreeMap<OsString, usize> = BTreeMap::new();
        for (word, _) in &called {
            *uses.entry(word.clone()).or_default() += 1;
        }
        let mut clash = false;
        for (word, name) in &mut called {
            if uses.get(word).is_some_and(|uses| *uses > 1) && word != name {
                word.clone_from(name);
                clash = true;
            }
        }
        // A kept extension may clash with somebody's stem in turn; each turn keeps at least one more.
        if !clash {
            return called;
        }
    }
}

fn encode(bytes: &[u8], key: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'~' | b'-' => key.push(char::from(byte)),
            _ => {
                key.push('%');
                key.push(char::from(DIGITS[usize::from(byte >> 4)]));
                key.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

fn decode(part: &str) -> Option<OsString> {
    let mut bytes = part.bytes();
    let mut name = Vec::with_capacity(part.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            name.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        name.push((digit()? << 4) | digit()?);
    }
    // A separator or NUL that was hidden behind a percent sign is no part of a name.
    (!name.is_empty() && !name.contains(&b'/') && !name.contains(&0)).then(|| OsString::from_vec(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_own_key_and_the_key_leads_back() {
        let check = |label: &str, below: &[u8], expected: &str| {
            let below = Path::new(OsStr::from_bytes(below));
            assert_eq!(key(label, below), expected);
            assert_eq!(path(label, expected).as_deref(), Some(below), "{expected}");
        };
        check("", b"", ".");
        check("two", b"", "two/.");
        check("", b"run-1", "run-1");
        check("two", b"a/b", "two/a/b");
        check("", b"A_z~0.9-", "A_z~0.9-");
        check("", b"a b%41&\"<\n\t\x1b", "a%20b%2541%26%22%3C%0A%09%1B");
        check("", "é\u{202e}".as_bytes(), "%C3%A9%E2%80%AE");
        check("", b"\xff\xfe/..x/-", "%FF%FE/..x/-");
        check("", b"...", "...");
    }

    #[test]
    fn a_key_that_is_no_key_leads_nowhere() {
        for bad in [
            "", "/", "a/", "/a", "a//b", "..", "a/..", "a/../b", "./a", "a/.", "%2E%2E", "%2e", "a%2Fb", "a%00", "%4",
            "%", "%zz", "%c3%a9", "a b", "é", "%41",
        ] {
            assert_eq!(path("", bad), None, "{bad:?}");
        }
        assert_eq!(path("one", "two/a"), None);
        assert_eq!(path("one", "onea"), None);
        assert_eq!(path("one", "one"), None);
    }

    #[test]
    fn with_a_glob_the_extension_goes_unless_two_files_would_share_a_key() {
        let check = |names: &[&str], expected: &[&str]| {
            let called = stems(names.iter().map(OsString::from).collect());
            let words: Vec<_> = called.iter().map(|(word, _)| word.to_string_lossy().into_owned()).collect();
            assert_eq!(words, expected, "{names:?}");
        };
        check(&["a.jsonl", "b.jsonl"], &["a", "b"]);
        check(&["a.jsonl", "a.json", "b.json"], &["a.jsonl", "a.json", "b"]);
        check(&["a", "a.jsonl"], &["a", "a.jsonl"]);
        check(&["a.jsonl", "a.json", "a.json.txt"], &["a.jsonl", "a.json", "a.json.txt"]);
        check(&["a.json", "a.json.txt"], &["a", "a.json"]);
        check(&[".jsonl", "x.tar.gz"], &[".jsonl", "x.tar"]);
    }

    #[test]
    fn a_log_name_is_a_name_or_a_glob() {
        let matches =
            |pattern: &str, name: &[u8]| LogName::new(pattern).expect("pattern").matches(OsStr::from_bytes(name));
        assert!(matches("run.log", b"run.log"));
        assert!(!matches("run.log", b"run.log.1"));
        assert!(!matches("run.log", b"xrun.log"));
        assert!(matches("*.jsonl", b"\xff.jsonl"));
        assert!(!matches("*.jsonl", b"a.jsonl.gz"));
        assert!(matches("{events,run}.{log,jsonl}", b"run.jsonl"));
        assert!(matches("*", b".hidden"));
        for bad in ["", ".", "..", "a/b", "/run.log", "[", "{a", "*/x"] {
            assert!(LogName::new(bad).is_err(), "{bad:?}");
        }
    }
}
