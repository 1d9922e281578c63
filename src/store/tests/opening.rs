//! What is found at the place of a cache, and what becomes of it (spec 5.2, 5.4.4).

use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

use super::*;
use crate::store::reader::Lists;

const LOG: &str = "{\"ts\":\"2026-06-02T10:00:00Z\",\"event\":\"run.started\"}\n";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A cache with one run, closed properly.
fn with_one_run() -> Place {
    let place = Place::new();
    write_whole(&place.open(), "run-1", 1, LOG);
    place
}

/// Whether the cache was kept, and what it says is wrong.
fn reopen(place: &Place) -> (bool, Option<String>) {
    let store = place.open();
    (store.reader.run("run-1", Lists::All).unwrap().is_some(), store.live.status().cache_problem)
}

#[test]
fn a_cache_that_was_closed_is_opened_again_as_it_was() {
    let place = with_one_run();
    assert_eq!(reopen(&place), (true, None));
    // The file itself stays while somebody still reads.
    let length = std::fs::metadata(place::beside(&place.cache(), "-wal")).map_or(0, |meta| meta.len());
    assert_eq!(length, 0, "the write-ahead log is copied back on close");
    assert_eq!(ask::<String>(&place.cache(), "PRAGMA journal_mode"), "wal");
    assert_eq!(ask::<i64>(&place.cache(), "PRAGMA page_size"), 8192);
}

