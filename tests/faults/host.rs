//! Poor and strange hosts: no watcher, few watches, few descriptors, errors of reading, no room for the cache.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::house::House;
use crate::process::{needs, within};
use crate::size;
use crate::support::append;
use crate::tail::{bulk, line, lines};
use crate::trace;

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// Fails with what is needed where a user may have no namespace of his own.
fn needs_namespaces() {
    needs("unshare", "util-linux");
    let made = Command::new("unshare").args(["-Urm", "true"]).status().expect("unshare runs");
    assert!(made.success(), "this row needs user namespaces (kernel.unprivileged_userns_clone, or root)");
}

#[test]
fn t21_with_few_watches_the_scan_finds_everything_and_it_is_said() {
    needs_namespaces();
    let mut house = House::new();
    for n in 0..300 {
        append(&house.state, &format!("run-{n}"), &line(n));
    }
    let script = "echo 8 > /proc/sys/user/max_inotify_watches && exec \"$@\"";
    house.prefix = words(["unshare", "-Ur", "sh", "-c", script, "sh"]);
    house.start();
    house.converge(10);
    within(5, "the mode", || (house.health()["watch"]["mode"] == "scan only").then_some(()));
    let reason = house.health()["watch"]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("max_user_watches"), "{reason}");
    assert!(house.process().ask("/").expect("a page").body.contains("scanning only"), "the page is silent");
    for n in [0, 150, 299] {
        append(&house.state, &format!("run-{n}"), &line(1000));
    }
    append(&house.state, "new", &line(1));
    house.converge(5);
    house.check(10);
}

#[test]
fn t22_without_a_watcher_the_scan_does_and_it_is_said() {
    let mut house = House::new();
    append(&house.state, "a", &lines(0..3));
    house.prefix = trace::failing(&house, "inotify_init1", "inotify_init1:error=EMFILE", &[]);
    house.start();
    house.converge(10);
    let watch = house.health()["watch"].clone();
    assert_eq!(watch["mode"], "scan only", "{watch}");
    assert!(house.process().ask("/").expect("a page").body.contains("scanning only"), "the page is silent");
    append(&house.state, "a", &lines(3..6));
    append(&house.state, "b/c", &lines(0..3));
    house.converge(5);
    house.check(10);
}

#[test]
fn t22b_a_watcher_that_never_fires_loses_nothing() {
    let mut house = House::new();
    append(&house.state, "a", &lines(0..3));
    append(&house.state, "gone", &lines(0..3));
    // The system says that it watches, and does not.
    house.prefix = trace::failing(&house, "inotify_add_watch", "inotify_add_watch:retval=1", &[]);
    house.start();
    house.converge(10);
    assert!(!trace::calls(&house).is_empty(), "nothing was to be watched");
    append(&house.state, "a", &lines(3..6));
    append(&house.state, "b/c", &lines(0..3));
    fs::remove_dir_all(house.state.join("gone")).expect("rm -r");
    house.converge(10);
    house.log_when("gone", 10, "that it is gone", |log| log["gone"] == true);
    house.prefix.clear();
    house.check(10);
}

#[test]
fn t22c_with_poll_nothing_is_watched_and_it_is_said() {
    let mut house = House::new();
    append(&house.state, "a", &lines(0..3));
    house.options = words(["--poll"]);
    house.prefix = trace::watching(&house, "inotify_init1,inotify_add_watch,openat,openat2");
    house.start();
    house.converge(10);
    append(&house.state, "a", &lines(3..6));
    append(&house.state, "b/c", &lines(0..3));
    house.converge(5);
    let calls = trace::calls(&house);
    assert!(calls.iter().any(|call| call.contains("run.log")), "strace saw no opening of a log");
    assert!(!calls.iter().any(|call| call.starts_with("inotify")), "something is watched");
    let watch = house.health()["watch"].clone();
    assert!(
        watch["mode"] == "scan only" && watch["reason"].as_str().is_some_and(|why| why.contains("--poll")),
        "{watch}"
    );
    assert!(house.process().ask("/").expect("a page").body.contains("scanning only"), "the page is silent");
    house.prefix.clear();
    house.check(10);
}

