//! Rows about directories: runs that move, appear in masses, and state directories that come and go.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

use crate::house::House;
use crate::process::{with_slack, within};
use crate::size;
use crate::support::append;
use crate::tail::{bulk, line, lines};
use crate::trace;

#[test]
fn t14_a_run_that_is_deleted_while_it_is_read_is_no_loop_of_errors() {
    let mut house = House::new();
    let chunk = bulk(0..20_000);
    for _ in 0..size(3, 250) {
        append(&house.state, "big", &chunk);
    }
    append(&house.state, "small", &line(1));
    house.prefix = trace::watching(&house, "openat,openat2");
    house.start();
    fs::remove_dir_all(house.state.join("big")).expect("rm -r");
    within(10, "the big run to be gone or dropped", || match house.run("big") {
        None => Some(()),
        Some(run) => (run["log"]["gone"] == true).then_some(()),
    });
    house.converge(10);
    // From now on nobody looks for it but the scans.
    let failed = || trace::calls(&house).iter().filter(|call| call.contains("ENOENT")).count();
    let (before, began) = (failed(), Instant::now());
    house.check_idle();
    let (tries, seconds) = (failed() - before, began.elapsed().as_secs_f64());
    assert!(tries as f64 <= 5.0 * seconds, "{tries} failed opens in {seconds} s");
    assert!(house.process().said().lines().count() < 20, "{}", house.process().said());
    house.prefix.clear();
    house.check(10);
}

#[test]
fn t15_a_run_that_is_renamed_has_its_timeline_once() {
    let mut house = House::started();
    append(&house.state, "a", &lines(0..40));
    house.converge(5);
    fs::rename(house.state.join("a"), house.state.join("b")).expect("a rename");
    append(&house.state, "b", &lines(40..43));
    house.log_when("b", 5, "the whole timeline", |log| log["events"] == 43);
    within(5, "the old name to go", || house.run("a").is_none().then_some(()));
    assert_eq!(house.total(), 1);
    house.check(5);
}

#[test]
fn t15b_two_runs_that_change_names_keep_their_own_lines() {
    let mut house = House::started();
    append(&house.state, "a", &lines(0..10));
    append(&house.state, "b", &lines(100..120));
    house.converge(5);
    let (a, b, c) = (house.state.join("a"), house.state.join("b"), house.beside("c"));
    for (from, to) in [(&a, &c), (&b, &a), (&c, &b)] {
        fs::rename(from, to).expect("a rename");
    }
    house.log_when("a", 5, "the other's lines", |log| log["events"] == 20);
    house.check(5);
}

#[test]
fn t17_one_file_under_two_names_is_two_runs() {
    let mut house = House::started();
    let path = append(&house.state, "a", &lines(0..3));
    fs::create_dir(house.state.join("b")).expect("mkdir");
    fs::hard_link(&path, house.state.join("b/run.log")).expect("a link");
    append(&house.state, "a", &line(3));
    for key in ["a", "b"] {
        house.log_when(key, 5, "all lines", |log| log["events"] == 4);
    }
    append(&house.state, "b", &line(4));
    for key in ["a", "b"] {
        house.log_when(key, 5, "all lines", |log| log["events"] == 5);
    }
    assert_eq!(house.total(), 2);
    house.check(5);
}

#[test]
fn t18_two_thousand_runs_of_one_write_are_all_seen() {
    let mut house = House::started();
    append(&house.state, "first", &line(0));
    house.converge(5);
    let began = Instant::now();
    for n in 0..2000 {
        append(&house.state, &format!("run-{n}"), &line(n));
    }
    within(5, "all runs", || (house.total() == 2001).then_some(()));
    println!("2,000 runs were there {:?} after the first was made", began.elapsed());
    house.check(5);
}

#[test]
fn t19_a_ready_made_tree_that_is_moved_in_is_seen() {
    let mut house = House::started();
    let outside = house.beside("outside");
    for run in ["x", "y/z", "1/2/3", "1/2/3/4/5/6"] {
        append(&outside, run, &lines(0..4));
    }
    fs::rename(&outside, house.state.join("tree")).expect("a rename");
    append(&house.state, "1/2/3/4", &line(1));
    append(&house.state, "1/2/3/4/5/6", &line(1));
    for key in ["tree/x", "tree/y/z", "tree/1/2/3", "1/2/3/4"] {
        house.log_when(key, 5, "its lines", |log| log["events"].as_u64() > Some(0));
    }
    house.converge(5);
    assert_eq!(house.total(), 4, "a log below the fourth directory is none");
    house.check(5);
}