#[test]
fn a_cache_reaches_the_disk_also_when_it_was_just_made_and_its_writer_has_room() {
    let place = Place::new();
    for _ in 0..2 {
        let opened = open::open(&place.cache(), open::user_version(""), false).unwrap();
        let ask = |what| opened.connection.query_row(what, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((ask("PRAGMA synchronous"), ask("PRAGMA cache_size")), (1, -4_000), "NORMAL");
        assert_eq!(opened.problem, None);
    }
    let (connection, _) = open::memory().unwrap();
    assert_eq!(connection.query_row("PRAGMA cache_size", [], |row| row.get::<_, i64>(0)).unwrap(), -4_000);
}

#[test]
fn the_cache_belongs_to_its_owner_alone() {
    let place = Place::new();
    let store = place.open();
    write_whole(&store, "run-1", 1, LOG);
    let cache = place.cache();
    assert_eq!(mode(cache.parent().unwrap()), 0o700);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        assert_eq!(mode(&place::beside(&cache, suffix)), 0o600, "{suffix}");
    }
    drop(store);
    for suffix in ["", ".lock"] {
        std::fs::set_permissions(place::beside(&cache, suffix), PermissionsExt::from_mode(0o644)).unwrap();
    }
    std::fs::set_permissions(cache.parent().unwrap(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(reopen(&place), (true, None));
    assert_eq!((mode(&cache), mode(&place::beside(&cache, ".lock"))), (0o600, 0o600));
    assert_eq!(mode(cache.parent().unwrap()), 0o700);
}

#[test]
fn a_directory_that_holds_other_things_keeps_its_mode() {
    let place = Place::new();
    let directory = place.cache().parent().unwrap().to_owned();
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(directory.join("thesis.txt"), "").unwrap();
    drop(place.open());
    assert_eq!(mode(&directory), 0o755);
}

#[test]
fn a_cache_has_one_writer_and_the_second_is_told_which() {
    let place = Place::new();
    let store = place.open();
    match open(&place.cache(), &[], "") {
        Err(StoreError::InUse { path, pid }) => {
            assert_eq!((path, pid), (store.path.clone().unwrap(), std::process::id()));
        }
        other => panic!("{other:?}"),
    }
    write_whole(&store, "run-1", 1, LOG);
    let reader = open_reader(&place.cache(), "").unwrap();
    assert!(reader.run("run-1", Lists::None).unwrap().is_some(), "readers of other processes are welcome");
    drop(store);
    assert!(reader.run("run-1", Lists::None).unwrap().is_some());
    assert_eq!(reopen(&place), (true, None));
}

/// The cache and its lock file as a process that is killed now would leave them.
fn as_if_killed(place: &Place) -> Place {
    let left = Place::new();
    std::fs::create_dir(left.cache().parent().unwrap()).unwrap();
    for suffix in ["", ".lock"] {
        std::fs::copy(place::beside(&place.cache(), suffix), place::beside(&left.cache(), suffix)).unwrap();
    }
    left
}

#[test]
fn a_cache_that_is_made_alone_is_asked_when_it_is_whole_and_made_anew_when_it_never_was() {
    let place = Place::new();
    let store = open_alone(&place.cache(), &[], "").unwrap();
    write_whole(&store, "run-1", 1, LOG);
    assert!(!place::beside(&place.cache(), "-wal").exists(), "every byte is written once");
    match open_reader(&place.cache(), "") {
        Err(StoreError::Making { pid, .. }) => assert_eq!(pid, std::process::id()),
        other => panic!("{other:?}"),
    }
    let killed = as_if_killed(&place);
    assert_eq!(reopen(&killed), (false, None));
    assert!(open_reader(&killed.cache(), "").is_ok(), "it is whole again");
    write(&store, Write::Complete);
    let reader = open_reader(&place.cache(), "").unwrap();
    assert!(reader.run("run-1", Lists::None).unwrap().is_some());
    write_whole(&store, "run-2", 1, LOG);
    assert!(place::beside(&place.cache(), "-wal").exists());
    assert!(reader.run("run-2", Lists::None).unwrap().is_some(), "others may ask while more is written");
    drop((store, reader));
    assert_eq!(reopen(&place), (true, None));
}

#[test]
fn a_cache_that_is_made_alone_and_closed_before_it_is_whole_keeps_what_it_has() {
    let place = Place::new();
    let store = open_alone(&place.cache(), &[], "").unwrap();
    write_whole(&store, "run-1", 1, LOG);
    drop(store);
    assert_eq!(ask::<String>(&place.cache(), "PRAGMA journal_mode"), "wal");
    assert_eq!(reopen(&place), (true, None));
}

/// A cache with one run, made by a process that nobody asked meanwhile, and that is done.
fn made_alone() -> Place {
    let place = Place::new();
    let store = open_alone(&place.cache(), &[], "").unwrap();
    write_whole(&store, "run-1", 1, LOG);
    write(&store, Write::Complete);
    place
}

/// The `user_version` in the first bytes of a cache.
fn version_in(cache: &Path) -> i32 {
    match place::owner(cache, true).unwrap() {
        place::Owner::Ours(version) => version,
        other => panic!("{other:?}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_cache_that_was_made_alone_is_on_the_disk_after_its_next_writer_and_of_use_till_the_machine_starts_again() {
    let (place, wanted) = (made_alone(), open::user_version(""));
    let since_start = open::since_start(wanted).expect("Linux tells its starts apart");
    assert_ne!(since_start, wanted);
    assert!(open_reader(&place.cache(), "").unwrap().run("run-1", Lists::None).unwrap().is_some());
    assert_eq!(version_in(&place.cache()), since_start, "nobody waited for the disk");

    // As after another start of the machine, of which the version is another one.
    let later = as_if_killed(&place);
    let mut bytes = std::fs::read(later.cache()).unwrap();
    bytes[60..64].copy_from_slice(&(since_start ^ 2).to_be_bytes());
    std::fs::write(later.cache(), bytes).unwrap();
    assert!(open_reader(&later.cache(), "").is_err());
    assert_eq!(reopen(&later), (false, None));
    assert_eq!(version_in(&later.cache()), wanted);

    assert_eq!(reopen(&place), (true, None));
    assert_eq!(version_in(&place.cache()), wanted);
    assert_eq!(reopen(&place), (true, None));
}

#[test]
fn a_cache_is_not_said_to_be_on_the_disk_while_somebody_reads_what_was_before() {
    let (place, wanted) = (made_alone(), open::user_version(""));
    let opened = open::open(&place.cache(), wanted, false).unwrap();
    assert_eq!(opened.unsettled, open::since_start(wanted).is_some());
    opened.connection.busy_timeout(Duration::ZERO).unwrap();
    let reader = rusqlite::Connection::open(place.cache()).unwrap();
    opened.connection.execute_batch("UPDATE version_floor SET version = version").unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM run").unwrap();
    assert!(!open::settle(&opened.connection, wanted).unwrap());
    assert_eq!(version_in(&place.cache()), open::since_start(wanted).unwrap_or(wanted));
    reader.execute_batch("COMMIT").unwrap();
    assert!(open::settle(&opened.connection, wanted).unwrap());
    assert_eq!(version_in(&place.cache()), wanted);
}

#[test]
fn a_server_without_anything_to_do_waits_for_the_disk() {
    let (place, wanted) = (made_alone(), open::user_version(""));
    let idle = place.open();
    let began = Instant::now();
    while version_in(&place.cache()) != wanted {
        assert!(began.elapsed() < Duration::from_secs(60), "it never does");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(idle.reader.run("run-1", Lists::None).unwrap().is_some());
}

#[test]
fn a_cache_that_is_there_keeps_its_log_for_one_alone_too() {
    let place = with_one_run();
    let store = open_alone(&place.cache(), &[], "").unwrap();
    write_whole(&store, "run-2", 1, LOG);
    assert!(open_reader(&place.cache(), "").unwrap().run("run-2", Lists::None).unwrap().is_some());
}

#[test]
fn another_applications_file_is_refused_and_left_as_it_is() {
    let database = {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("other.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE precious (a); ").unwrap();
        std::fs::read(&path).unwrap()
    };
    for bytes in [database, b"my notes".to_vec()] {
        let place = Place::new();
        let cache = place.cache();
        std::fs::create_dir(cache.parent().unwrap()).unwrap();
        std::fs::write(&cache, &bytes).unwrap();
        assert!(matches!(open(&cache, &[], ""), Err(StoreError::Foreign { .. })));
        assert!(matches!(open_reader(&cache, ""), Err(StoreError::Foreign { .. })));
        assert_eq!(std::fs::read(&cache).unwrap(), bytes);
        assert_eq!(std::fs::read_dir(cache.parent().unwrap()).unwrap().count(), 1, "nothing was made beside it");
    }
}

#[test]
fn a_cache_of_another_version_is_made_again() {
    for version in [0, 1, 9999] {
        let place = with_one_run();
        let other = rusqlite::Connection::open(place.cache()).unwrap();
        other.pragma_update(None, "user_version", version).unwrap();
        other.close().unwrap();
        assert!(matches!(open_reader(&place.cache(), ""), Err(StoreError::Io { .. })));
        assert_eq!(reopen(&place), (false, None), "{version}");
        assert_eq!(reopen(&place), (false, None));
        assert!(!place::beside(&place.cache(), ".corrupt").exists());
    }
}

#[test]
fn a_cache_that_was_made_for_something_else_is_made_again() {
    let place = with_one_run();
    assert!(matches!(open_reader(&place.cache(), "other options"), Err(StoreError::Io { .. })));
    let store = open(&place.cache(), &[], "other options").unwrap();
    assert!(store.reader.run("run-1", Lists::All).unwrap().is_none());
    drop(store);
    assert!(open_reader(&place.cache(), "other options").is_ok());
    assert_eq!(reopen(&place), (false, None));
}

#[test]
fn a_damaged_cache_is_moved_aside_and_made_again() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 6] = [
        ("header", |bytes| bytes[..100].fill(7)),
        ("one page", |bytes| bytes[3 * 8192..4 * 8192].fill(0xa5)),
        ("one byte", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }),
        ("half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("schema", |bytes| {
            let at = bytes.windows(10).position(|window| window == b"TABLE span").unwrap();
            bytes[at..at + 10].copy_from_slice(b"TABLE spam");
        }),
        ("appended", |bytes| bytes.extend([0; 8192])),
    ];
    for (name, damage) in damages {
        let place = with_one_run();
        let cache = place.cache();
        let mut bytes = std::fs::read(&cache).unwrap();
        damage(&mut bytes);
        std::fs::write(&cache, &bytes).unwrap();
        let store = place.open();
        let problem = store.live.status().cache_problem.expect(name);
        assert!(problem.contains("is made again"), "{name}: {problem}");
        assert!(store.reader.run("run-1", Lists::All).unwrap().is_none(), "{name}");
        write_whole(&store, "run-1", 1, LOG);
        assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[("run-1", LOG)]), "{name}");
        drop(store);
        let aside = place::beside(&cache, ".corrupt");
        assert_eq!(std::fs::read(&aside).unwrap(), bytes, "{name}");
        assert_eq!(reopen(&place), (true, None), "{name}");
        assert_eq!(ask::<String>(&cache, "PRAGMA integrity_check"), "ok", "{name}");
    }
}

