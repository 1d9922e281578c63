//! What a walk finds, tells of and does not look at.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::Mutex;

use super::*;

fn logs(told: Told) -> Vec<Found> {
    match told {
        Told::Logs(logs) => logs,
        Told::Most => Vec::new(),
    }
}

fn walk(state: &Path, label: &str, pattern: &str) -> (BTreeMap<String, (String, Kind)>, Walked) {
    let place = Place::open(state).expect("open");
    let name = LogName::new(pattern).expect("pattern");
    let stop = AtomicBool::new(false);
    let found = Mutex::new(BTreeMap::new());
    let walk = Walk { place: &place, label, name: &name, depth: 4, tell: Tell::All, stop: &stop };
    let walked = walk.run(Path::new(""), &|told| {
        let mut found = found.lock().expect("no panic");
        for one in logs(told) {
            let below = one.below.to_string_lossy().into_owned();
            assert!(found.insert(one.key, (below, one.look.kind)).is_none(), "a key twice");
        }
    });
    let found = found.into_inner().expect("no panic");
    assert_eq!(walked.told, found.len() as u64);
    (found, walked)
}

fn write(state: &Path, below: &[u8]) {
    let path = state.join(OsStr::from_bytes(below));
    std::fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
    std::fs::write(path, "x\n").expect("write");
}

fn keys(found: &BTreeMap<String, (String, Kind)>) -> Vec<&str> {
    found.keys().map(String::as_str).collect()
}

#[test]
fn a_run_is_a_directory_with_a_log_at_most_four_deep() {
    let state = tempfile::tempdir().expect("temporary directory");
    for below in [
        "run.log",
        "a/run.log",
        "b/c/run.log",
        "b/c/d/e/run.log",
        "b/c/d/e/f/run.log",
        ".ralph/run.log",
        ".git/run.log",
        "x/node_modules/run.log",
        "target/run.log",
        "n/run.log.1",
        "n/run.log~",
        "n/.run.log.swp",
    ] {
        write(state.path(), below.as_bytes());
    }
    write(state.path(), b"\xff\n/run.log");
    std::fs::create_dir_all(state.path().join("empty/er")).expect("mkdir");
    symlink(state.path().join("b"), state.path().join("loop")).expect("link");
    let (found, walked) = walk(state.path(), "", "run.log");
    assert_eq!(keys(&found), ["%FF%0A", ".", ".ralph", "a", "b/c", "b/c/d/e"]);
    assert_eq!(walked.unread, []);
    let branches: Vec<_> = walked.branches.iter().map(|path| path.to_str().expect("ascii")).collect();
    for branch in ["", "b", "b/c", "b/c/d"] {
        assert!(branches.contains(&branch), "{branch:?} in {branches:?}");
    }
    assert!(!branches.contains(&"a"));
    let (found, _) = walk(state.path(), "two", "run.log");
    assert_eq!(keys(&found), ["two/%FF%0A", "two/.", "two/.ralph", "two/a", "two/b/c", "two/b/c/d/e"]);
}

