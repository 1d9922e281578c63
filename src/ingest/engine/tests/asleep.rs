//! Logs that sleep, step by step: what wakes them, and what is known of them meanwhile.

use super::super::super::place::{Kind, Look, Stat};
use super::super::asleep::{Sleep, Sleepers};
use super::*;

const END: &str = "{\"event\":\"run.completed\"}\n";

impl Bench {
    /// After a scan of some logs of runs that ended, of which only `awake` of the newest need be awake.
    fn ended(keys: &[&str], log_name: &str, awake: usize) -> Self {
        let mut bench = Self::begin_as(&[], log_name, Stage::All);
        bench.engine.scans.live_ended = awake;
        for key in keys {
            if log_name == LOG_NAME {
                fs::create_dir(bench.path(key)).expect("mkdir");
            }
            bench.append(key, LINE);
            bench.append(key, END);
        }
        bench.engine.tick(Instant::now());
        bench.settle();
        bench.sleep();
        bench
    }

    /// Lets sleep what may: not before its times say that it did not change since it was read.
    fn sleep(&mut self) {
        let began = Instant::now();
        while self.engine.table.iter().any(|(_, tracked)| tracked.cursor.doubt) {
            assert!(began.elapsed() < PATIENCE, "a doubt stays");
            std::thread::sleep(Duration::from_millis(50));
            self.scan();
        }
        // What was read just now is live until the next one.
        self.scan();
        self.store.writer.flush().expect("a commit");
        self.engine.doze();
    }

    fn is_asleep(&self, key: &str) -> bool {
        assert!(self.engine.table.get(key).is_none() || self.engine.table.asleep.get(key).is_none(), "either or");
        self.engine.table.asleep.get(key).is_some()
    }

    fn asleep(&self, keys: &[&str]) -> usize {
        keys.iter().filter(|key| self.is_asleep(key)).count()
    }

    /// The row of a log in the cache.
    fn row(&self, key: &str) -> Option<crate::store::LogRow> {
        self.store.writer.flush().expect("a commit");
        self.store.reader.logs().expect("the logs").into_iter().find(|log| log.key == key)
    }

    fn log_path(&self, key: &str) -> PathBuf {
        self.path(key).join(LOG_NAME)
    }

    /// The same cache and logs in a new process.
    fn restart(self) -> Self {
        self.store.writer.flush().expect("a commit");
        let Self { home, engine, store } = self;
        let (writer, reader, live) = (store.writer.clone(), store.reader.clone(), store.live.clone());
        let (source, ended) = (engine.source.clone(), engine.scans.live_ended);
        drop(engine);
        let mut engine = Engine::new(source, writer, reader, live, Stage::All).expect("an engine");
        engine.scans.live_ended = ended;
        Self { home, engine, store }
    }
}

const LOGS: [&str; 5] = ["a", "b", "c", "d", "e"];

#[test]
fn what_ended_sleeps_when_there_is_more_of_it_than_is_live_and_wakes_when_it_grows() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    assert_eq!(bench.asleep(&LOGS), 4);
    assert_eq!((bench.engine.table.len(), bench.engine.table.awake()), (5, 1));
    let asleep = LOGS.into_iter().find(|key| bench.is_asleep(key)).expect("one that sleeps");
    // Neither a scan that tells of all nor one that tells of changes finds anything.
    let read = bench.engine.read;
    assert_eq!((0..10).filter(|_| bench.scan()).count(), 1);
    assert_eq!((bench.asleep(&LOGS), bench.engine.read), (4, read));
    let end = bench.row(asleep).expect("a row").cursor.offset;
    bench.append(asleep, LINE);
    bench.scan();
    assert_eq!(bench.log(asleep).cursor.offset, end + LINE.len() as u64);
    assert_eq!(bench.row(asleep).expect("a row").cursor.offset, end + LINE.len() as u64);
    assert_eq!(bench.engine.read, read + LINE.len() as u64, "what was read is not read again");
}

