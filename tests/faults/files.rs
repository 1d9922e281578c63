//! Rows about what has a log's name and is none, and about files that come and go beside it.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::house::House;
use crate::process::within;
use crate::support::append;
use crate::tail::{line, lines};

#[test]
fn t43_a_fifo_is_a_badge_and_blocks_nobody() {
    let mut house = House::started();
    fs::create_dir(house.state.join("fifo")).expect("mkdir");
    let fifo = house.state.join("fifo/run.log");
    let status = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
    assert!(status.success());
    append(&house.state, "other", &lines(0..3));
    house.is_said_to_be_no_file("fifo");
    house.log_when("other", 2, "its lines", |log| log["events"] == 3);
    // Somebody who writes into it must not find a reader.
    let opened =
        rustix::fs::open(&fifo, rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK, rustix::fs::Mode::empty());
    assert_eq!(opened.err(), Some(rustix::io::Errno::NXIO));
    house.check(5);
}

#[test]
fn t44_what_is_no_file_gets_a_badge_each_and_no_storm_of_tries() {
    let mut house = House::started();
    for name in ["socket", "directory", "dangling", "self"] {
        fs::create_dir(house.state.join(name)).expect("mkdir");
    }
    let _socket = UnixListener::bind(house.state.join("socket/run.log")).expect("bind");
    fs::create_dir(house.state.join("directory/run.log")).expect("mkdir");
    symlink("nowhere", house.state.join("dangling/run.log")).expect("a link");
    symlink("run.log", house.state.join("self/run.log")).expect("a link");
    append(&house.state, "other", &line(1));
    for name in ["socket", "directory", "dangling", "self"] {
        house.is_said_to_be_no_file(name);
    }
    assert_eq!(house.health()["problems"], 4);
    house.check(5);
    // Nothing is left of it when it goes.
    fs::remove_file(house.state.join("self/run.log")).expect("rm");
    within(10, "three of them", || (house.health()["problems"] == 3 && house.run("self").is_none()).then_some(()));
    house.check_idle();
}

#[test]
fn t45_a_link_to_an_endless_device_is_not_read() {
    let mut house = House::started();
    fs::create_dir(house.state.join("zero")).expect("mkdir");
    symlink("/dev/zero", house.state.join("zero/run.log")).expect("a link");
    append(&house.state, "other", &line(1));
    let before = house.process().status("VmHWM");
    house.is_said_to_be_no_file("zero");
    house.check(5);
    assert!(house.process().status("VmHWM") < before + (32 << 10));
}

const CANARY: &str = "kanarienvogel-5d1f";

#[test]
fn t46_what_a_link_leads_out_to_is_never_shown() {
    let mut house = House::started();
    let outside = house.beside("outside");
    fs::create_dir(&outside).expect("mkdir");
    fs::write(outside.join("run.log"), format!("{{\"event\":\"phase.started\",\"phase\":\"{CANARY}\"}}\n"))
        .expect("a file");
    for name in ["file", "late", "middle"] {
        append(&house.state, name, &line(1));
    }
    house.converge(5);
    let log = |name: &str| house.state.join(name).join("run.log");
    fs::remove_file(log("file")).expect("rm");
    symlink(outside.join("run.log"), log("file")).expect("a link");
    symlink(&outside, house.state.join("directory")).expect("a link");
    // A directory that was a run and becomes a link.
    fs::rename(house.state.join("middle"), house.beside("middle")).expect("a rename");
    symlink(&outside, house.state.join("middle")).expect("a link");
    // Between the two steps it was gone.
    house.log_when("file", 5, "the badge", |log| log["problem"]["code"] == "not_regular");
    house.log_when("middle", 10, "to be gone", |log| log["gone"] == true || log["problem"].is_object());
    assert!(house.run("directory").is_none(), "a link to a directory is not walked");
    let pages = [
        "/",
        "/health",
        "/runs",
        "/attention",
        "/runs/file",
        "/runs/middle",
        "/runs/directory",
        "/api/dump",
        "/api/runs",
        "/api/runs/file",
        "/api/runs/middle",
        "/api/runs/file/events",
        "/api/runs/middle/events",
        "/api/runs/directory",
        "/api/runs/file/lines/1",
        "/api/runs/middle/lines/1",
        "/api/runs/directory/lines/1",
        "/api/runs/file?at=1",
        "/api/runs/middle?at=1",
    ];
    for page in pages {
        let answer = house.process().ask(page).unwrap_or_else(|| panic!("no answer of {page}"));
        assert!(!answer.body.contains(CANARY), "{page} shows what is outside");
    }
    house.check(10);
    for file in fs::read_dir(house.cache.parent().expect("a directory")).expect("a listing") {
        let bytes = fs::read(file.expect("an entry").path()).expect("a file");
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "it is in the cache");
    }
}

