//! T49: hostile names. Each is a run with a key of its own, found by its link, shown as text.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::house::{House, fetch};
use crate::process::within;
use crate::tail::line;
use crate::truth::encoded;

const NAMES: &[&[u8]] = &[
    b"a b",
    b"%41",
    b"A",
    b"a&b",
    b"a\"b'c",
    b"<img src=x>",
    b"new\nline",
    b"tab\tname",
    b"\x1b[31mred",
    b"evil\xe2\x80\xaegnp.exe",
    b"-rf",
    b"..x",
    b"...",
    b"back\\slash",
    b"semi;colon?query#hash",
    b"\xff\xfe",
    b"\xc3\x28",
    b"caf\xc3\xa9",
    b"cafe\xcc\x81",
    b"\xf0\x9f\x9a\x80",
    b"run.log.d",
    b"'); DROP TABLE log;--",
    b"{{7*7}}",
    b"%2e%2e%2f",
    b"%00",
];

#[test]
fn t49_hostile_names_are_listed_once_and_their_links_lead_to_them() {
    let mut house = House::started();
    let long = [b'n'; 255];
    let names: Vec<&[u8]> = NAMES.iter().copied().chain([&long[..]]).collect();
    for (number, name) in (0..).zip(&names) {
        let directory = house.state.join(OsStr::from_bytes(name));
        fs::create_dir(&directory).expect("mkdir");
        fs::write(directory.join("run.log"), line(number)).expect("a log");
    }
    within(5, "all runs", || (house.total() == names.len() as u64).then_some(()));
    house.converge(5);
    let listed = house.get("/api/runs?limit=500");
    let listed: Vec<&str> =
        listed["runs"].as_array().expect("runs").iter().filter_map(|run| run["key"].as_str()).collect();
    for (number, name) in names.iter().enumerate() {
        let key = encoded(name);
        assert_eq!(listed.iter().filter(|other| **other == key).count(), 1, "{key} in {listed:?}");
        let step = format!("s{number:06}");
        let segment = encoded(key.as_bytes());
        for path in [format!("/api/runs/{segment}"), format!("/api/runs/{segment}/events"), format!("/runs/{segment}")]
        {
            let answer = fetch(&house, &path);
            assert_eq!(answer.status, 200, "{path}");
            assert!(answer.body.contains(&step), "{path} is not the run {key}");
            for raw in ["<img src=x>", "\x1b", "\u{202e}"] {
                // JSON is not HTML, and is never taken for it (nosniff).
                if raw.starts_with('<') && path.starts_with("/api") {
                    continue;
                }
                assert!(!answer.body.contains(raw), "{path} holds {raw:?}");
            }
        }
    }
    // Every link on the list of runs leads to a run.
    let list = fetch(&house, "/runs").body;
    assert!(!list.contains("<img src=x>") && !list.contains('\x1b') && !list.contains('\u{202e}'));
    let mut links: Vec<&str> = list.split("href=\"/runs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    links.retain(|link| !link.contains('?') && !link.is_empty());
    links.sort_unstable();
    links.dedup();
    assert_eq!(links.len(), names.len(), "{links:?}");
    for link in links {
        assert_eq!(fetch(&house, &format!("/runs/{link}")).status, 200, "{link}");
    }
    house.check(5);
}

#[test]
fn t49b_two_names_that_are_no_text_are_two_runs_also_when_they_change() {
    let mut house = House::started();
    let directory = |name: &[u8]| house.state.join(OsStr::from_bytes(name));
    for (number, name) in [(1, b"\xff"), (2, b"\xfe")] {
        fs::create_dir(directory(name)).expect("mkdir");
        fs::write(directory(name).join("run.log"), line(number)).expect("a log");
    }
    house.converge(5);
    assert_eq!(house.total(), 2);
    fs::rename(directory(b"\xff"), directory(b"\xfd")).expect("a rename");
    fs::write(directory(b"\xfe").join("run.log"), line(3) + &line(4)).expect("a log");
    within(5, "the new name", || house.run("%FD").map(drop));
    house.check(5);
}
