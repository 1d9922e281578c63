//! Kills and stops in every state of building and reading (T77, T79, T142).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::house::House;
use crate::life::quiet_port;
use crate::process::{behind, with_slack, within};
use crate::size;
use crate::support::{append, http};
use crate::tail::{Writing, bulk, line, lines};

/// Numbers that look random and are the same each time (a linear congruence).
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

#[test]
fn t77_kill_9_at_any_moment_with_writers_running_changes_nothing() {
    let mut house = House::new();
    let mut seed = 77;
    append(&house.state, "quiet", &lines(0..50));
    for cycle in 0..size(4, 1000) {
        let writers =
            [Writing::begin(&house.state, "busy"), Writing::begin(&house.state, &format!("run-{}", cycle % 7))];
        house.start();
        std::thread::sleep(Duration::from_millis(5 + next(&mut seed) % 795));
        house.kill();
        if cycle % 3 == 0 {
            std::fs::write(house.state.join("quiet/run.log"), lines(cycle..cycle + 40)).expect("a rewrite");
        }
        drop(writers);
        if cycle % 25 == 24 {
            // Or a thousand cycles would be spent on reading what has grown.
            fs::remove_dir_all(house.state.join("busy")).expect("rm -r");
            fs::remove_dir_all(house.state.join(format!("run-{}", cycle % 7))).expect("rm -r");
        }
        house.start();
        house.check_running();
        house.kill();
    }
    house.start();
    house.check(10);
}

/// Kills just behind the next change of the write-ahead log: where state and cursor would part if they were not one
/// transaction. `later` is how long after that, so that also what is being written is met.
fn kill_behind_a_commit(house: &mut House, later: Duration, act: impl FnOnce(&House)) {
    let wal = house.cache.with_extension("db-wal");
    let look = || fs::metadata(&wal).ok().map(|wal| (wal.len(), wal.mtime(), wal.mtime_nsec()));
    house.unfollow();
    let before = look();
    act(house);
    let began = Instant::now();
    // Without a pause: what comes next must not be there yet.
    while look() == before {
        assert!(began.elapsed() < with_slack(10), "nothing was committed");
    }
    let change = Instant::now();
    while change.elapsed() < later {
        std::hint::spin_loop();
    }
    house.kill();
}

#[test]
fn t77b_kill_9_right_behind_a_commit_finds_state_and_cursor_together() {
    let mut house = House::new();
    append(&house.state, "a", &lines(0..50));
    let mut seed = 7;
    for cycle in 0..size(8, 200) {
        house.start();
        house.converge(10);
        let later = Duration::from_micros(next(&mut seed) % 3_000);
        kill_behind_a_commit(&mut house, later, |house| {
            append(&house.state, "a", &lines(50 + cycle * 3..53 + cycle * 3));
        });
    }
    house.start();
    house.check(10);
}

#[test]
fn t79b_kill_9_between_the_turns_of_a_long_log_counts_no_line_twice() {
    let mut house = House::new();
    append(&house.state, "a", &line(0));
    append(&house.state, "b", &lines(0..100));
    let mut seed = 79;
    for cycle in 0..size(2, 40) {
        let later = Duration::from_micros(next(&mut seed) % 500_000);
        house.start();
        // Two turns: one ends after 20,000 events. Another log each time, so it is read from its first byte.
        kill_behind_a_commit(&mut house, later, |house| {
            fs::write(house.state.join("a/run.log"), bulk(cycle..25_000 + cycle)).expect("a rewrite");
        });
        house.start();
        house.converge(30);
        house.kill();
    }
    house.start();
    house.check(30);
}

#[test]
fn t79_kill_9_during_a_build_leaves_no_half_state() {
    let mut house = House::new();
    let lines = size(5_000, 20_000);
    let chunk = bulk(0..lines);
    let chunks = size(4, 60);
    for run in ["a", "b"] {
        for _ in 0..chunks / 2 {
            append(&house.state, run, &chunk);
        }
    }
    // Killed sooner and later in the first build; the last start finishes it.
    for cycle in 0..size(2, 20) {
        house.start();
        let begun = |part: u64| house.health()["lines"].as_u64() >= Some(u64::from(lines) * chunks * part / 20);
        within(10, "some progress", || begun(cycle).then_some(()));
        house.kill();
    }
    house.start();
    house.converge(30);
    house.check_running();
    // During a shutdown.
    append(&house.state, "a", &chunk);
    house.process().signal("TERM");
    house.kill();
    house.start();
    house.converge(30);
    house.check_running();
    // During a rebuild, and the shutdown after it.
    house.kill();
    house.forget_the_cache();
    house.start();
    house.process().signal("TERM");
    house.kill();
    house.start();
    house.check(30);
}