#[test]
fn after_a_restart_what_ended_sleeps_until_it_is_live_or_changed() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 2).restart();
    assert_eq!(bench.asleep(&LOGS), 5, "nothing is to be done about any");
    assert!(LOGS.iter().all(|key| bench.row(key).is_some_and(|row| !row.cursor.doubt)));
    bench.engine.tick(Instant::now());
    bench.settle();
    assert_eq!((bench.asleep(&LOGS), bench.engine.read), (3, 0));
    let live: Vec<_> = LOGS.into_iter().filter(|key| !bench.is_asleep(key)).collect();
    assert!(live.iter().all(|key| bench.engine.scans.live.contains(*key)));
    // Who vanishes makes room for the next.
    fs::remove_dir_all(bench.path(live[0])).expect("rm -r");
    assert!(!bench.scan() && bench.scan());
    assert_eq!((bench.asleep(&LOGS), bench.log(live[0]).gone), (2, true));
    // A log that is open is awake from the beginning of the next one: it is live.
    let asleep = LOGS.into_iter().find(|key| bench.is_asleep(key)).expect("one that sleeps");
    fs::write(bench.log_path(asleep), LINE).expect("a write");
    let mut bench = bench.restart();
    bench.engine.tick(Instant::now());
    bench.settle();
    assert!(!bench.is_asleep(asleep) && !bench.log(asleep).ended);
    assert_eq!(bench.row(asleep).expect("a row").cursor.generation, 2, "it was replaced");
    // One that may have changed since without a sign of it is awake.
    assert!(bench.log(asleep).cursor.doubt);
    let bench = bench.restart();
    assert!(!bench.is_asleep(asleep) && bench.engine.table.awake() < LOGS.len());
}

#[test]
fn a_log_that_vanishes_while_it_sleeps_is_gone_and_one_that_was_renamed_is_the_same() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    let asleep: Vec<_> = LOGS.into_iter().filter(|key| bench.is_asleep(key)).collect();
    let (lost, renamed) = (asleep[0], asleep[1]);
    let elsewhere = bench.home.path().join("elsewhere");
    fs::rename(bench.path(lost), &elsewhere).expect("mv");
    fs::rename(bench.path(renamed), bench.path("new")).expect("mv");
    assert!(!bench.scan(), "the number of logs is the same");
    bench.engine.scans.tell_of_all();
    assert!(bench.scan());
    assert!(bench.log(lost).gone && bench.row(lost).expect("a row").gone);
    assert!(bench.row(renamed).is_none() && bench.row("new").is_some(), "its rows went with its name");
    // What is gone sleeps, too.
    bench.sleep();
    assert!(bench.is_asleep(lost) && bench.asleep(&["new"]) <= 1);
    fs::rename(&elsewhere, bench.path("back")).expect("mv");
    bench.scan();
    assert!(bench.row(lost).is_none() && bench.row("back").is_some());
    assert!(bench.engine.table.get(lost).is_none() && !bench.is_asleep(lost));
}

#[test]
fn a_log_that_was_gone_while_it_slept_is_back_though_it_looks_the_same() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    let asleep: Vec<_> = LOGS.into_iter().filter(|key| bench.is_asleep(key)).collect();
    let lost = asleep[0];
    let elsewhere = bench.home.path().join("elsewhere");
    fs::rename(bench.path(lost), &elsewhere).expect("mv");
    fs::remove_dir_all(bench.path(asleep[1])).expect("rm -r");
    assert!(!bench.scan() && bench.scan() && bench.log(lost).gone);
    bench.sleep();
    assert_eq!(bench.asleep(&asleep[..2]), 2);
    fs::rename(&elsewhere, bench.path(lost)).expect("mv");
    bench.scan();
    assert!(!bench.row(lost).expect("a row").gone);
}

#[test]
fn a_heir_that_sleeps_by_now_is_found() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    let heir = LOGS.into_iter().find(|key| bench.is_asleep(key)).expect("one that sleeps");
    bench.engine.awake(heir).expect("a cache");
    // As if it had been moved from where nobody could look until now.
    let mut old = bench.log(heir).clone();
    (old.below, old.seen) = (Arc::from(Path::new("old/run.log")), 0);
    LOGS.iter().for_each(|key| drop(bench.engine.awake(key)));
    bench.engine.doze();
    assert!(bench.is_asleep(heir));
    bench.engine.table.insert(Arc::from("old"), old);
    bench.engine.scans.tell_of_all();
    assert!(bench.scan() && bench.engine.table.get("old").is_none());
}

#[test]
fn who_follows_logs_lets_them_sleep() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    LOGS.iter().for_each(|key| drop(bench.engine.awake(key)));
    assert_eq!(bench.asleep(&LOGS), 0);
    // Before the first message, which ends it.
    bench.engine.sender.send(Message::Stop).expect("an inbox");
    bench.engine.follow().expect("a cache");
    assert_eq!(bench.asleep(&LOGS), 4);
}

