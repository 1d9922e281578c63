//! I9: a client that follows `/api/stream` and must end with the versions that the API gives.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::house::House;
use crate::process::within;

/// What the stream said so far.
#[derive(Debug, Default)]
struct Seen {
    versions: BTreeMap<String, u64>,
    complete: bool,
    /// Messages were left out: a browser asks again for everything.
    resync: bool,
    /// After how many milliseconds to connect again.
    retry: Option<u64>,
    /// How many messages there were about each run.
    messages: BTreeMap<String, u64>,
    ended: bool,
}

#[derive(Debug)]
pub struct Follower {
    seen: Arc<Mutex<Seen>>,
    socket: TcpStream,
    go: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    pub fn start(port: u16) -> Self {
        let follower = Self::start_paused(port);
        follower.go_on();
        follower
    }

    /// One that asks and reads nothing before [`Follower::go_on`].
    pub fn start_paused(port: u16) -> Self {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        let request = format!("GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        socket.write_all(request.as_bytes()).expect("a request");
        let seen = Arc::<Mutex<Seen>>::default();
        let (reading, noting) = (socket.try_clone().expect("a handle"), Arc::clone(&seen));
        let (go, wait) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            // Also when nobody ever says so.
            let _ = wait.recv();
            follow(reading, &noting);
            noting.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        });
        Self { seen, socket, go, thread: Some(thread) }
    }

    pub fn go_on(&self) {
        self.go.send(()).expect("it waits");
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After how many milliseconds it is to connect again.
    pub fn retry(&self) -> Option<u64> {
        self.seen().retry
    }

    pub fn has_ended(&self) -> bool {
        self.seen().ended
    }

    /// How many messages there were about a run.
    pub fn messages(&self, key: &str) -> u64 {
        self.seen().messages.get(key).copied().unwrap_or(0)
    }

    /// Waits until the state that was followed is that of the API.
    pub fn check(&self, house: &House) {
        let mut wrong = None;
        let agreed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            within(5, "the stream to agree with the API (I9)", || {
                wrong = self.difference(house);
                wrong.is_none().then_some(())
            });
        }));
        assert!(agreed.is_ok(), "I9: {wrong:?}");
    }

    fn difference(&self, house: &House) -> Option<String> {
        let runs = house.get("/api/runs?limit=500");
        let seen = self.seen();
        if seen.resync || !seen.complete {
            return None;
        }
        let runs = runs["runs"].as_array().expect("runs");
        runs.iter().find_map(|run| {
            let (key, version) = (run["key"].as_str()?, run["version"].as_u64()?);
            let followed = seen.versions.get(key).copied();
            (followed != Some(version)).then(|| format!("{key} is at {version}, the stream said {followed:?}"))
        })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        // One that was never let go ends, too.
        let _ = self.go.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn follow(socket: TcpStream, seen: &Mutex<Seen>) {
    let mut event = String::new();
    for line in BufReader::new(socket).lines() {
        let Ok(line) = line else { return };
        if let Some(retry) = line.strip_prefix("retry: ") {
            seen.lock().unwrap_or_else(PoisonError::into_inner).retry = retry.parse().ok();
        }
        if let Some(name) = line.strip_prefix("event: ").or_else(|| line.strip_prefix("event:")) {
            event = name.to_owned();
        }
        let Some(data) = line.strip_prefix("data: ").or_else(|| line.strip_prefix("data:")) else { continue };
        let Ok(data) = serde_json::from_str::<Value>(data) else { continue };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event.as_str() {
            "snapshot" => {
                let runs = data["runs"].as_object().into_iter().flatten();
                seen.versions = runs.filter_map(|(key, version)| Some((key.clone(), version.as_u64()?))).collect();
                seen.complete = data["complete"] == true;
            }
            "run" => {
                if let (Some(key), Some(version)) = (data["key"].as_str(), data["version"].as_u64()) {
                    seen.versions.insert(key.to_owned(), version);
                    *seen.messages.entry(key.to_owned()).or_default() += 1;
                }
            }
            "resync" => seen.resync = true,
            _ => {}
        }
    }
}
