//! What else below a state directory may be logs: for who finds none, since the name of theirs is another one.
//!
//! Only names are looked at; it must never open a file.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::discover::SKIPPED;
use super::key::default_depth;

/// What files of JSON lines are called.
const EXTENSIONS: [&str; 3] = ["jsonl", "ndjson", "log"];

/// So deep and at so many entries is looked.
const DEPTH: usize = 16;
const ENTRIES: usize = 50_000;

/// Files that may be logs by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Others {
    /// What to give as `--log-name`.
    pub pattern: String,
    /// How many there are, as far as was looked.
    pub files: u64,
    /// The first of them, below the state directory.
    pub example: PathBuf,
}

/// Files below a directory that may be logs, the most first. Links are not followed, and what cannot be read is passed
/// over.
#[must_use]
pub fn others(root: &Path) -> Vec<Others> {
    let walk = WalkDir::new(root).max_depth(DEPTH).sort_by_file_name().into_iter();
    let mut found: BTreeMap<&str, Others> = BTreeMap::new();
    for entry in walk.filter_entry(|entry| !is_skipped(entry)).take(ENTRIES).flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let extension =
            path.extension().and_then(|extension| EXTENSIONS.iter().find(|known| extension == OsStr::new(known)));
        let (Some(extension), Some(name), true) = (extension, name.to_str(), entry.file_type().is_file()) else {
            continue;
        };
        let others = found.entry(extension).or_insert_with(|| Others {
            pattern: name.to_owned(),
            files: 0,
            example: path.strip_prefix(root).unwrap_or(path).to_owned(),
        });
        others.files += 1;
        // One name for all of them is a directory per run; many names are a run each. Who copies the pattern into a shell
        // must not be surprised, and it must find them without another option.
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if others.pattern != name || !is_plain || entry.depth() > default_depth(name) + 1 {
            others.pattern = format!("*.{extension}");
        }
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by_key(|others| std::cmp::Reverse(others.files));
    found
}

fn is_skipped(entry: &DirEntry) -> bool {
    entry.depth() > 0
        && entry.file_type().is_dir()
        && SKIPPED.iter().any(|skipped| entry.file_name() == OsStr::new(skipped))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_that_may_be_logs_are_told_by_the_name_that_finds_them() {
        let root = tempfile::tempdir().expect("a directory");
        let put = |below: &str| {
            let path = root.path().join(below);
            fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
            fs::write(path, "{}\n").expect("a file");
        };
        for below in
            ["a/events.jsonl", "b/events.jsonl", "b/c/events.jsonl", "x/one.log", "two.log", "notes.txt", "log"]
        {
            put(below);
        }
        for below in [".git/a.jsonl", "a/node_modules/b.ndjson", "target/c.ndjson"] {
            put(below);
        }
        fs::create_dir(root.path().join("directory.ndjson")).expect("mkdir");
        std::os::unix::fs::symlink("b", root.path().join("link")).expect("a link");
        std::os::unix::fs::symlink("two.log", root.path().join("link.ndjson")).expect("a link");
        put("odd/it's.ndjson");
        put("1/2/3/4/5/deep.jsonl");
        put("too/1/2/3/4/deep.jsonl");
        let one =
            |pattern: &str, files, example: &str| Others { pattern: pattern.into(), files, example: example.into() };
        let others_of = |below: &str| others(&root.path().join(below));
        assert_eq!(
            others_of(""),
            [
                one("*.jsonl", 5, "1/2/3/4/5/deep.jsonl"),
                one("*.log", 2, "two.log"),
                one("*.ndjson", 1, "odd/it's.ndjson")
            ]
        );
        assert_eq!(others_of("b"), [one("events.jsonl", 2, "c/events.jsonl")]);
        assert_eq!(others_of("1/2"), [one("deep.jsonl", 1, "3/4/5/deep.jsonl")]);
        assert_eq!(others_of("too"), [one("deep.jsonl", 1, "1/2/3/4/deep.jsonl")]);
        put("too/1/2/3/4/5/deep.jsonl");
        assert_eq!(others_of("too"), [one("*.jsonl", 2, "1/2/3/4/5/deep.jsonl")]);
        assert_eq!(others_of("1"), [one("deep.jsonl", 1, "2/3/4/5/deep.jsonl")]);
        assert_eq!(others(&root.path().join("nowhere")), []);
    }
}
