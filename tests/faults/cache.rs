//! Rows of spec 5.4.4: the cache file and what happens to it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rusqlite::Connection;

use crate::house::House;
use crate::process::within;
use crate::size;
use crate::support::append;
use crate::tail::{bulk, line, lines};

/// Three runs, read and closed properly.
fn filled() -> House {
    let house = House::started();
    append(&house.state, "a", &lines(0..300));
    append(&house.state, "b", &bulk(0..3000));
    append(&house.state, "c/d", &lines(0..20));
    house.converge(10);
    house
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).expect("the cache");
    file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes)).expect("a write");
}

fn junk(length: usize) -> Vec<u8> {
    (0..length as u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

type Harm = fn(&Path);

/// Ways to damage a cache.
const HARMS: &[(&str, Harm)] = &[
    ("header", |db| overwrite(db, 0, &junk(100))),
    ("one page", |db| overwrite(db, 8192 * 3, &junk(8192))),
    ("100 bytes", |db| {
        let length = fs::metadata(db).expect("the cache").len();
        for n in 1..=100 {
            overwrite(db, length * n / 101, &junk(1));
        }
    }),
    ("half of it", |db| {
        let length = fs::metadata(db).expect("the cache").len();
        File::options().write(true).open(db).and_then(|db| db.set_len(length / 2)).expect("truncate");
    }),
    ("nothing of it", |db| drop(File::create(db).expect("truncate"))),
    ("a write-ahead log of junk", |db| fs::write(db.with_extension("db-wal"), junk(40_000)).expect("a write")),
    ("stale shared memory", |db| fs::write(db.with_extension("db-shm"), junk(32_768)).expect("a write")),
];

/// Before the harm it is stopped, in the long run also killed.
fn ended() -> &'static [bool] {
    if crate::is_long() { &[false, true] } else { &[false] }
}

#[test]
fn t81_a_damaged_cache_is_noticed_and_made_again() {
    for (what, harm) in HARMS {
        for killed in ended() {
            let mut house = filled();
            if *killed {
                house.kill()
            } else {
                house.stop()
            }
            harm(&house.cache);
            append(&house.state, "a", &line(7));
            house.try_start().unwrap_or_else(|said| panic!("{what}, killed: {killed}: {said}"));
            house.converge(10);
            house.check_running();
            let directory = house.cache.parent().expect("a directory");
            let names = fs::read_dir(directory).expect("a listing").map(|entry| entry.expect("an entry").file_name());
            let kept = names.filter(|name| name.to_string_lossy().contains("corrupt")).count();
            assert!(kept <= 1, "{what}: {kept} copies are kept");
            if *what == "header" || *what == "half of it" {
                assert_eq!(kept, 1, "{what}, killed: {killed}");
                let said = house.health()["cache_problem"].as_str().unwrap_or_default().to_owned();
                assert!(said.contains("damaged"), "{what}: {said}");
                assert!(
                    house.process().ask("/").expect("a page").body.contains("damaged"),
                    "{what}: the page is silent"
                );
            }
        }
    }
}

#[test]
fn t81b_a_cache_that_is_damaged_while_it_is_in_use_ends_nobody_and_the_next_start_is_right() {
    for (what, harm) in &HARMS[..4] {
        let mut house = filled();
        harm(&house.cache);
        append(&house.state, "a", &lines(300..310));
        append(&house.state, "new", &lines(0..10));
        within(5, "an answer", || house.try_get("/api/health"));
        // Damage that nobody meets stays unseen until the next start; what is shown is right in any case.
        house.converge(10);
        house.check_alive();
        house.kill();
        house.try_start().unwrap_or_else(|said| panic!("{what}: {said}"));
        house.converge(10);
        house.check_running();
    }
}

#[test]
fn t80_a_torn_copy_of_the_cache_is_opened_or_made_again() {
    for suffixes in [&[""][..], &["", "-wal"]] {
        let mut house = House::started();
        append(&house.state, "a", &lines(0..100));
        house.converge(5);
        let copy = house.beside("copy");
        fs::create_dir(&copy).expect("mkdir");
        house.process().signal("STOP");
        for suffix in suffixes {
            let name = format!("wheelwatch.db{suffix}");
            let from = house.cache.with_file_name(&name);
            if from.exists() {
                fs::copy(&from, copy.join(&name)).expect("a copy");
            }
        }
        house.process().signal("CONT");
        house.stop();
        append(&house.state, "a", &lines(100..110));
        house.cache = copy.join("wheelwatch.db");
        house.start();
        house.check(10);
    }
}

#[test]
fn t83_a_cache_of_another_version_is_made_again() {
    for version in [1, 9999] {
        let mut house = filled();
        house.stop();
        let cache = Connection::open(&house.cache).expect("the cache");
        cache.pragma_update(None, "user_version", version).expect("a version");
        drop(cache);
        house.start();
        house.check(10);
    }
}

#[test]
fn t83b_a_cache_that_was_made_in_another_way_is_made_again() {
    let ways: [&[&str]; 4] =
        [&["--log-name", "*.jsonl"], &["--depth", "1"], &["--max-line", "60"], &["--naive-time", "local"]];
    for way in ways {
        let mut house = filled();
        append(&house.state, "naive", "{\"ts\":\"2026-06-02T10:00:00\",\"event\":\"run.started\"}\n");
        fs::write(house.state.join("naive/x.jsonl"), line(1)).expect("another log");
        house.converge(5);
        house.stop();
        house.options = way.iter().map(|word| (*word).to_owned()).collect();
        house.start();
        within(10, "the other way", || {
            let health = house.health();
            (health["settled"] == true && health["backlog_bytes"] == 0).then_some(())
        });
        let other = within(10, "a dump", || house.dump());
        house.stop();
        house.forget_the_cache();
        house.start();
        within(10, &format!("what a new cache says with {way:?}"), || (house.dump()? == other).then_some(()));
        house.stop();
        house.options.clear();
        house.start();
        house.check(10);
    }
    // Another state directory.
    let mut house = filled();
    house.stop();
    fs::rename(&house.state, house.beside("old")).expect("a rename");
    std::os::unix::fs::symlink(house.beside("old"), house.beside("other")).expect("a link");
    fs::create_dir(&house.state).expect("mkdir");
    append(&house.state, "z", &line(1));
    house.named = Some(house.beside("other"));
    house.start();
    within(10, "the other directory", || (house.total() == 3).then_some(()));
    house.stop();
    house.named = None;
    house.start();
    house.check(10);
    assert!(house.run("a").is_none(), "a run of another state directory");
}

#[test]
fn t86_without_a_place_for_the_cache_it_goes_on_in_memory_and_says_so() {
    let mut house = House::new();
    append(&house.state, "a", &lines(0..5));
    fs::write(house.beside("file"), "x").expect("a file");
    house.cache = house.beside("file/x/wheelwatch.db");
    house.start();
    let said = house.health()["cache_problem"].as_str().expect("a word").to_owned();
    assert!(said.contains("memory"), "{said}");
    assert!(house.process().ask("/").expect("a page").body.contains("memory"), "no banner");
    append(&house.state, "a", &lines(5..9));
    house.converge(5);
    house.check_running();
    assert_eq!(fs::read(house.beside("file")).expect("a file"), b"x");
}

#[test]
fn t86b_so_it_does_when_the_directory_is_read_only() {
    let mut house = House::new().with_a_stranger();
    append(&house.state, "a", &lines(0..5));
    let directory = house.beside("closed");
    fs::create_dir(&directory).expect("mkdir");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).expect("chmod");
    house.cache = directory.join("wheelwatch.db");
    house.start();
    assert!(house.health()["cache_problem"].as_str().is_some_and(|said| said.contains("memory")));
    append(&house.state, "a", &lines(5..9));
    house.converge(5);
    house.check_running();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("chmod");
}

