//! Rows of spec 5.4.1 about the bytes of one log.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::house::House;
use crate::process::{needs, within};
use crate::size;
use crate::support::append;

/// A line with a number, all of one length.
pub fn line(n: u32) -> String {
    format!("{{\"event\":\"step.started\",\"step\":\"s{n:06}\"}}\n")
}

pub fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.map(line).collect()
}

/// Lines that make a log long and its run no richer.
pub fn bulk(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|n| format!("{{\"level\":\"info\",\"message\":\"line {n:06}\"}}\n")).collect()
}

const HALF: &str = "{\"event\":\"phase.started\",\"ph";
const REST: &str = "ase\":\"build\"}\n";

/// Somebody who appends a line now and then until this is dropped.
pub struct Writing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writing {
    pub fn begin(state: &Path, run: &str) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (state, run, stopped) = (state.to_owned(), run.to_owned(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for n in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                append(&state, &run, &bulk(n..n + 1));
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("only dropped once");
        thread.join().expect("the writer writes");
    }
}

#[test]
fn t02_half_a_line_is_no_event_until_it_ends() {
    let mut house = House::started();
    append(&house.state, "a", &format!("{}{HALF}", line(1)));
    let log = house.log_when("a", 2, "half a line", |log| log["pending_bytes"] == HALF.len());
    assert_eq!(log["events"], 1);
    // Also when somebody looks at it again and again.
    File::open(house.state.join("a/run.log"))
        .and_then(|file| file.set_modified(std::time::SystemTime::now()))
        .expect("touch");
    house.converge(5);
    append(&house.state, "a", REST);
    let log = house.log_when("a", 2, "the whole line", |log| log["pending_bytes"] == 0 && log["events"] == 2);
    assert_eq!(log["lines"]["malformed"], 0);
    house.check(5);
}

#[test]
fn t03_half_a_line_survives_kill_9() {
    let mut house = House::started();
    append(&house.state, "a", &format!("{}{HALF}", line(1)));
    house.log_when("a", 2, "half a line", |log| log["pending_bytes"] == HALF.len());
    house.kill();
    house.start();
    house.log_when("a", 2, "half a line", |log| log["pending_bytes"] == HALF.len());
    house.kill();
    append(&house.state, "a", REST);
    house.start();
    let log = house.log_when("a", 5, "one event more", |log| log["events"] == 2);
    assert_eq!((&log["generation"], &log["lines"]["event"]), (&1.into(), &2.into()));
    house.check(5);
}

#[test]
fn t04_an_unterminated_tail_counts_when_it_is_whole_and_is_said_when_it_is_not() {
    let mut house = House::started();
    append(&house.state, "whole", &format!("{}{}", line(1), line(2).trim_end()));
    append(&house.state, "half", &format!("{}{HALF}", line(1)));
    house.log_when("whole", 2, "both events", |log| log["events"] == 2 && log["provisional_bytes"] != 0);
    house.log_when("half", 2, "a pending tail", |log| log["pending_bytes"] == HALF.len());
    let page = house.process().ask("/runs/half").expect("a page").body;
    let at = page.find("unterminated tail").expect("the page says so");
    let said: String = page[at..].chars().take(200).collect();
    assert!(said.contains(&format!("{}\u{a0}B", HALF.len())), "{said}");
    append(&house.state, "whole", "\n");
    let log = house.log_when("whole", 2, "the line end", |log| log["provisional_bytes"] == 0);
    assert_eq!(log["events"], 2, "a newline that comes later changes nothing");
    house.check(5);
}

#[test]
fn t05_a_torn_tail_spoils_its_own_line_only() {
    let mut house = House::started();
    append(&house.state, "a", "{\"ts\":1,\"x\":");
    append(&house.state, "a", &lines(0..4));
    let log = house.log_when("a", 2, "the lines", |log| log["lines"]["event"] == 3);
    assert_eq!((&log["lines"]["malformed"], &log["health"]["malformed"]["first_line"]), (&1.into(), &1.into()));
    let events = house.get("/api/runs/a/events");
    let first = &events["events"].as_array().expect("events").iter().find(|event| event["line"] == 1).expect("line 1");
    assert_eq!((&first["offset"], &first["class"]), (&0.into(), &"malformed".into()));
    assert!(first["text"].as_str().is_some_and(|text| text.starts_with("{\"ts\":1,\"x\":{")), "{first}");
    house.check(5);
}

#[test]
fn t06_records_that_were_spliced_are_both_counted() {
    let mut house = House::started();
    let long = format!("{{\"message\":\"{}\"}}\n", "m".repeat(700 * 1024));
    append(&house.state, "a", &long[..300_000]);
    append(&house.state, "a", &line(1));
    append(&house.state, "a", &long[300_000..]);
    append(&house.state, "a", &lines(2..5));
    house.log_when("a", 5, "the lines after", |log| log["lines"]["event"] == 3);
    house.check(5);
}

#[test]
fn t07_a_log_that_is_truncated_begins_anew() {
    let mut house = House::started();
    let path = append(&house.state, "a", &lines(0..50));
    house.log_when("a", 2, "the first lines", |log| log["events"] == 50);
    File::options().write(true).open(&path).and_then(|log| log.set_len(0)).expect("truncate");
    append(&house.state, "a", &lines(100..103));
    let log = house.log_when("a", 5, "the new lines", |log| log["events"] == 3);
    assert_eq!((&log["generation"], &log["rotated"]), (&2.into(), &true.into()));
    house.check(5);
}

#[test]
fn t07b_rewritten_content_is_noticed_whatever_its_size() {
    let mut house = House::started();
    // Longer than before; of the same length; of the same length with the same head and end.
    let path = append(&house.state, "longer", &lines(0..20));
    let same = append(&house.state, "same", &lines(0..200));
    house.converge(5);
    fs::write(&path, lines(100..140)).expect("a rewrite");
    let mut file = OpenOptions::new().write(true).open(&same).expect("a log");
    file.seek(SeekFrom::Start(100 * line(0).len() as u64))
        .and_then(|_| file.write_all(line(777).as_bytes()))
        .expect("a write");
    house.log_when("longer", 5, "the new lines", |log| log["events"] == 40);
    house.log_when("same", 5, "another generation", |log| log["generation"] == 2);
    house.check(5);
}

#[test]
fn t10_a_writer_that_keeps_its_offset_leaves_a_hole_and_no_storm() {
    let mut house = House::started();
    let directory = house.state.join("a");
    fs::create_dir(&directory).expect("mkdir");
    let mut writer = File::create(directory.join("run.log")).expect("a log");
    writer.write_all(lines(0..1000).as_bytes()).expect("a write");
    house.log_when("a", 5, "the first lines", |log| log["events"] == 1000);
    fs::copy(directory.join("run.log"), directory.join("run.log.1")).expect("a copy");
    writer.set_len(0).expect("truncate");
    writer.write_all(line(7).as_bytes()).expect("a write at the old offset");
    let log = house.log_when("a", 5, "the new line", |log| log["events"] == 1);
    assert_eq!(log["lines"]["malformed"], 0);
    for path in ["/api/runs/a", "/api/runs/a/events", "/runs/a"] {
        let body = house.process().ask(path).expect("an answer").body;
        assert!(!body.contains('\0') && !body.contains("\\u0000") && body.contains("000007"), "{path}: {body}");
    }
    house.check(5);
}

#[test]
fn t11_a_hole_costs_no_memory_and_holds_up_no_other_run() {
    let mut house = House::started();
    append(&house.state, "quiet", &line(1));
    house.converge(5);
    let before = house.process().status("VmHWM");
    let path = append(&house.state, "hole", &line(1));
    let hole = size(16 << 20, 10 << 30);
    File::options().write(true).open(&path).and_then(|log| log.set_len(hole)).expect("a hole");
    append(&house.state, "hole", &line(2));
    append(&house.state, "quiet", &line(2));
    house.log_when("quiet", 2, "the line of another run", |log| log["events"] == 2);
    house.log_when("hole", 30, "the line after the hole", |log| log["events"] == 2);
    let after = house.process().status("VmHWM");
    assert!(after - before <= 64 << 10, "{before} KiB, then {after} KiB");
    house.check_alive();
    if !crate::is_long() {
        house.check(30);
    }
}

#[test]
fn t12_a_log_that_is_replaced_all_the_time_ends_right() {
    let mut house = House::started();
    append(&house.state, "a", &line(0));
    house.converge(5);
    let handles = || house.health()["open_fds"].as_u64().expect("a count");
    let before = handles();
    let directory = house.state.join("a");
    for n in 0..200 {
        fs::write(directory.join("run.log.tmp"), lines(n..n * 2 + 1)).expect("a write");
        fs::rename(directory.join("run.log.tmp"), directory.join("run.log")).expect("a rename");
        std::thread::sleep(Duration::from_millis(size(2, 20)));
    }
    house.converge(5);
    within(5, "as few open files as before", || (handles() <= before + 2).then_some(()));
    house.check(5);
}

#[test]
fn t13_another_log_in_the_same_inode_is_another_log() {
    let mut house = House::started();
    let path = append(&house.state, "a", &lines(0..100));
    // Of the same length, with the same head: most harnesses begin alike.
    let another = lines(0..50) + &lines(200..250);
    house.converge(5);
    let first = fs::metadata(&path).expect("a log");
    // The file system gives the number out again at its own time: asked for until it does.
    let mut spare = Vec::new();
    fs::remove_file(&path).expect("rm");
    let mut is_reused = false;
    for n in 0..64 {
        fs::write(&path, &another).expect("a log");
        is_reused = fs::metadata(&path).expect("a log").ino() == first.ino();
        if is_reused {
            break;
        }
        let away = house.beside(&format!("spare-{n}"));
        fs::rename(&path, &away).expect("a rename");
        spare.push(away);
    }
    if !is_reused {
        // This file system does not give numbers out again so soon (btrfs, tmpfs): the same file, rewritten in place.
        fs::write(&path, &another).expect("a log");
    }
    assert_eq!(fs::metadata(&path).expect("a log").len(), first.len());
    house.converge(5);
    let log = house.log_when("a", 5, "another generation", |log| log["generation"].as_u64() >= Some(2));
    assert_eq!((&log["rotated"], &log["events"]), (&true.into(), &100.into()));
    house.check(5);
}

#[test]
fn t33_a_write_through_a_mapping_is_seen() {
    needs("python3", "python3");
    let mut house = House::started();
    let path = append(&house.state, "a", &lines(0..10));
    house.converge(5);
    // No notification comes for it, and the length stays.
    let script = "import mmap,sys\nf=open(sys.argv[1],'r+b')\nm=mmap.mmap(f.fileno(),0)\nat=m.find(b's000005')\nm[at:at+7]=b's777777'\nm.flush()";
    let status = Command::new("python3").args(["-c", script]).arg(&path).status().expect("python3 runs");
    assert!(status.success());
    house.log_when("a", 5, "another generation", |log| log["generation"] == 2);
    house.check(5);
}

#[test]
fn t34_growth_during_the_first_scan_leaves_no_gap() {
    let mut house = House::new();
    let chunk = bulk(0..20_000);
    let chunks = size(2, 200);
    for _ in 0..chunks {
        append(&house.state, "a", &chunk);
    }
    let writing = Writing::begin(&house.state, "a");
    house.start();
    within(30, "the end of the first reading", || {
        (house.health()["lines"].as_u64() > Some(20_000 * chunks)).then_some(())
    });
    drop(writing);
    house.check(30);
}

#[test]
fn t35_rotated_siblings_are_not_part_of_the_run() {
    let mut house = House::started();
    append(&house.state, "a", &lines(0..3));
    for name in ["run.log.1", "run.log.1.gz", "run.log~", ".run.log.swp", "run.log.2026-06-01"] {
        fs::write(house.state.join("a").join(name), lines(50..60)).expect("a sibling");
    }
    let log = house.log_when("a", 5, "its lines", |log| log["events"] == 3);
    assert_eq!(log["rotated"], false);
    assert_eq!(house.total(), 1);
    house.check(5);
}

#[test]
fn t36_rotation_by_renaming_reads_nothing_twice_and_is_said() {
    let mut house = House::started();
    let path = append(&house.state, "a", &lines(0..30));
    house.converge(5);
    fs::rename(&path, path.with_extension("log.1")).expect("a rename");
    append(&house.state, "a", &lines(30..33));
    let log = house.log_when("a", 5, "the new log", |log| log["events"] == 3);
    assert_eq!((&log["rotated"], &log["generation"]), (&true.into(), &2.into()));
    assert_eq!(house.total(), 1);
    house.check(5);
}

#[test]
fn t42_a_slow_drip_is_one_event_at_the_end() {
    let mut house = House::started();
    append(&house.state, "a", &line(0));
    house.converge(5);
    let text = line(1);
    let mut log = OpenOptions::new().append(true).open(house.state.join("a/run.log")).expect("a log");
    let mut drip = |bytes: &[u8]| {
        for byte in bytes {
            log.write_all(&[*byte]).expect("a write");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let (first, rest) = text.trim_end().as_bytes().split_at(15);
    // With nobody looking: what a page costs that is told of each change is another matter.
    house.unfollow();
    drip(first);
    let (began, before) = (Instant::now(), house.process().wakes());
    drip(&b" ".repeat(size(40, 600)));
    drip(rest);
    // Bounded by the time that really passed, however slow the machine is.
    let (wakes, took) = (house.process().wakes() - before, began.elapsed().as_secs_f64());
    // The row allows 20; with 12, one for each byte would be too many.
    assert!((wakes as f64) < 12.0 * took, "{wakes} wake-ups in {took} s");
    drip(b"\n");
    house.follow();
    house.log_when("a", 2, "the event", |log| log["events"] == 2 && log["provisional_bytes"] == 0);
    house.check(5);
}

#[test]
fn t28_many_writers_of_one_log_lose_nothing() {
    let mut house = House::started();
    let count = size(500, 10_000);
    let (state, pad) = (house.state.clone(), "p".repeat(150));
    fs::create_dir(state.join("a")).expect("mkdir");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (state, pad) = (&state, &pad);
            scope.spawn(move || {
                for n in 0..count {
                    append(state, "a", &format!("{{\"event\":\"w{writer}\",\"step\":{n},\"pad\":\"{pad}\"}}\n"));
                }
            });
        }
    });
    house.log_when("a", 10, "all lines", |log| log["lines"]["event"] == 8 * count);
    house.check(10);
}

