//! Rows about much of something: quick appends, idleness, junk, long lines, many directories, a backlog, a large cache.

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::house::House;
use crate::process::within;
use crate::size;
use crate::stream::Follower;
use crate::support::append;
use crate::support::binary::wheelwatch;
use crate::tail::{bulk, line, lines};
use crate::trace::{self, READING};

/// Bytes that look random and are the same each time (xorshift).
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(&mut next).take(length / 8 + 1).flatten().collect();
    bytes.truncate(length);
    bytes
}

#[test]
fn t01_each_line_is_told_and_none_is_lost() {
    let mut house = House::started();
    for run in 0..20 {
        append(&house.state, &format!("run-{run}"), &line(0));
    }
    house.converge(5);
    let client = Follower::start(house.process().port);
    client.check(&house);
    for n in 0..size(40, 1200) {
        let key = format!("run-{}", n % 20);
        let before = client.messages(&key);
        append(&house.state, &key, &line(n));
        within(2, &format!("a message about {key}"), || (client.messages(&key) > before).then_some(()));
    }
    client.check(&house);
    drop(client);
    house.check(5);
}

#[test]
fn t24_what_nobody_writes_is_not_read_again() {
    let mut house = House::new();
    let text = bulk(0..200);
    for run in 0..size(100, 1000) {
        append(&house.state, &format!("run-{run}"), &text);
    }
    house.prefix = trace::watching(&house, READING);
    house.start();
    house.converge(20);
    let all = size(100, 1000) * text.len() as u64;
    let mut before = trace::bytes_of_logs(&house);
    assert!(before >= all, "strace saw {before} bytes of logs, they have {all}");
    // A doubt about logs that are so young is looked into once.
    within(30, "quiet", || {
        std::thread::sleep(Duration::from_secs(3));
        let now = trace::bytes_of_logs(&house);
        (std::mem::replace(&mut before, now) == now).then_some(())
    });
    let scans = house.health()["scans"].as_u64();
    within(40, "a full scan", || {
        std::thread::sleep(Duration::from_millis(200));
        (house.health()["scans"].as_u64() > scans).then_some(())
    });
    // What the scan asked to be read was read before this.
    append(&house.state, "new", &line(1));
    house.log_when("new", 5, "its line", |log| log["events"] == 1);
    let read = trace::bytes_of_logs(&house) - before;
    assert!((1..64 << 10).contains(&read), "{read} bytes of logs were read again");
    house.prefix.clear();
    house.check(10);
}

#[test]
fn t24b_a_scan_opens_no_directory_that_did_not_change() {
    let mut house = House::new();
    for run in 0..100 {
        append(&house.state, &format!("run-{run}"), &line(1));
    }
    house.prefix = trace::watching(&house, "openat,openat2");
    house.start();
    house.converge(20);
    let opened = || {
        let calls = trace::calls(&house);
        calls.iter().filter(|call| call.contains("O_DIRECTORY") && call.contains("/run-")).count()
    };
    let scans = || house.health()["scans"].as_u64().expect("a number");
    // Directories that are very young are listed again.
    within(60, "two scans that open nothing", || {
        let (before, since) = (opened(), scans());
        within(40, "two scans", || (scans() > since + 1).then_some(()));
        (opened() == before).then_some(())
    });
    append(&house.state, "new", &line(1));
    house.prefix.clear();
    house.check(10);
}

#[test]
fn g11_what_ended_takes_little_memory_while_nothing_happens_to_it() {
    // The pages of the program itself are the kernel's to give back.
    let taken = |house: &House| house.process().status("RssAnon");
    let mut house = House::started();
    let empty = taken(&house);
    assert!(house.process().has_thread("jemalloc_bg_thd"), "nothing gives back what is free while nothing happens");
    house.stop();
    let runs = size(30_000, 50_000);
    for run in 0..runs {
        append(&house.state, &format!("run-{run}"), "{\"event\":\"run.started\"}\n{\"event\":\"run.completed\"}\n");
    }
    // Nobody asks it for anything meanwhile: what is free goes back by itself.
    let comes_down_to = |house: &House, most: u64| {
        let mut looks = 0;
        within(60, &format!("less than {most} KiB for three seconds"), || {
            std::thread::sleep(Duration::from_millis(200));
            looks = if taken(house) < most { looks + 1 } else { 0 };
            (looks == 15).then_some(())
        });
    };
    house.start();
    house.unfollow();
    within(120, "all runs", || (house.total() == runs).then_some(()));
    comes_down_to(&house, empty + (20 << 10) + runs / 16);
    house.stop();
    house.start();
    house.unfollow();
    within(120, "a full scan", || (house.health()["scans"].as_u64() > Some(0)).then_some(()));
    // Three hundred bytes more of each would be too much.
    comes_down_to(&house, empty + (12 << 10) + runs / 16);
    house.stop();
}