#[test]
fn t87_a_cache_below_the_state_directory_is_refused() {
    let mut house = House::new();
    append(&house.state, "a", &line(1));
    symlink(&house.state, house.beside("link")).expect("a link");
    let list = |house: &House| fs::read_dir(&house.state).expect("a listing").count();
    for cache in ["state/x.db", "state/new/x.db", "link/x.db", "home/../state/a/x.db"] {
        house.cache = house.beside(cache);
        let said = house.try_start().expect_err(cache);
        assert!(said.starts_with("exit status: 2"), "{cache}: {said}");
        assert_eq!((list(&house), fs::read_dir(house.state.join("a")).expect("a listing").count()), (1, 1), "{cache}");
    }
}

#[test]
fn t88_the_second_on_one_cache_ends_with_3_and_names_the_first() {
    let mut house = filled();
    let mut second = House::new();
    second.state.clone_from(&house.state);
    second.cache.clone_from(&house.cache);
    let said = second.try_start().expect_err("the cache is in use");
    assert!(said.starts_with("exit status: 3"), "{said}");
    assert!(said.contains(&house.process().pid().to_string()), "{said}");
    append(&house.state, "a", &line(1));
    house.converge(5);
    house.kill();
    second.start();
    second.converge(5);
    second.check_running();
}