#[test]
fn t29_long_lines_written_in_pieces_by_many_are_damage_that_is_counted() {
    let mut house = House::started();
    let count = size(2, 200);
    let piece = "p".repeat(size(64, 512) * 1024);
    let state = house.state.clone();
    fs::create_dir(state.join("a")).expect("mkdir");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let (state, piece) = (&state, &piece);
            scope.spawn(move || {
                for _ in 0..count {
                    append(state, "a", &format!("{{\"message\":\"{piece}"));
                    append(state, "a", &format!("{piece}\"}}\n"));
                }
            });
        }
    });
    append(&state, "a", &lines(0..3));
    house.check(20);
}

#[test]
fn i07_a_growing_log_with_many_open_spans_costs_no_copy_for_each_write() {
    let mut house = House::started();
    let (rounds, each) = (size(24, 400), 250);
    for round in 0..rounds {
        append(&house.state, "a", &lines(round * each..(round + 1) * each));
        std::thread::sleep(Duration::from_millis(5));
    }
    within(60, "all lines", || (house.health()["lines"] == rounds * each).then_some(()));
    let peak = house.process().status("VmHWM");
    assert!(peak < 256 << 10, "{peak} KiB at the peak with {} open spans", rounds * each);
    // The invariants ask for the whole dump, which is large itself.
    if !crate::is_long() {
        house.check(30);
    }
}