#[test]
fn t38_an_error_of_reading_is_said_and_tried_again() {
    let mut house = House::new();
    append(&house.state, "bad", &lines(0..3));
    append(&house.state, "fine", &lines(0..3));
    // Only what concerns this file.
    let path = house.state.join("bad/run.log");
    house.prefix = trace::failing(&house, "pread64", "pread64:error=EIO:when=9..11", &[&path]);
    house.start();
    house.converge(5);
    // Written to until a read of it fails.
    let problem = within(10, "the badge", || {
        append(&house.state, "bad", &line(7));
        house.run("bad")?["log"]["problem"]["code"].as_str().map(str::to_owned)
    });
    assert_eq!(problem, "read_error");
    append(&house.state, "fine", &lines(3..6));
    house.log_when("fine", 2, "its lines", |log| log["events"] == 6);
    house.log_when("bad", 10, "no problem", |log| log["problem"].is_null());
    house.prefix.clear();
    house.check(10);
}

#[test]
fn t38b_an_error_of_reading_that_stays_is_tried_less_and_less_often() {
    let mut house = House::new();
    append(&house.state, "bad", &lines(0..3));
    append(&house.state, "fine", &lines(0..3));
    let path = house.state.join("bad/run.log");
    house.prefix = trace::failing(&house, "pread64", "pread64:error=EIO", &[&path]);
    house.start();
    assert_eq!(house.problem("bad", 10), "read_error");
    let failed = |house: &House| trace::calls(house).iter().filter(|call| call.contains("EIO")).count();
    let (before, began) = (failed(&house), Instant::now());
    append(&house.state, "bad", &line(7));
    append(&house.state, "fine", &lines(3..6));
    house.log_when("fine", 2, "its lines", |log| log["events"] == 6);
    house.check_idle();
    let (tries, seconds) = (failed(&house) - before, began.elapsed().as_secs_f64());
    // Each try is one read: after one second, two, four, and then every eight.
    assert!(tries as f64 <= 3.0 + seconds, "{tries} tries in {seconds} s");
    assert!(house.process().ask("/health").expect("a page").body.contains("read error"), "the page is silent");
    house.kill();
    house.prefix.clear();
    house.start();
    house.check(10);
}

#[test]
fn t39_with_few_descriptors_it_converges_and_does_not_spin() {
    needs("prlimit", "util-linux");
    let mut house = House::new();
    for n in 0..size(300, 1000) {
        append(&house.state, &format!("run-{n}"), &line(n));
    }
    house.prefix = words(["prlimit", "--nofile=64"]);
    house.start();
    let clients: Vec<_> = (0..20).map(|_| crate::stream::Follower::start(house.process().port)).collect();
    house.converge(10);
    append(&house.state, "run-7", &line(7));
    append(&house.state, "new", &line(7));
    house.converge(10);
    house.check_idle();
    drop(clients);
    house.check(10);
}

