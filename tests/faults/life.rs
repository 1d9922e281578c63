//! Rows of spec 5.4.6 about streams, clients, clocks and what a process is born into.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::house::House;
use crate::process::{Process, behind, needs, within};
use crate::size;
use crate::stream::Follower;
use crate::support::{append, http};
use crate::tail::{Writing, bulk, line, lines};

/// A port that nobody has at the moment, below those that the system gives to clients; no two rows get the same.
pub fn quiet_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 8_000).expect("a small number");
    let mut ports = std::iter::repeat_with(|| first + GIVEN.fetch_add(1, Ordering::Relaxed) % 4_000);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

#[test]
fn t132_many_clients_all_end_with_what_the_api_says() {
    let mut house = House::started();
    let clients: Vec<_> = (0..size(40, 500)).map(|_| Follower::start(house.process().port)).collect();
    for round in 0..size(20, 500) {
        for run in 0..8 {
            append(&house.state, &format!("run-{run}"), &bulk(round * 10..(round + 1) * 10));
        }
    }
    house.converge(20);
    for client in clients.iter().step_by(clients.len() / 20) {
        client.check(&house);
    }
    drop(clients);
    house.check(10);
}

#[test]
fn t134_a_client_that_lags_is_told_to_ask_again_or_gets_everything() {
    let mut house = House::started();
    append(&house.state, "run-0", &line(0));
    house.converge(5);
    let slow = Follower::start_paused(house.process().port);
    for round in 0..size(4, 40) {
        for run in 0..300 {
            append(&house.state, &format!("run-{run}"), &line(round));
        }
    }
    house.converge(20);
    slow.go_on();
    slow.check(&house);
    drop(slow);
    house.check(10);
}

#[test]
fn t136_clients_of_a_server_that_restarts_come_back_one_after_the_other_and_agree() {
    let mut house = House::new();
    append(&house.state, "a", &lines(0..10));
    house.options = vec![String::from("--port"), quiet_port().to_string()];
    for round in 0..size(3, 20) {
        // Somebody may have taken the port for a moment.
        within(10, "the port", || house.try_start_without_port().ok());
        let port = house.process().port;
        let clients: Vec<_> = (0..size(10, 50)).map(|_| Follower::start(port)).collect();
        append(&house.state, "a", &line(round));
        append(&house.state, &format!("run-{round}"), &line(round));
        house.converge(10);
        clients.iter().for_each(|client| client.check(&house));
        let retries: BTreeSet<u64> = clients.iter().filter_map(Follower::retry).collect();
        assert!(retries.len() > clients.len() / 2, "they would all come back at once: {retries:?}");
        assert!(retries.iter().all(|retry| (500..=2500).contains(retry)), "{retries:?}");
        house.stop();
        for client in &clients {
            within(5, "the end of the stream", || client.has_ended().then_some(()));
        }
    }
    house.options.clear();
    house.start();
    house.check(10);
}

#[test]
fn t137_clients_that_vanish_leave_nothing_behind() {
    let mut house = House::started();
    append(&house.state, "a", &lines(0..100));
    house.converge(5);
    let open = |house: &House| house.health()["open_fds"].as_u64().expect("a count");
    let (before, memory) = (open(&house), house.process().status("VmRSS"));
    for n in 0..size(300, 10_000) {
        let mut socket = TcpStream::connect(("127.0.0.1", house.process().port)).expect("a connection");
        let path = ["/api/stream", "/", "/api/dump", "/api/str"][n % 4];
        let end = if n % 5 == 0 { "" } else { "\r\n\r\n" };
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}{end}", house.process().port);
        let _ = socket.write_all(request.as_bytes());
        // Ends with a reset, not with a proper end.
        rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO)).expect("an option");
        drop(socket);
        if n % 100 == 50 {
            // Pages are answered in the midst of it.
            house.check_alive();
        }
    }
    within(60, "as many open files as before", || (open(&house) <= before + 2).then_some(()));
    within(60, "one client", || (house.health()["sse_clients"] == 1).then_some(()));
    let after = house.process().status("VmRSS");
    assert!(after < memory + (32 << 10), "{memory} KiB, then {after} KiB");
    house.check(10);
}