#[test]
fn what_is_gone_is_not_live_however_new_it_was() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    let newest = LOGS.into_iter().find(|key| !bench.is_asleep(key)).expect("one that is live");
    let other = LOGS.into_iter().find(|key| bench.is_asleep(key)).expect("one that sleeps");
    let log = fs::File::options().append(true).open(bench.log_path(newest)).expect("a log");
    log.set_modified(std::time::SystemTime::now() + PATIENCE).expect("a time");
    bench.scan();
    bench.sleep();
    [newest, other].iter().for_each(|key| fs::remove_dir_all(bench.path(key)).expect("rm -r"));
    assert!(!bench.scan() && bench.scan());
    bench.store.writer.flush().expect("a commit");
    bench.engine.doze();
    assert_eq!(bench.asleep(&[newest, other]), 2);
    bench.scan();
    assert_eq!((bench.asleep(&[newest, other]), bench.asleep(&LOGS)), (2, 4));
}

#[test]
fn what_is_not_written_yet_stays_awake() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    LOGS.iter().for_each(|key| drop(bench.engine.awake(key)));
    // Somebody else writes to the cache for so long that the row of a log that grew must wait.
    let other = rusqlite::Connection::open(bench.home.path().join("cache/runs.db")).expect("the cache");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    bench.append("a", LINE);
    bench.append("a", END);
    while bench.engine.desk.writer.is_done() {
        bench.scan();
    }
    bench.engine.table.change("a", |tracked| tracked.cursor.doubt = false);
    bench.engine.doze();
    assert_eq!(bench.asleep(&LOGS), 0);
    other.execute_batch("ROLLBACK").expect("no lock");
    bench.store.writer.flush().expect("a commit");
    bench.engine.doze();
    assert_eq!(bench.asleep(&LOGS), 3, "all but the live one and the one that was read just now");
}

#[test]
fn something_else_in_the_place_of_a_log_that_sleeps_is_a_problem() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    let asleep = LOGS.into_iter().find(|key| bench.is_asleep(key)).expect("one that sleeps");
    fs::remove_file(bench.log_path(asleep)).expect("rm");
    std::os::unix::fs::symlink("/dev/null", bench.log_path(asleep)).expect("ln -s");
    bench.scan();
    let problem = bench.row(asleep).and_then(|row| row.problem).expect("a problem");
    assert_eq!(problem.code, "not_regular");
}

#[test]
fn with_a_glob_a_log_that_sleeps_is_known_by_its_name() {
    let names = ["a.jsonl", "b.jsonl", "c.log", "d.log"];
    let mut bench = Bench::ended(&names, "*.{jsonl,log}", 1);
    let keys = ["a", "b", "c", "d"];
    assert_eq!(bench.asleep(&keys), 3);
    let asleep = (0..4).find(|n| bench.is_asleep(keys[*n])).expect("one that sleeps");
    let below = Path::new(names[asleep]);
    // As it is heard when it is written to.
    assert_eq!(bench.engine.key_of(0, Path::new("a.other")), None);
    assert_eq!(bench.engine.key_of(0, below).as_deref(), Some(keys[asleep]));
    assert!(!bench.is_asleep(keys[asleep]));
    assert_eq!(*bench.log(keys[asleep]).below, *below);
    // Which file it is shows when it is found.
    let mut bench = bench.restart();
    assert_eq!((bench.asleep(&keys), bench.engine.table.awake()), (0, 4));
    bench.engine.tick(Instant::now());
    bench.settle();
    bench.sleep();
    assert_eq!((bench.asleep(&keys), bench.engine.read), (3, 0));
}

#[test]
fn what_is_not_as_the_cache_has_it_stays_awake() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    let asleep: Vec<_> = LOGS.into_iter().filter(|key| bench.is_asleep(key)).collect();
    asleep.iter().for_each(|key| drop(bench.engine.awake(key)));
    assert_eq!(bench.asleep(&LOGS), 0);
    let changes: [fn(&mut Tracked); 4] = [
        |tracked| tracked.lacks_rows = true,
        |tracked| tracked.cursor.doubt = true,
        |tracked| tracked.size += 1,
        |tracked| tracked.work = Work::Queued,
    ];
    for (key, change) in asleep.iter().zip(changes) {
        bench.engine.table.change(key, change);
    }
    bench.engine.doze();
    assert_eq!(bench.asleep(&LOGS), 0);
    bench.engine.table.change(asleep[1], |tracked| tracked.cursor.doubt = false);
    bench.engine.doze();
    assert_eq!(bench.asleep(&LOGS), 1);
}