#[test]
fn t89_two_with_a_cache_each_are_both_right() {
    let mut house = filled();
    let mut second = House::new();
    second.state.clone_from(&house.state);
    second.start();
    append(&house.state, "a", &lines(300..320));
    append(&house.state, "e", &lines(0..3));
    house.converge(5);
    second.converge(5);
    assert_eq!(house.dump(), second.dump());
    house.check(5);
    second.check_running();
}

#[test]
fn t90_a_cache_that_is_deleted_or_replaced_while_it_is_in_use_ends_nobody() {
    for is_replaced in [false, true] {
        let mut house = filled();
        for suffix in ["", "-wal", "-shm"] {
            let path = house.cache.with_file_name(format!("wheelwatch.db{suffix}"));
            let _ = fs::remove_file(&path);
        }
        if is_replaced {
            let other = Connection::open(house.beside("other.db")).expect("a database");
            other.execute_batch("CREATE TABLE x(y); INSERT INTO x VALUES (1);").expect("a table");
            drop(other);
            fs::rename(house.beside("other.db"), &house.cache).expect("a rename");
        }
        append(&house.state, "a", &lines(300..303));
        within(5, "a word about the cache", || {
            house.health()["cache_problem"].as_str().filter(|said| said.contains("taken away")).map(str::to_owned)
        });
        append(&house.state, "new", &lines(0..3));
        house.converge(5);
        house.check_alive();
        house.kill();
        let other = is_replaced.then(|| fs::read(&house.cache).expect("the other file"));
        house.start();
        if let Some(other) = other {
            let aside = house.cache.with_extension("db.corrupt");
            assert_eq!(fs::read(aside).expect("the other file is kept"), other);
        }
        house.check(10);
    }
}

#[test]
fn t92_the_cache_is_for_its_owner_alone() {
    let mut house = House::new();
    append(&house.state, "a", &line(1));
    // Started with no umask at all, on files that are open to everybody.
    house.prefix = ["sh", "-c", "umask 000; exec \"$@\"", "sh"].map(str::to_owned).into();
    fs::create_dir(house.cache.parent().expect("a directory")).expect("mkdir");
    File::create(&house.cache).and_then(|file| file.set_permissions(fs::Permissions::from_mode(0o644))).expect("chmod");
    house.start();
    house.converge(5);
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let directory = house.cache.parent().expect("a directory");
    assert_eq!(mode(directory), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(directory).expect("a listing") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files >= 3, "only {files} files");
    house.check(5);
}

#[test]
fn t96_another_program_that_locks_the_cache_holds_up_no_page() {
    let mut house = filled();
    let other = Connection::open(&house.cache).expect("the cache");
    other.execute_batch("BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS intruder(x);").expect("a lock");
    append(&house.state, "a", &lines(300..310));
    append(&house.state, "new", &lines(0..3));
    within(15, "a word about the cache", || {
        assert_eq!(house.process().ask("/").map(|page| page.status), Some(200));
        house.health()["cache_problem"].as_str().map(str::to_owned)
    });
    other.execute_batch("ROLLBACK").expect("the lock goes");
    drop(other);
    house.converge(10);
    within(10, "the word to go", || house.health()["cache_problem"].is_null().then_some(()));
    house.check(10);
}