#[test]
fn t140_connections_that_say_nothing_are_closed() {
    let mut house = House::started();
    append(&house.state, "a", &line(1));
    let port = house.process().port;
    let connect = || TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let silent: Vec<_> = (0..size(50, 500)).map(|_| connect()).collect();
    house.converge(5);
    for mut socket in silent {
        socket.set_read_timeout(Some(Duration::from_secs(120))).expect("a time-out");
        let mut rest = Vec::new();
        // A time-out of this read is the failure; a reset is an end, too.
        if let Err(error) = socket.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
    }
    house.check(5);
}

#[test]
fn t141_a_flood_into_one_run_is_a_few_messages() {
    let mut house = House::started();
    append(&house.state, "a", &line(0));
    house.converge(5);
    let client = Follower::start(house.process().port);
    let began = Instant::now();
    let rounds = size(200, 2000);
    for n in 0..rounds {
        append(&house.state, "a", &bulk(n * 50..(n + 1) * 50));
    }
    house.converge(20);
    client.check(&house);
    // Ten a second, and a burst at the beginning; more time only means that more are allowed.
    let allowed = 30 + 10 * began.elapsed().as_secs();
    let messages = client.messages("a");
    assert!(messages <= allowed, "{messages} messages about one run, {allowed} are allowed");
    assert!(messages < u64::from(rounds), "nothing is put together");
    drop(client);
    house.check(10);
}

#[test]
fn t144_a_long_life_costs_nothing_that_stays() {
    let mut house = House::started();
    let rounds = size(120, 20_000);
    let mut settled = None;
    for round in 0..rounds {
        for run in 0..5 {
            let key = format!("run-{run}");
            match (round + run) % 40 {
                7 => fs::write(house.state.join(&key).join("run.log"), lines(round..round + 5)).expect("a rewrite"),
                19 => drop(fs::remove_dir_all(house.state.join(&key))),
                _ => drop(append(&house.state, &key, &bulk(round * 10..round * 10 + 10))),
            }
        }
        if round % 10 == 0 {
            drop(Follower::start(house.process().port));
            assert!(house.process().ask("/").is_some_and(|page| page.status == 200));
        }
        if round == rounds / 3 {
            house.converge(10);
            settled = Some((house.process().status("VmRSS"), house.health()["open_fds"].as_u64()));
        }
    }
    house.converge(10);
    let (memory, open) = settled.expect("a third was done");
    let now = house.process().status("VmRSS");
    assert!(now < memory + (24 << 10), "{memory} KiB, then {now} KiB");
    within(10, "as many open files as before", || {
        (house.health()["open_fds"].as_u64() <= open.map(|n| n + 2)).then_some(())
    });
    house.check(10);
}

#[test]
fn t145_logs_from_the_future_and_the_past_are_no_reason_to_fail() {
    let mut house = House::started();
    let day = 86_400;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    for (name, at) in [("ahead", now + day), ("behind", now - 3600), ("far", now + 400 * day), ("now", now)] {
        let mut text = String::new();
        for n in 0..5 {
            text += &format!("{{\"ts\":{},\"event\":\"phase.started\",\"phase\":\"p{n}\"}}\n", at + n);
        }
        // Backwards within the log, too.
        text += &format!("{{\"ts\":{},\"event\":\"step.started\",\"step\":\"s\"}}\n", at - 7200);
        let path = append(&house.state, name, &text);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
        File::options().write(true).open(path).and_then(|log| log.set_modified(time)).expect("a time");
    }
    house.converge(5);
    append(&house.state, "ahead", &line(1));
    house.converge(5);
    for path in ["/", "/runs", "/attention", "/health", "/runs/ahead", "/runs/behind", "/runs/far", "/api/attention"] {
        let answer = house.process().ask(path).expect("an answer");
        assert_eq!(answer.status, 200, "{path}");
    }
    let runs = house.get("/api/runs");
    for run in runs["runs"].as_array().expect("runs") {
        assert!(run["duration_ms"].as_i64().is_none_or(|duration| duration >= 0), "{run}");
    }
    house.check(5);
}