#[test]
fn a_row_that_is_not_in_the_cache_any_more_wakes_nobody() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    let asleep = LOGS.into_iter().find(|key| bench.is_asleep(key)).expect("one that sleeps");
    let number = bench.engine.table.asleep.get(asleep).expect("it sleeps").number;
    bench.store.writer.send(Write::Remove(asleep.to_owned())).expect("a write");
    bench.store.writer.flush().expect("a commit");
    assert_eq!(bench.engine.awaken(number).expect("a cache"), None);
    assert!(!bench.is_asleep(asleep));
    assert!(bench.scan(), "it tells of all logs");
    assert!(bench.row(asleep).is_some(), "it is found like a new one");
}

#[test]
fn a_cache_that_cannot_be_read_for_a_moment_leaves_a_log_asleep_until_it_can() {
    let mut bench = Bench::ended(&LOGS, LOG_NAME, 1);
    let asleep = LOGS.into_iter().find(|key| bench.is_asleep(key)).expect("one that sleeps");
    bench.append(asleep, LINE);
    bench.engine.desk.reader.fail_question(1);
    bench.scan();
    assert!(bench.is_asleep(asleep));
    assert!(bench.scan() && !bench.is_asleep(asleep));
    assert_eq!(bench.log(asleep).backlog(), 0);
    // Who reads once has no next scan.
    bench.sleep();
    let others = LOGS.into_iter().filter(|key| bench.is_asleep(key)).count();
    bench.engine.is_followed = false;
    let number = bench.engine.table.asleep.iter().next().expect("one that sleeps").number;
    bench.engine.desk.reader.fail_question(1);
    assert!(bench.engine.awaken(number).is_err());
    bench.engine.is_followed = true;
    // Nor does anything sleep of which it cannot say where it is.
    assert!(bench.engine.awaken(number).is_ok_and(|key| key.is_some()));
    LOGS.iter().for_each(|key| drop(bench.engine.awake(key)));
    bench.engine.desk.reader.fail_question(1);
    bench.engine.doze();
    assert_eq!(bench.asleep(&LOGS), 0);
    bench.engine.doze();
    assert_eq!(bench.asleep(&LOGS), others);
}

#[test]
fn one_whose_place_is_taken_stays_awake_and_is_not_taken_for_the_other() {
    let mut sleepers = Sleepers::default();
    let look = Look { kind: Kind::Regular, stat: Stat { inode: 1, ..Stat::default() }, links: 1 };
    let mut tracked = Tracked::new(0, Arc::from(Path::new("a/run.log")));
    tracked.cursor.inode = 1;
    let end = std::ffi::OsStr::new;
    assert!(sleepers.lay("a", 1, &tracked, end("")));
    assert!(!sleepers.lay("a", 2, &tracked, end("")), "its hash is that of another one");
    assert_eq!((sleepers.see(7, "a", &look), sleepers.see(7, "b", &look)), (Sleep::Sound, Sleep::None));
    assert_eq!(sleepers.get("a").expect("it sleeps").seen, 7);
    for other in [
        Look { kind: Kind::Link, ..look },
        Look { stat: Stat { inode: 2, ..look.stat }, ..look },
        Look { stat: Stat { size: 1, ..look.stat }, ..look },
    ] {
        assert_eq!(sleepers.see(8, "a", &other), Sleep::Disturbed(1));
    }
    assert!(sleepers.take("a", 2).is_none() && sleepers.take("b", 1).is_none());
    assert!(sleepers.take("a", 1).is_some() && sleepers.get("a").is_none());
    // So many ends of names that not all can be told apart.
    let laid: Vec<bool> =
        (0..300).map(|n: u32| sleepers.lay(&n.to_string(), n, &tracked, end(&format!(".{n}")))).collect();
    assert_eq!(laid.iter().position(|is_laid| !is_laid), Some(255), "and that of the first log");
    assert_eq!(laid.iter().filter(|is_laid| **is_laid).count(), 255);
}