#[test]
fn damage_is_also_found_when_the_cache_was_never_closed() {
    let place = with_one_run();
    let cache = place.cache();
    // As a process that was killed leaves it.
    std::fs::write(place::beside(&cache, ".lock"), "wheelwatch cache lock\nin use by 1\n").unwrap();
    assert_eq!(reopen(&place), (true, None), "being killed is no damage");
    std::fs::write(place::beside(&cache, ".lock"), "wheelwatch cache lock\nin use by 1\n").unwrap();
    let mut bytes = std::fs::read(&cache).unwrap();
    bytes[3 * 8192..4 * 8192].fill(0xa5);
    std::fs::write(&cache, &bytes).unwrap();
    let (kept, problem) = reopen(&place);
    assert!(!kept && problem.unwrap().contains("damaged"));
}

#[test]
fn a_copy_that_came_without_its_log_opens() {
    let place = Place::new();
    let store = place.open();
    write_whole(&store, "run-1", 1, LOG);
    for with_log in [false, true] {
        let copy = Place::new();
        std::fs::create_dir(copy.cache().parent().unwrap()).unwrap();
        std::fs::copy(place.cache(), copy.cache()).unwrap();
        if with_log {
            std::fs::copy(place::beside(&place.cache(), "-wal"), place::beside(&copy.cache(), "-wal")).unwrap();
        }
        assert_eq!(reopen(&copy), (with_log, None), "what was committed last is in the log");
    }
}