#[test]
fn t145b_a_clock_that_jumps_while_it_runs_hurts_nothing() {
    needs("faketime", "faketime");
    let mut house = House::new();
    let clock = house.beside("clock");
    // The clock of the day alone: the kernel moves neither timers nor the times of files when somebody sets it.
    house.prefix = [
        "env",
        "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1",
        "FAKETIME_NO_CACHE=1",
        "DONT_FAKE_MONOTONIC=1",
        "NO_FAKE_STAT=1",
        &format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
    ]
    .map(str::to_owned)
    .into();
    let next = house.beside("next");
    // By renaming, so that no half of it is ever read.
    let set = |offset: &str| fs::write(&next, offset).and_then(|()| fs::rename(&next, &clock)).expect("a clock");
    set("+0");
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let event = |event: &str| format!("{{\"ts\":{},\"event\":\"{event}\",\"phase\":\"p\"}}\n", now());
    append(&house.state, "a", &(event("run.started") + &event("phase.started")));
    house.start();
    // What libfaketime would share with children, and leaves behind.
    for name in ["faketime_shm_", "sem.faketime_sem_"] {
        fs::remove_file(format!("/dev/shm/{name}{}", house.process().pid())).expect("the clock is not faked");
    }
    house.converge(5);
    let client = Follower::start(house.process().port);
    client.check(&house);
    let is_healthy = |house: &House, offset: &str| {
        let run = house.get("/api/runs")["runs"][0].take();
        assert_eq!(run["status"], "running", "{offset}: {run}");
        assert!(run["duration_ms"].as_i64().is_some_and(|duration| duration >= 0), "{offset}: {run}");
        run["verdict"] == "healthy"
    };
    // Whose clock is a day ahead sees a run that was silent for a day; every jump back is one from there.
    for (offset, healthy) in [("+0", true), ("+1d", false), ("-1h", true), ("+0", true), ("-1s", true), ("+1d", false)]
    {
        set(offset);
        within(5, &format!("a verdict at {offset}"), || (is_healthy(&house, offset) == healthy).then_some(()));
        for path in ["/", "/runs", "/attention", "/health", "/runs/a", "/api/attention", "/api/health"] {
            assert_eq!(house.process().ask(path).map(|page| page.status), Some(200), "{path} at {offset}");
        }
        let before = client.messages("a");
        append(&house.state, "a", &event("step.started"));
        within(2, &format!("a message at {offset}"), || (client.messages("a") > before).then_some(()));
        house.converge(5);
        client.check(&house);
        house.check_alive();
    }
    drop(client);
    house.prefix.clear();
    house.check(5);
}

#[test]
fn t146_after_a_suspend_it_catches_up() {
    let mut house = House::started();
    append(&house.state, "a", &lines(0..5));
    append(&house.state, "gone", &lines(0..5));
    house.converge(5);
    house.process().signal("STOP");
    for n in 0..200 {
        append(&house.state, &format!("run-{n}"), &lines(0..3));
    }
    fs::write(house.state.join("a/run.log"), lines(50..60)).expect("a rewrite");
    fs::remove_dir_all(house.state.join("gone")).expect("rm -r");
    std::thread::sleep(Duration::from_secs(size(1, 600)));
    house.process().signal("CONT");
    house.converge(5);
    house.check(10);
}