#[test]
fn t84_a_full_disk_is_said_and_nothing_is_wrong_when_there_is_room_again() {
    needs_namespaces();
    let mut house = House::new();
    append(&house.state, "a", &lines(0..5));
    let directory = house.cache.parent().expect("a directory").to_owned();
    fs::create_dir(&directory).expect("mkdir");
    let script = format!("mount -t tmpfs -o size=3m tmpfs {} && exec \"$@\"", directory.display());
    house.prefix = words(["unshare", "-Urm", "sh", "-c", &script, "sh"]);
    house.start();
    house.converge(5);
    // Seen through the process, because the mount is in its own namespace.
    let inside = format!("/proc/{}/root{}/filler", house.process().pid(), directory.display());
    let filled =
        Command::new("dd").args(["if=/dev/zero", "bs=4096", &format!("of={inside}")]).output().expect("dd runs");
    assert!(!filled.status.success(), "the disk is not full");
    for n in 0..20 {
        append(&house.state, "b", &bulk(n * 500..(n + 1) * 500));
    }
    let said = within(10, "a word about the cache", || {
        assert_eq!(house.process().ask("/").map(|page| page.status), Some(200));
        house.health()["cache_problem"].as_str().filter(|said| said.contains("memory")).map(str::to_owned)
    });
    assert!(said.contains("make room"), "{said}");
    assert!(house.process().ask("/").expect("a page").body.contains("memory"), "no banner");
    // What comes meanwhile is shown, also of logs that begin anew or go.
    append(&house.state, "c", &lines(0..5));
    fs::write(house.state.join("a/run.log"), lines(100..140)).expect("a rewrite");
    house.converge(10);
    house.check_alive();
    fs::remove_file(&inside).expect("room again");
    house.converge(20);
    within(10, "the word to go", || house.health()["cache_problem"].is_null().then_some(()));
    append(&house.state, "c", &lines(5..9));
    house.converge(10);
    house.check_running();
}

#[test]
fn t85_a_limit_of_file_size_ends_nobody() {
    needs("prlimit", "util-linux");
    let mut house = House::new();
    append(&house.state, "a", &lines(0..5));
    house.prefix = words(["prlimit", "--fsize=300000"]);
    house.start();
    for n in 0..40 {
        append(&house.state, "b", &bulk(n * 500..(n + 1) * 500));
    }
    within(15, "a word about the cache", || house.health()["cache_problem"].as_str().map(str::to_owned));
    house.converge(15);
    check_without_the_fault(house);
}

/// It lives with the fault, and without it all is well again.
fn check_without_the_fault(mut house: House) {
    house.check_alive();
    assert_eq!(house.process().ask("/").map(|page| page.status), Some(200));
    house.kill();
    house.prefix.clear();
    house.start();
    house.check(10);
}

#[test]
fn t41_a_hot_run_starves_no_quiet_one() {
    let mut house = House::started();
    for n in 0..20 {
        append(&house.state, &format!("quiet-{n}"), &line(0));
    }
    house.converge(10);
    let chunk = bulk(0..size(5_000, 50_000));
    let mut sent = 1;
    for round in 0..size(3, 60) {
        append(&house.state, "hot", &chunk);
        let key = format!("quiet-{}", round % 20);
        append(&house.state, &key, &line(round));
        sent += u64::from(round % 20 == 0);
        house.log_when(&key, 2, "its line", |log| {
            log["events"].as_u64() >= Some(if round % 20 == 0 { sent } else { 2 })
        });
    }
    house.check(20);
}

#[test]
fn t85b_errors_of_writing_and_of_fsync_end_nobody_and_nothing_is_wrong_afterwards() {
    for inject in
        ["pwrite64:error=ENOSPC:when=40..400", "pwrite64:error=EIO:when=40..80", "fdatasync,fsync:error=EIO:when=3..12"]
    {
        let mut house = House::new();
        append(&house.state, "a", &lines(0..5));
        let wal = house.cache.with_extension("db-wal");
        house.prefix = trace::failing(&house, "pwrite64,fdatasync,fsync", inject, &[&house.cache, &wal]);
        house.start();
        for n in 0..10 {
            append(&house.state, "b", &bulk(n * 500..(n + 1) * 500));
            append(&house.state, &format!("run-{n}"), &lines(0..20));
            house.converge(20);
        }
        check_without_the_fault(house);
    }
}