#[test]
fn what_is_no_regular_file_is_found_as_what_it_is() {
    let state = tempfile::tempdir().expect("temporary directory");
    for run in ["dangling", "self", "zero", "fifo", "socket"] {
        std::fs::create_dir(state.path().join(run)).expect("mkdir");
    }
    std::fs::create_dir_all(state.path().join("directory/run.log/deeper")).expect("mkdir");
    write(state.path(), b"directory/run.log/deeper/run.log");
    symlink("nowhere", state.path().join("dangling/run.log")).expect("link");
    symlink("run.log", state.path().join("self/run.log")).expect("link");
    symlink("/dev/zero", state.path().join("zero/run.log")).expect("link");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        state.path().join("fifo/run.log"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("mkfifo");
    let _socket = UnixListener::bind(state.path().join("socket/run.log")).expect("bind");
    let (found, _) = walk(state.path(), "", "run.log");
    let kinds: Vec<_> = found.iter().map(|(key, (_, kind))| (key.as_str(), *kind)).collect();
    assert_eq!(
        kinds,
        [
            ("dangling", Kind::Link),
            ("directory", Kind::Directory),
            ("fifo", Kind::Fifo),
            ("self", Kind::Link),
            ("socket", Kind::Socket),
            ("zero", Kind::Link),
        ]
    );
}

#[test]
fn with_a_glob_each_matching_file_is_a_run() {
    let state = tempfile::tempdir().expect("temporary directory");
    for below in ["a.jsonl", "p/b.jsonl", "p/b.json", "p/c.json", "p/note.txt", "q/r/s/t/d.jsonl", "q/r/s/t/u/e.jsonl"]
    {
        write(state.path(), below.as_bytes());
    }
    let (found, _) = walk(state.path(), "", "*.json*");
    assert_eq!(keys(&found), ["a", "p/b.json", "p/b.jsonl", "p/c", "q/r/s/t/d"]);
    assert_eq!(found["p/c"].0, "p/c.json");
    let (found, _) = walk(state.path(), "", "*.jsonl");
    assert_eq!(keys(&found), ["a", "p/b", "q/r/s/t/d"]);
}

#[test]
fn a_walk_below_a_directory_sees_only_what_is_below_it() {
    let state = tempfile::tempdir().expect("temporary directory");
    for below in ["a/run.log", "b/run.log", "b/c/run.log", "b/1/2/3/run.log", "b/1/2/3/4/run.log"] {
        write(state.path(), below.as_bytes());
    }
    let place = Place::open(state.path()).expect("open");
    let name = LogName::new("run.log").expect("pattern");
    let stop = AtomicBool::new(false);
    let walk = Walk { place: &place, label: "", name: &name, depth: 4, tell: Tell::All, stop: &stop };
    let keys = |below: &str| {
        let found = Mutex::new(Vec::new());
        walk.run(Path::new(below), &|told| {
            found.lock().expect("no panic").extend(logs(told).into_iter().map(|one| one.key))
        });
        let mut found = found.into_inner().expect("no panic");
        found.sort();
        found.join(" ")
    };
    assert_eq!(keys("b"), "b b/1/2/3 b/c");
    for nothing in ["none", "a/run.log", "target", "b/.git/x"] {
        assert_eq!(keys(nothing), "");
    }
}
#[test]
fn very_many_runs_are_seen_to_by_two_threads_and_each_once() {
    const LOGS: usize = 8;
    let state = tempfile::tempdir().expect("temporary directory");
    let is_log = |n: usize| n.is_multiple_of(MANY / LOGS);
    for n in 0..MANY {
        std::fs::create_dir(state.path().join(n.to_string())).expect("mkdir");
        if is_log(n) {
            write(state.path(), format!("{n}/deeper/run.log").as_bytes());
            write(state.path(), format!("{n}/run.log").as_bytes());
            write(state.path(), format!("{n}.jsonl").as_bytes());
        }
    }
    let (found, walked) = walk(state.path(), "", "run.log");
    let logs = (0..MANY).filter(|n| is_log(*n)).flat_map(|n| [n.to_string(), format!("{n}/deeper")]);
    assert_eq!(found.into_keys().collect::<BTreeSet<_>>(), logs.collect());
    assert_eq!(walked.branches.len(), 1 + LOGS);
    assert_eq!(walked.bare.len(), MAX_BARE);
    let (found, _) = walk(state.path(), "", "*.jsonl");
    assert_eq!(
        found.into_keys().collect::<BTreeSet<_>>(),
        (0..MANY).filter(|n| is_log(*n)).map(|n| n.to_string()).collect()
    );
    // Each half in a thread of its own, and what lies deeper after all that does not.
    let place = Place::open(state.path()).expect("open");
    let (name, stop) = (LogName::new("run.log").expect("pattern"), AtomicBool::new(false));
    let walk = Walk { place: &place, label: "", name: &name, depth: 2, tell: Tell::All, stop: &stop };
    let (threads, seen) = (Mutex::new(HashSet::new()), Mutex::new(Vec::new()));
    let walked = walk.run(Path::new(""), &|told| {
        threads.lock().expect("no panic").insert(std::thread::current().id());
        let keys = match told {
            Told::Logs(logs) => logs.into_iter().map(|one| one.key.contains('/')).collect(),
            Told::Most => vec![true, false],
        };
        seen.lock().expect("no panic").extend(keys);
    });
    let mut seen = seen.into_inner().expect("no panic");
    seen.dedup();
    assert_eq!(seen, [false, true, false, true], "once");
    assert_eq!((walked.told, threads.into_inner().expect("no panic").len()), (2 * LOGS as u64, 2));
}

#[test]
fn directories_without_a_log_are_told_the_newest_of_very_many() {
    let state = tempfile::tempdir().expect("temporary directory");
    for below in ["a/run.log", "b/c/run.log", "d/1/2/3/note.txt"] {
        write(state.path(), below.as_bytes());
    }
    let bare = |pattern: &str| {
        let (_, walked) = walk(state.path(), "", pattern);
        let paths = walked.bare.into_iter().map(|(_, path)| path.to_str().expect("ascii").to_owned());
        paths.collect::<BTreeSet<_>>()
    };
    assert_eq!(bare("run.log").into_iter().collect::<Vec<_>>(), ["b", "d", "d/1", "d/1/2", "d/1/2/3"]);
    assert_eq!(bare("*.log").into_iter().collect::<Vec<_>>(), ["", "b", "d", "d/1", "d/1/2", "d/1/2/3"]);
    let old = std::time::SystemTime::UNIX_EPOCH;
    for n in 0..5 * MAX_BARE {
        let path = state.path().join(format!("e{n}"));
        std::fs::create_dir(&path).expect("mkdir");
        if n % 5 != 0 {
            std::fs::File::open(path).and_then(|opened| opened.set_modified(old)).expect("a time");
        }
    }
    let newest = bare("run.log");
    assert_eq!(newest.len(), MAX_BARE);
    let is_new = |path: &String| path.strip_prefix('e').is_none_or(|n| n.parse::<usize>().is_ok_and(|n| n % 5 == 0));
    assert!(newest.iter().all(is_new), "{newest:?}");
}
#[test]
fn what_is_as_it_was_told_of_is_counted_and_not_told_again() {
    let state = tempfile::tempdir().expect("temporary directory");
    for below in ["run.log", "a/run.log", "b/run.log", "b/c/run.log"] {
        write(state.path(), below.as_bytes());
    }
    std::fs::create_dir(state.path().join("d")).expect("mkdir");
    let place = Place::open(state.path()).expect("open");
    let name = LogName::new("run.log").expect("pattern");
    let stop = AtomicBool::new(false);
    let walk = |tell| {
        let told = Mutex::new(Vec::new());
        let walk = Walk { place: &place, label: "", name: &name, depth: 4, tell, stop: &stop };
        let tell = |some| told.lock().expect("no panic").extend(logs(some).into_iter().map(|one| one.key));
        let same = walk.run(Path::new(""), &tell).same;
        let mut told = told.into_inner().expect("no panic");
        told.sort();
        (told.join(" "), same)
    };
    let all = |keys: &str, same| (keys.to_owned(), same);
    assert_eq!(walk(Tell::Changes), all(". a b b/c", 0), "they were never told of");
    if !place.is_known {
        assert_eq!(walk(Tell::Changes), all(". a b b/c", 0), "nor can it be known that they are as they were");
        return;
    }
    // Names that are very young are read again, and with them everything is new.
    while walk(Tell::Changes) != all(".", 3) {
        std::thread::yield_now();
    }
    assert_eq!(walk(Tell::All), all(". a b b/c", 0));
    assert_eq!(walk(Tell::Changes), all(".", 3));
    let append = |path: &str| {
        use std::io::Write;
        let mut log = std::fs::OpenOptions::new().append(true).open(state.path().join(path)).expect("a log");
        log.write_all(b"y").expect("a write");
    };
    append("b/c/run.log");
    assert_eq!(walk(Tell::Some), all(". a b b/c", 0), "nothing is noted by it");
    assert_eq!(walk(Tell::Changes), all(". b/c", 2));
    assert_eq!(walk(Tell::Changes), all(".", 3));
    std::fs::remove_file(state.path().join("a/run.log")).expect("rm");
    assert_eq!(walk(Tell::Changes), all(".", 2));
    write(state.path(), b"d/run.log");
    write(state.path(), b"a/run.log");
    assert_eq!(walk(Tell::Changes), all(". a d", 2));
    write(state.path(), b"b/e/run.log");
    let (told, same) = walk(Tell::Changes);
    assert!(told.contains("b/e") && told.split(' ').count() as u64 + same == 6, "{told} {same}");
}