#[test]
fn t79d_what_a_killed_first_build_left_is_made_anew_and_asked_by_nobody() {
    let mut house = House::new();
    let chunk = bulk(0..size(5_000, 50_000));
    for run in 0..20 {
        append(&house.state, &format!("run-{run}"), &chunk);
    }
    let command = |house: &House, name: &str| {
        let mut command = behind(&[], &house.beside("home"));
        command.arg(name).arg("--cache").arg(&house.cache).arg(&house.state);
        command
    };
    let note = |house: &House| fs::read_to_string(house.cache.with_extension("db.lock")).unwrap_or_default();
    for _ in 0..2 {
        let mut build = command(&house, "build").stdout(Stdio::null()).spawn().expect("a build");
        let pid = Pid::from_child(&build);
        let making = format!("being made by {}\n", build.id());
        // More than the empty tables; in the second round perhaps what the first one left.
        let begun =
            || note(&house).contains(&making) && fs::metadata(&house.cache).is_ok_and(|cache| cache.len() > 400_000);
        within(10, "a first commit", || begun().then_some(()));
        kill_process(pid, Signal::STOP).expect("it is there");
        assert!(note(&house).contains(&making), "it was too fast: {:?}", note(&house));
        let asked = command(&house, "status").output().expect("it ends");
        let said = String::from_utf8_lossy(&asked.stderr).into_owned();
        assert_eq!(asked.status.code(), Some(3), "{said}");
        assert!(said.contains(&format!("process {} is making the cache", build.id())), "{said}");
        build.kill().expect("it is there");
        build.wait().expect("our own child");
    }
    house.start();
    house.check(30);
}

#[test]
fn t79c_there_is_no_dump_of_a_part_of_the_logs() {
    let runs = 200;
    let mut house = House::new();
    for run in 0..runs {
        append(&house.state, &format!("run-{run}"), &lines(0..20));
    }
    let port = quiet_port();
    house.options = vec![String::from("--port"), port.to_string()];
    // From before the first answer on, and without a pause.
    let first = std::thread::spawn(move || {
        let began = Instant::now();
        let mut refused = 0;
        loop {
            match http::get(port, "/api/dump") {
                Ok(dump) if dump.status == 200 => return (dump.json()["runs"].as_array().map(Vec::len), refused),
                Ok(dump) => assert_eq!(dump.status, 503, "{dump:?}"),
                Err(_) => refused += 1,
            }
            assert!(began.elapsed() < with_slack(30), "there is never a dump");
        }
    });
    house.try_start_without_port().expect("a start");
    let (dumped, refused) = first.join().expect("the first dump");
    assert_eq!(dumped, Some(runs));
    assert!(refused > 0, "it was asked too late");
    house.options.clear();
    house.check(10);
}

#[test]
fn t142_every_signal_to_stop_ends_with_0_and_leaves_a_closed_cache() {
    for signal in ["TERM", "INT", "HUP"] {
        let mut house = House::started();
        append(&house.state, "a", &bulk(0..size(5_000, 50_000)));
        append(&house.state, "b", &line(1));
        let streams: Vec<_> =
            (0..size(10, 100)).map(|_| crate::stream::Follower::start(house.process().port)).collect();
        house.stop_by(signal);
        drop(streams);
        let wal = house.cache.with_extension("db-wal");
        assert_eq!(std::fs::metadata(&wal).map_or(0, |wal| wal.len()), 0, "SIG{signal} left a write-ahead log");
        house.start();
        house.check(10);
    }
}

#[test]
fn t142b_a_second_interrupt_ends_it_at_once() {
    let mut house = House::started();
    append(&house.state, "a", &line(1));
    house.converge(5);
    house.process().signal("INT");
    // It may have ended already.
    let pid = house.process().pid().to_string();
    let _ = std::process::Command::new("kill").args(["-s", "INT", &pid]).stderr(std::process::Stdio::null()).status();
    house.wait_for_the_end(2);
    house.start();
    house.check(5);
}