#[test]
fn t20_notifications_that_were_lost_lose_nothing_else() {
    let mut house = House::new();
    let runs = size(50, 500);
    for n in 0..runs {
        append(&house.state, &format!("run-{n}"), &line(n));
    }
    house.start();
    house.converge(10);
    house.process().signal("STOP");
    // More than the system's queue holds (fs.inotify.max_queued_events).
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("/proc");
    let limit: u32 = limit.trim().parse().expect("a number");
    let noise = house.state.join("run-0");
    for n in 0..limit / 2 + 2000 {
        let path = noise.join(format!("f{n}"));
        fs::write(&path, "x").expect("a file");
        fs::remove_file(&path).expect("rm");
    }
    for n in 0..runs {
        append(&house.state, &format!("run-{n}"), &line(n + 1000));
    }
    append(&house.state, "new", &line(1));
    house.process().signal("CONT");
    house.converge(10);
    within(5, "a word of what was lost", || (house.health()["overflows"].as_u64() >= Some(1)).then_some(()));
    house.check(10);
}

#[test]
fn t25_a_state_directory_may_be_missing_and_come_and_go() {
    let mut house = House::new();
    fs::remove_dir(&house.state).expect("rmdir");
    house.start();
    let waits = || house.process().ask("/").is_some_and(|page| page.body.contains("no such directory"));
    within(5, "the word on the page", || waits().then_some(()));
    append(&house.state, "a", &lines(0..3));
    house.log_when("a", 10, "its lines", |log| log["events"] == 3);
    fs::remove_dir_all(&house.state).expect("rm -r");
    within(10, "the word on the page", || waits().then_some(()));
    append(&house.state, "a", &lines(5..7));
    append(&house.state, "b", &line(1));
    house.log_when("b", 10, "its line", |log| log["events"] == 1);
    house.log_when("a", 10, "the new lines", |log| log["events"] == 2 && log["gone"] == false);
    house.check(10);
}

#[test]
fn t26_the_path_is_followed_and_not_the_directory_that_was_there() {
    let mut house = House::started();
    append(&house.state, "a", &lines(0..3));
    append(&house.state, "same", &lines(0..3));
    house.converge(5);
    let old = house.beside("old");
    fs::rename(&house.state, &old).expect("a rename");
    append(&house.state, "b", &lines(0..2));
    append(&house.state, "same", &lines(10..12));
    house.log_when("b", 30, "its lines", |log| log["events"] == 2);
    house.log_when("same", 30, "the lines of the new directory", |log| log["events"] == 2);
    house.log_when("a", 30, "to be gone", |log| log["gone"] == true);
    append(&old, "a", &line(9));
    house.converge(5);
    assert_eq!(house.run("a").expect("its last state")["log"]["events"], 3, "the old directory is followed");
    house.check(10);
}

#[test]
fn t27_however_the_state_directory_is_named_the_dump_is_the_same() {
    let mut house = House::new();
    append(&house.state, "a/b", &lines(0..3));
    append(&house.state, "c", &lines(0..3));
    symlink(&house.state, house.beside("link")).expect("a link");
    // Relative paths begin in the home directory, where the binary is started.
    let slash = house.state.join("");
    let names = [
        Path::new("../state"),
        &house.beside("link"),
        &slash,
        &house.beside("home/../state"),
        &house.state.join("c/.."),
    ];
    let mut dumps = Vec::new();
    for name in names.map(Path::to_owned) {
        house.named = Some(name);
        house.start();
        house.check(5);
        append(&house.state, "c", &line(7));
        house.converge(5);
        dumps.push(house.dump().expect("a dump").into_keys().collect::<Vec<_>>());
        house.stop();
    }
    assert!(dumps.iter().all(|keys| *keys == ["a/b", "c"]), "{dumps:?}");
}

#[test]
fn t48_loops_and_depth_are_walked_in_bounds() {
    let mut house = House::new();
    append(&house.state, "a", &line(1));
    symlink("..", house.state.join("a/up")).expect("a link");
    symlink(".", house.state.join("a/here")).expect("a link");
    let mut deep = house.state.join("deep");
    for n in 0..200 {
        deep.push(format!("d{n}"));
    }
    fs::create_dir_all(&deep).expect("mkdir -p");
    fs::write(deep.join("run.log"), line(1)).expect("a log");
    let began = Instant::now();
    house.start();
    assert!(began.elapsed() < with_slack(5), "{:?}", began.elapsed());
    house.converge(5);
    assert_eq!(house.total(), 1);
    house.check(5);
}

#[test]
fn t54_many_runs_that_go_and_come_at_once() {
    let mut house = House::new();
    let count = size(200, 5000);
    for n in 0..count {
        append(&house.state, &format!("old-{n}"), &line(n));
    }
    house.start();
    house.converge(20);
    for n in 0..count {
        fs::remove_dir_all(house.state.join(format!("old-{n}"))).expect("rm -r");
        append(&house.state, &format!("new-{n}"), &line(n));
    }
    house.check(10);
}