#[test]
fn t52_junk_is_counted_and_costs_no_memory() {
    let mut house = House::started();
    append(&house.state, "fine", &line(1));
    house.converge(5);
    let before = house.process().status("VmHWM");
    fs::create_dir(house.state.join("junk")).expect("mkdir");
    let mut log = File::create(house.state.join("junk/run.log")).expect("a log");
    for n in 0..size(2, 512) {
        log.write_all(&noise(1 << 20, n + 1)).expect("a write");
    }
    // And as much as is never held without a single line end.
    let mut endless = noise(1 << 20, 1);
    endless.retain(|byte| *byte != b'\n');
    for _ in 0..size(64, 512) {
        log.write_all(&endless).expect("a write");
    }
    let written = log.metadata().expect("metadata").len();
    append(&house.state, "fine", &line(2));
    house.log_when("fine", 2, "its line", |log| log["events"] == 2);
    house.log_when("junk", 60, "all of it", |log| {
        log["offset"].as_u64().zip(log["pending_bytes"].as_u64()).map(|(read, rest)| read + rest)
            == log["size"].as_u64()
            && log["size"] == written
    });
    let after = house.process().status("VmHWM");
    assert!(after < before + (48 << 10), "{before} KiB, then {after} KiB");
    if !crate::is_long() {
        house.check(20);
    }
}

#[test]
fn t59_a_line_without_end_is_not_held() {
    let mut house = House::started();
    append(&house.state, "a", &line(1));
    house.converge(5);
    let before = house.process().status("VmHWM");
    let length = size(48, 1024);
    let piece = "a".repeat(1 << 20);
    for _ in 0..length {
        append(&house.state, "a", &piece);
    }
    append(&house.state, "a", &format!("\n{}", line(2)));
    let log = house.log_when("a", 20, "the line after", |log| log["lines"]["event"] == 2);
    assert_eq!(log["lines"]["oversized"], 1);
    let after = house.process().status("VmHWM");
    assert!(after < before + (40 << 10), "{before} KiB, then {after} KiB");
    house.check(20);
}

/// The most memory that a build takes, in KiB. The kernel's figure only grows, and is gone with the process: the last look is
/// a millisecond before its end.
fn most_of_a_build(house: &House) -> u64 {
    house.forget_the_cache();
    let mut command = wheelwatch(&house.state);
    let mut child = command.arg("build").arg("--cache").arg(&house.cache).arg(&house.state).spawn().expect("it starts");
    let mut most = 0;
    while child.try_wait().expect("a child").is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = line.and_then(|line| line.trim_end_matches("kB").trim().parse().ok()).unwrap_or(most);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(child.wait().expect("a child").success());
    most
}

#[test]
fn g11_a_build_holds_little_of_what_it_reads() {
    let house = House::new();
    let steps = |n: u32| -> String {
        (n..n + 500).map(|n| format!("{}{{\"event\":\"step.finished\",\"step\":\"s{n:06}\"}}\n", line(n))).collect()
    };
    let log = (0..8).map(|n| steps(n * 500) + &bulk(0..4_000)).collect::<String>();
    for run in 0..size(80, 640) {
        append(&house.state, &format!("run-{run}"), &log);
    }
    let most = most_of_a_build(&house);
    assert!((1 << 10..128 << 10).contains(&most), "{most} KiB");
}

#[test]
fn t53_very_many_runs_are_served_from_the_first_second() {
    let mut house = House::new();
    let runs = size(1_500, 100_000);
    for run in 0..runs {
        append(&house.state, &format!("{}/run-{run}", run % 97), &lines(0..3));
    }
    house.start();
    assert!(house.process().ask("/").is_some_and(|page| page.status == 200), "a page at once");
    within(60, "all runs", || (house.health()["runs"] == runs && house.health()["backlog_bytes"] == 0).then_some(()));
    let memory = house.process().status("VmRSS");
    assert!(memory < 400 << 10, "{memory} KiB");
    if !crate::is_long() {
        house.check(30);
    }
}