#[test]
fn t31_editors_that_save_leave_no_phantom_run() {
    let mut house = House::started();
    let path = append(&house.state, "a", &lines(0..200));
    house.converge(5);
    let directory = house.state.join("a");
    // As vim does: a probe, a swap file, the backup by renaming, the new file under the name.
    File::create(directory.join("4913")).expect("a probe");
    fs::remove_file(directory.join("4913")).expect("rm");
    fs::write(directory.join(".run.log.swp"), "b0VIM").expect("a swap file");
    fs::rename(&path, directory.join("run.log~")).expect("a backup");
    fs::write(&path, lines(0..201)).expect("the new file");
    fs::remove_file(directory.join(".run.log.swp")).expect("rm");
    house.log_when("a", 5, "what was saved", |log| log["events"] == 201);
    // As sed -i does: of the same length, with the same head and end.
    let status = Command::new("sed").args(["-i", "s/s000100/s999999/"]).arg(&path).status().expect("sed runs");
    assert!(status.success());
    house.converge(5);
    assert_eq!(house.total(), 1);
    house.check(5);
}

#[test]
fn t37_an_unreadable_log_is_said_and_read_as_soon_as_it_may_be() {
    let mut house = House::new().with_a_stranger();
    append(&house.state, "file", &lines(0..3));
    append(&house.state, "directory", &lines(0..3));
    append(&house.state, "fine", &lines(0..3));
    house.start();
    house.converge(5);
    let mode = |path: &str, mode: u32| {
        fs::set_permissions(house.state.join(path), fs::Permissions::from_mode(mode)).expect("chmod");
    };
    mode("file/run.log", 0o000);
    mode("directory", 0o000);
    append(&house.state, "file", &line(4));
    append(&house.state, "directory", &line(4));
    append(&house.state, "fine", &line(4));
    assert_eq!(house.problem("file", 5), "unreadable");
    assert_eq!(house.problem("directory", 10), "unreadable");
    house.log_when("fine", 2, "its line", |log| log["events"] == 4);
    mode("file/run.log", 0o644);
    mode("directory", 0o755);
    for name in ["file", "directory"] {
        house.log_when(name, 10, "its line", |log| log["events"] == 4 && log["problem"].is_null());
    }
    house.check(10);
}

#[test]
fn t37b_a_directory_that_cannot_be_read_is_said_and_read_as_soon_as_it_may_be() {
    let mut house = House::new().with_a_stranger();
    append(&house.state, "fine", &lines(0..3));
    append(&house.state, "shut/inside", &lines(0..3));
    let state = house.state.clone();
    let mode = |path: &str, mode: u32| {
        fs::set_permissions(state.join(path), fs::Permissions::from_mode(mode)).expect("chmod");
    };
    // Runs that were never seen are in it.
    mode("shut", 0o000);
    mode("", 0o000);
    house.start();
    let said = |house: &House, what: &str| {
        let problem = house.health()["state_dirs"][0]["problem"].as_str().map(str::to_owned)?;
        // With the reason, and the same on the page.
        let is_whole = problem.contains(what) && problem.contains("ermission denied");
        (is_whole && house.process().ask("/")?.body.contains(what)).then_some(())
    };
    within(10, "a word about the state directory", || said(&house, "the directory cannot be read"));
    mode("", 0o755);
    house.log_when("fine", 10, "its lines", |log| log["events"] == 3);
    within(10, "a word about what is in it", || said(&house, "shut in it cannot be read"));
    mode("shut", 0o755);
    house.log_when("shut/inside", 30, "its lines", |log| log["events"] == 3);
    within(30, "the word to go", || house.health()["state_dirs"][0]["problem"].is_null().then_some(()));
    house.check(10);
}