#[test]
fn junk_beside_the_cache_does_no_harm() {
    let place = with_one_run();
    for suffix in ["-wal", "-shm"] {
        std::fs::write(place::beside(&place.cache(), suffix), [0x5a; 9000]).unwrap();
    }
    assert_eq!(reopen(&place), (true, None));
}

#[test]
fn an_empty_file_is_taken() {
    let place = with_one_run();
    std::fs::write(place.cache(), "").unwrap();
    assert!(!reopen(&place).0);
    assert_eq!(ask::<String>(&place.cache(), "PRAGMA integrity_check"), "ok");
}

#[test]
fn the_cache_never_lies_below_a_state_directory() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    std::fs::create_dir_all(base.join("state/run")).unwrap();
    symlink(base.join("state"), base.join("link")).unwrap();
    symlink("state/x.db", base.join("dangling.db")).unwrap();
    let roots = [base.join("elsewhere"), base.join("link")];
    for path in ["state/x.db", "state", "state/run/../x.db", "link/run/x.db", "none/../state/new/x.db", "dangling.db"] {
        let refused = open(&base.join(path), &roots, "");
        assert!(matches!(refused, Err(StoreError::BelowStateDir { .. })), "{path}: {refused:?}");
    }
    assert_eq!(std::fs::read_dir(base.join("state")).unwrap().count(), 1, "nothing was made");
    assert!(!base.join("none").exists());
    open(&base.join("state.db"), &roots, "").unwrap();
}

#[test]
fn without_a_place_the_cache_is_held_in_memory_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let store = open(&directory.path().join("file/below/x.db"), &[], "").unwrap();
    assert_eq!(store.path, None);
    assert!(store.live.status().cache_problem.unwrap().contains("in memory"));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let reader = store.reader.clone();
            std::thread::spawn(move || while reader.run("run-99", Lists::All).unwrap().is_none() {})
        })
        .collect();
    for n in 0..100 {
        write_whole(&store, &format!("run-{n}"), 1, LOG);
    }
    for reader in readers {
        reader.join().unwrap();
    }
    // Counts are told just after the commit.
    assert_eq!(store.reader.totals().unwrap().runs, 100);
    let other = open(&directory.path().join("file/below/x.db"), &[], "").unwrap();
    assert_eq!(other.reader.totals().unwrap().runs, 0, "each has its own");
}

#[test]
fn a_missing_cache_cannot_be_read() {
    let place = Place::new();
    assert!(matches!(open_reader(&place.cache(), ""), Err(StoreError::Io { .. })));
    assert!(!place.cache().exists());
}

#[test]
fn the_library_is_new_enough() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    let place = Place::new();
    assert_eq!(place.open().reader.sqlite_version().unwrap(), rusqlite::version());
}

#[test]
fn a_statement_is_compiled_once_whatever_is_bound_to_it() {
    let place = with_one_run();
    let connection = open::connect_reader(&Target::File(place::resolve(&place.cache()).unwrap())).unwrap();
    let sql = "SELECT run.key FROM log JOIN run ON run.number = log.number WHERE log.key = ?";
    for n in 0..10 {
        let mut statement = connection.prepare_cached(sql).unwrap();
        assert_eq!(statement.exists([format!("run-{n}")]).unwrap(), n == 1);
    }
    let statement = connection.prepare_cached(sql).unwrap();
    assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
}