#[test]
fn t53b_while_a_first_scan_goes_on_the_newest_so_far_are_shown() {
    let mut house = House::new();
    for run in 0..2_000 {
        append(&house.state, &format!("run-{run}"), &line(1));
    }
    // A disk that has none of the directories at hand.
    house.prefix = trace::failing(&house, "newfstatat", "newfstatat:delay_enter=1000", &[]);
    house.start();
    let page = within(30, "runs on a page that is not complete", || {
        let health = house.health();
        assert!(health["settled"] == false, "nothing was shown before the scan had ended");
        let page = house.process().ask("/").expect("a page");
        (health["runs"].as_u64() > Some(0) && page.body.contains("found so far")).then_some(page)
    });
    assert!(page.body.contains("looking for runs") && !page.body.contains("all read"), "{}", page.body);
    within(60, "all runs", || (house.health()["runs"] == 2_000 && house.health()["backlog_bytes"] == 0).then_some(()));
    house.prefix.clear();
    house.check(30);
}

#[test]
fn t131_a_backlog_is_read_while_pages_are_served() {
    let mut house = House::new();
    let text = bulk(0..size(10_000, 200_000));
    let runs = size(10, 100);
    for run in 0..runs {
        append(&house.state, &format!("run-{run}"), &text);
    }
    house.start();
    within(60, "the end of the backlog", || {
        let page = house.process().ask("/").expect("a page");
        assert_eq!(page.status, 200);
        let is_behind = page.body.contains("behind") || page.body.contains("looking for runs");
        // Said until it is so, and not longer.
        assert!(is_behind || page.body.contains("all read"), "neither behind nor all read");
        assert!(is_behind || house.total() == runs, "all read is said of {} of {runs} runs", house.total());
        let health = house.health();
        (!is_behind && health["backlog_bytes"] == 0 && health["settled"] == true).then_some(())
    });
    house.check(30);
}

#[test]
fn t51_the_directory_is_the_key_whatever_the_log_says() {
    let mut house = House::started();
    for name in ["a", "b"] {
        append(&house.state, name, "{\"event\":\"run.started\",\"run_id\":\"same\",\"workflow\":\"w\"}\n");
    }
    house.converge(5);
    assert_eq!(house.total(), 2);
    assert!(house.run("a").is_some() && house.run("b").is_some() && house.run("same").is_none());
    append(&house.state, "same", "{\"event\":\"run.started\"}\n{\"event\":\"step.started\",\"runId\":\"same\"}\n");
    append(&house.state, "a", "{\"event\":\"step.started\",\"run_id\":\"a\"}\n");
    house.converge(5);
    for (key, expected) in [("a", json!({"id": "same", "line": 1})), ("same", Value::Null)] {
        assert_eq!(house.run(key).expect("a run")["log"]["other_id"], expected, "{key}");
        let page = house.process().ask(&format!("/runs/{key}")).expect("a page").body;
        assert_eq!(page.contains("id mismatch"), !expected.is_null(), "the page of {key}");
    }
    house.check(5);
}

#[test]
fn t97_a_restart_with_nothing_new_reads_no_log_again() {
    let mut house = House::new();
    let text = bulk(0..500);
    let runs = size(60, 10_000);
    for run in 0..runs {
        append(&house.state, &format!("run-{run}"), &text);
    }
    house.start();
    house.converge(30);
    house.wait_until_sure(60);
    house.stop();
    house.prefix = trace::watching(&house, READING);
    house.start();
    within(10, "the first scan", || (house.health()["settled"] == true).then_some(()));
    assert_eq!(house.health()["lines"], runs * 500);
    // That strace sees reading at all: one log has a new line, and no more than it and the two marks are read (G6).
    append(&house.state, "run-0", &line(1));
    house.log_when("run-0", 5, "its line", |log| log["events"] == 501);
    let read = trace::bytes_of_logs(&house);
    assert!((1..64 << 10).contains(&read), "{read} bytes of logs were read");
    house.prefix.clear();
    house.check(20);
}