#[test]
fn t143_a_port_that_is_taken_or_not_ours_ends_with_4() {
    let mut house = House::new();
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    house.options = vec![String::from("--port"), port.clone()];
    let said = house.try_start_without_port().expect_err("the port is in use");
    assert!(said.starts_with("exit status: 4") && said.contains(&port), "{said}");
    // One that only root may have.
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").expect("/proc");
    let privileged = first.trim().parse::<u16>().expect("a number") - 1;
    let mut house = House::new().with_a_stranger();
    house.options = vec![String::from("--port"), privileged.to_string()];
    let said = house.try_start_without_port().expect_err("the port needs privileges");
    assert!(said.starts_with("exit status: 4") && said.contains("needs privileges"), "{said}");
}

#[test]
fn t76_the_database_library_is_none_that_loses_data() {
    let house = House::started();
    let version = house.health()["sqlite_version"].as_str().expect("a version").to_owned();
    let parts: Vec<u32> = version.split('.').map(|part| part.parse().expect("a number")).collect();
    assert!(parts >= vec![3, 51, 3], "{version}");
}

#[test]
fn t91_a_client_that_does_not_read_its_answer_holds_up_no_checkpoint() {
    let mut house = House::new();
    for run in 0..size(20, 100) {
        append(&house.state, &format!("run-{run}"), &lines(0..size(500, 5_000)));
    }
    house.start();
    house.converge(20);
    // Large answers of which nobody reads more than the first bytes.
    let ask = |path: &str| {
        let mut socket = TcpStream::connect(("127.0.0.1", house.process().port)).expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", house.process().port);
        socket.write_all(request.as_bytes()).expect("a request");
        socket.read_exact(&mut [0; 16]).expect("the answer begins");
        socket
    };
    let stalled: Vec<_> = (0..4).map(|_| ask("/api/dump")).collect();
    for round in 0..size(20, 3_000) {
        append(&house.state, "run-0", &bulk(round * 500..(round + 1) * 500));
        let wal = house.health()["wal_bytes"].as_u64().unwrap_or(0);
        assert!(wal <= 64 << 20, "the write-ahead log has {wal} bytes");
    }
    house.converge(20);
    // Every page can be copied back: no read transaction is held.
    let cache = Connection::open(&house.cache).expect("the cache");
    within(10, "a whole checkpoint", || {
        let look = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let (busy, log, copied) = cache.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], look).ok()?;
        (busy == 0 && log == copied).then_some(())
    });
    drop(cache);
    drop(stalled);
    house.check(20);
}

#[test]
fn t94_names_and_values_are_data_and_no_sql() {
    let mut house = House::started();
    let names = ["'); DROP TABLE run; --", "a%b", "a_b", "axb", "\"quoted\"", "back\\slash", "%"];
    for name in names {
        append(&house.state, name, "{\"event\":\"run.started\",\"workflow\":\"'; DELETE FROM log; --\"}\n");
    }
    house.converge(5);
    let total = |query: &str| house.get(&format!("/api/runs?{query}"))["total"].as_u64();
    assert_eq!(total("limit=100"), Some(7));
    // Keys have their strange bytes as %XX, so each of them has a percent sign but these two.
    assert_eq!(total("q=a_b"), Some(1), "_ is no wildcard");
    assert_eq!(total("q=a%25b"), Some(0), "% is no wildcard");
    assert_eq!(total("q=%25"), Some(5), "% is itself");
    assert_eq!(total("workflow=%27%3B%20DELETE%20FROM%20log%3B%20--"), Some(7));
    for query in ["q=%27%29%3B%20DROP%20TABLE%20run%3B--", "workflow=%27%20OR%201=1--", "phase=%22", "source=%27"] {
        assert_eq!(total(query), Some(0), "{query}");
    }
    house.check(5);
}