#[test]
fn t40_no_log_is_mapped_and_no_truncation_is_a_signal() {
    let mut house = House::new();
    append(&house.state, "a", &bulk(0..5_000));
    house.prefix = trace::watching(&house, "mmap,openat,openat2");
    house.start();
    house.converge(20);
    let path = house.state.join("a/run.log");
    for n in 0..size(200, 10_000) {
        File::options().write(true).open(&path).and_then(|log| log.set_len(n % 3 * 1000)).expect("truncate");
        append(&house.state, "a", &bulk(n as u32..n as u32 + 3));
    }
    house.converge(20);
    house.check_alive();
    house.stop();
    let calls = trace::calls(&house);
    assert!(calls.iter().any(|call| call.contains("run.log")), "strace saw no opening of a log");
    let mapped: Vec<_> = calls.iter().filter(|call| call.contains("mmap(") && call.contains("run.log")).collect();
    assert!(mapped.is_empty(), "{mapped:?}");
    house.prefix.clear();
    house.start();
    house.check(10);
}

#[test]
fn t25b_a_directory_that_is_mounted_over_the_state_directory_is_what_is_shown() {
    needs_namespaces();
    needs("nsenter", "util-linux");
    let mut house = House::new();
    append(&house.state, "under", &lines(0..3));
    append(&house.state, "both", &lines(0..3));
    let over = house.beside("over");
    append(&over, "over", &lines(0..5));
    append(&over, "both", &lines(10..14));
    house.prefix = words(["unshare", "-Urm"]);
    house.start();
    house.converge(5);
    let under = house.state.clone();
    let pid = house.process().pid().to_string();
    let inside = |words: &[&str]| {
        let mut command = Command::new("nsenter");
        command.args(["-t", &pid, "-U", "-m", "--preserve-credentials"]).args(words);
        assert!(command.status().expect("nsenter runs").success(), "{words:?}");
    };
    let text = |path: &Path| path.display().to_string();
    inside(&["mount", "--bind", &text(&over), &text(&under)]);
    house.state.clone_from(&over);
    house.converge(10);
    append(&over, "over", &line(7));
    house.converge(10);
    // Lazily: the program holds a handle of the directory (spec 5.1).
    inside(&["umount", "--lazy", &text(&under)]);
    house.state = under;
    house.converge(10);
    house.check(10);
}

#[test]
fn t128_it_connects_to_nobody() {
    let mut house = House::new();
    append(&house.state, "a", &lines(0..5));
    house.prefix = trace::watching(&house, "connect,accept4");
    house.start();
    house.converge(10);
    for path in ["/", "/runs", "/runs/a", "/attention", "/queue", "/stats", "/health", "/api/stats", "/metrics"] {
        assert!(house.process().ask(path).is_some(), "no answer of {path}");
    }
    house.stop();
    let calls = trace::calls(&house);
    assert!(calls.iter().any(|call| call.starts_with("accept4(")), "strace saw no connection to it");
    let connected: Vec<_> = calls.iter().filter(|call| call.starts_with("connect(")).collect();
    assert!(connected.is_empty(), "{connected:?}");
    house.prefix.clear();
    house.start();
    house.check(5);
}

#[test]
fn t129_a_state_directory_that_the_kernel_keeps_from_writing_is_enough() {
    needs_namespaces();
    let mut house = House::new();
    append(&house.state, "a", &lines(0..5));
    let state = house.state.display().to_string();
    let script = format!("mount --bind {state} {state} && mount -o remount,bind,ro {state} && exec \"$@\"");
    let traced = trace::watching(&house, "%file");
    house.prefix = words(["unshare", "-Urm", "sh", "-c", &script, "sh"]);
    house.prefix.extend(traced);
    house.start();
    house.converge(10);
    append(&house.state, "a", &lines(5..9));
    append(&house.state, "b/c", &lines(0..3));
    fs::write(house.state.join("a/run.log"), lines(20..40)).expect("a rewrite");
    house.check(10);
    let calls = trace::calls(&house);
    assert!(calls.iter().any(|call| call.contains("run.log")), "strace saw no opening of a log");
    let refused = calls.iter().filter(|call| call.contains("EROFS") || call.contains("EACCES"));
    let refused: Vec<_> = refused.collect();
    assert!(refused.is_empty(), "it tried: {refused:?}");
}