#[test]
fn t147_without_standard_output_and_error_it_lives() {
    let mut house = House::new();
    append(&house.state, "a", &lines(0..5));
    // Both closed: nobody hears where it listens, so that is said before.
    let port = quiet_port();
    let mut command = behind(&["sh", "-c", "exec \"$@\" >&- 2>&-", "sh"].map(str::to_owned), &house.beside("home"));
    command.args(["serve", "-v", "--port", &port.to_string(), "--cache"]).arg(&house.cache).arg(&house.state);
    let mut child = command.spawn().expect("it starts");
    let is_read = || {
        let health = http::get(port, "/api/health").ok()?.json();
        assert_eq!(health["pid"], child.id(), "another server has this port");
        (health["lines"].as_u64() >= Some(5)).then_some(())
    };
    within(10, "an answer", is_read);
    append(&house.state, "b", &line(1));
    within(10, "its lines", || (http::get(port, "/api/health").ok()?.json()["lines"] == 6).then_some(()));
    child.kill().and_then(|()| child.wait()).expect("our own child");
    // Standard error is a full pipe that nobody reads.
    let pipe = house.beside("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut held = OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(&pipe).expect("a pipe");
    while held.write(&[b'x'; 4096]).is_ok() {}
    house.prefix =
        vec![String::from("sh"), String::from("-c"), format!("exec \"$@\" 2>{}", pipe.display()), String::from("sh")];
    house.options = vec![String::from("-vv")];
    house.start();
    for n in 0..400 {
        // Each is a word in its own log.
        append(&house.state, &format!("run-{n}"), &line(n));
    }
    house.converge(10);
    house.check(10);
}

#[test]
fn t148_it_starts_or_says_why_not_whatever_it_is_born_into() {
    let mut house = House::new();
    append(&house.state, "a", &lines(0..5));
    let home = house.beside("home");
    let open = |path: &std::path::Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    };
    let command = |prefix: &[&str]| {
        let prefix: Vec<String> = prefix.iter().map(|word| (*word).to_owned()).collect();
        let mut command = behind(&prefix, &home);
        command.args(["serve", "--port", "0"]).arg(&house.state).stdin(Stdio::null());
        command
    };
    let starts = |command: Command, what: &str| {
        let process = Process::start(command, &house.beside("stderr")).unwrap_or_else(|said| panic!("{what}: {said}"));
        let lines = || (http::get(process.port, "/api/health").ok()?.json()["lines"] == 5).then_some(());
        within(10, what, lines);
        let health = http::get(process.port, "/api/health").expect("health").json();
        assert!(!process.said().contains("panicked"), "{what}: {}", process.said());
        health["cache_problem"].as_str().map(str::to_owned)
    };
    let with = |name: &str, value: &str| {
        let mut command = command(&[]);
        command.env(name, value);
        command
    };
    assert_eq!(starts(with("LANG", "C"), "LANG=C"), None);
    assert_eq!(starts(with("LC_ALL", "xx_YY.bad"), "a locale that is none"), None);
    assert_eq!(starts(with("TZ", "Nowhere/Odd:!"), "a time zone that is none"), None);
    assert_eq!(starts(command(&["setsid"]), "no terminal"), None);
    // No home: the cache has no place, or the one of the user's entry.
    let mut homeless = command(&[]);
    homeless.env_remove("HOME").env("XDG_CACHE_HOME", house.beside("elsewhere"));
    assert_eq!(starts(homeless, "no HOME and a place for caches"), None);
    let mut homeless = command(&[]);
    homeless.env("HOME", "");
    match Process::start(homeless, &house.beside("stderr")) {
        Ok(_) => {}
        Err(said) => assert!(said.starts_with("exit status: 2") && said.contains("--cache"), "{said}"),
    }
    // A home that cannot be written, and a user without an entry.
    let mut prefix: Vec<&str> = Vec::new();
    if rustix::process::geteuid().is_root() {
        needs("setpriv", "util-linux");
        prefix = vec!["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"];
    }
    fs::remove_dir_all(&home).expect("rm -r");
    fs::create_dir(&home).expect("mkdir");
    open(&house.beside(""), 0o755);
    open(&home, 0o555);
    let said = starts(command(&prefix), "a read-only home").expect("a word");
    assert!(said.contains("memory"), "{said}");
    open(&home, 0o777);
    assert_eq!(starts(command(&prefix), "a user without an entry"), None);
    house.start();
    house.check(5);
}

#[test]
fn t130_sustained_load_loses_nothing() {
    let mut house = House::started();
    let writers: Vec<_> = (0..size(4, 200)).map(|n| Writing::begin(&house.state, &format!("run-{n}"))).collect();
    let began = Instant::now();
    let mut samples = 0;
    while samples < 10 || began.elapsed() < Duration::from_secs(size(2, 600)) {
        house.check_alive();
        samples += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(writers);
    house.check(20);
}
