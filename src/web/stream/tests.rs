use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;
use tokio::time::timeout;

use super::outlook::{Judgement, Outlook, Versions};
use super::*;
use crate::store::{Change, Live};

/// A cache that says what a test told it to say.
#[derive(Clone, Default)]
struct Fake {
    versions: Arc<Mutex<Versions>>,
    judgement: Arc<Mutex<Judgement>>,
}

impl Outlook for Fake {
    async fn versions(&self) -> Result<Versions, WebError> {
        Ok(self.versions.lock().expect("no panic").clone())
    }

    async fn judgement(&self) -> Result<Judgement, WebError> {
        Ok(*self.judgement.lock().expect("no panic"))
    }
}

struct Fixture {
    hub: Arc<Hub>,
    live: Live,
    fake: Fake,
}

impl Fixture {
    fn new(runs: &[(&str, u64)]) -> Self {
        let fake = Fake::default();
        let runs = runs.iter().map(|(key, version)| ((*key).to_owned(), *version)).collect::<Vec<_>>();
        *fake.versions.lock().expect("no panic") = Versions { total: runs.len() as u64, runs };
        let fixture = Self { hub: Hub::new(), live: Live::default(), fake };
        fixture.hub.start(&fixture.live, fixture.fake.clone());
        fixture
    }

    fn listen(&self) -> Listener {
        let client = self.hub.enter().expect("room for a client");
        Listener { pieces: messages(client).boxed(), parser: Parser::default() }
    }

    fn change(&self, key: &str, version: u64) {
        self.live.announce(Change { key: key.to_owned(), version });
    }
}

struct Listener {
    pieces: BoxStream<'static, Result<Bytes, Infallible>>,
    parser: Parser,
}

impl Listener {
    /// The next message; `None` when the stream ended.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if !self.parser.messages.is_empty() {
                return Some(self.parser.messages.remove(0));
            }
            let piece = timeout(Duration::from_secs(10), self.pieces.next()).await.expect("a piece in time")?;
            self.parser.feed(std::str::from_utf8(&piece.expect("infallible")).expect("UTF-8"));
        }
    }

    async fn expect(&mut self, event: &str) -> Value {
        let message = self.next().await.expect("a message");
        assert_eq!(message.event, event, "{message:?}");
        message.data
    }
}

/// A reader of server-sent events by the letter of the HTML standard, knowing nothing of how they are written.
#[derive(Default)]
struct Parser {
    rest: String,
    event: String,
    data: String,
    id: String,
    messages: Vec<Message>,
}

#[derive(Debug, PartialEq)]
struct Message {
    id: String,
    event: String,
    data: Value,
}

impl Parser {
    fn feed(&mut self, text: &str) {
        self.rest.push_str(text);
        while let Some(end) = self.rest.find(['\n', '\r']) {
            let crlf = self.rest[end..].starts_with("\r\n");
            let line: String = self.rest.drain(..end + 1 + usize::from(crlf)).collect();
            self.line(line.trim_end_matches(['\r', '\n']));
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let (event, data) = (std::mem::take(&mut self.event), std::mem::take(&mut self.data));
            if !data.is_empty() {
                let data = serde_json::from_str(data.trim_end_matches('\n')).expect("JSON");
                self.messages.push(Message { id: self.id.clone(), event, data });
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" | "retry" => {}
            "event" => self.event = value.to_owned(),
            "data" => self.data.push_str(&format!("{value}\n")),
            "id" => self.id = value.to_owned(),
            other => panic!("an unknown field {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_snapshot_comes_first_and_then_what_changes() {
    let fixture = Fixture::new(&[("run-1", 3), ("a/b", 5)]);
    let mut listener = fixture.listen();
    let snapshot = listener.expect("snapshot").await;
    assert_eq!(snapshot["runs"], serde_json::json!({ "run-1": 3, "a/b": 5 }));
    assert_eq!(snapshot["complete"], true);
    fixture.change("run-1", 4);
    assert_eq!(listener.expect("run").await, serde_json::json!({ "key": "run-1", "version": 4 }));
    let later = fixture.listen().expect("snapshot").await;
    assert_eq!(later["runs"]["run-1"], 4, "a snapshot holds what was announced before");
}

#[tokio::test]
async fn ids_hold_one_epoch_and_grow() {
    let fixture = Fixture::new(&[]);
    let mut listener = fixture.listen();
    listener.expect("snapshot").await;
    let mut last = None;
    for version in 1..5 {
        fixture.change("run-1", version);
        let id = listener.next().await.expect("a message").id;
        let (epoch, seq) = id.split_once('-').expect("epoch-seq");
        let id = (epoch.parse::<i64>().expect("a number"), seq.parse::<u64>().expect("a number"));
        if let Some((epoch, seq)) = last {
            assert_eq!(id, (epoch, seq + 1));
        }
        last = Some(id);
    }
}

#[tokio::test]
async fn nothing_in_a_key_can_end_a_message() {
    let fixture = Fixture::new(&[("a\n\nevent: x\ndata: y\n\n", 1)]);
    let mut listener = fixture.listen();
    assert_eq!(listener.expect("snapshot").await["runs"]["a\n\nevent: x\ndata: y\n\n"], 1);
    for key in ["\r", "\r\ndata: 1", "\0", "\n\nevent: attention\ndata: {}\n\n", "\u{2028}", "\"}\n\n"] {
        fixture.change(key, 1);
        assert_eq!(listener.expect("run").await["key"], key);
    }
}

#[tokio::test]
async fn a_run_becomes_late_on_screen_without_any_event() {
    let fixture = Fixture::new(&[("run-1", 3)]);
    let mut listener = fixture.listen();
    assert_eq!(listener.expect("snapshot").await["attention"], 0);
    *fixture.fake.judgement.lock().expect("no panic") = Judgement { attention: 1, fingerprint: 1 };
    assert_eq!(listener.expect("attention").await, serde_json::json!({ "count": 1 }));
    *fixture.fake.judgement.lock().expect("no panic") = Judgement { attention: 1, fingerprint: 2 };
    assert_eq!(listener.expect("attention").await, serde_json::json!({ "count": 1 }), "late became stuck");
}

#[tokio::test]
async fn a_slow_client_gets_a_resync_and_then_what_is_new() {
    let fixture = Fixture::new(&[]);
    let mut slow = fixture.listen();
    let mut quick = fixture.listen();
    slow.expect("snapshot").await;
    quick.expect("snapshot").await;
    for version in 0..300 {
        let key = format!("run-{version}");
        fixture.change(&key, version);
        assert_eq!(quick.expect("run").await["key"], key.as_str());
    }
    slow.expect("resync").await;
    let mut last = 0;
    while last < 299 {
        last = slow.expect("run").await["version"].as_u64().expect("a version");
    }
}

#[tokio::test]
async fn a_flood_of_runs_is_one_resync() {
    let fixture = Fixture::new(&[]);
    let mut listener = fixture.listen();
    listener.expect("snapshot").await;
    for number in 0..900 {
        fixture.change(&format!("run-{number}"), 1);
    }
    listener.expect("resync").await;
}

#[tokio::test]
async fn clients_are_counted_and_bounded_and_leave() {
    let fixture = Fixture::new(&[]);
    let clients: Vec<_> = std::iter::from_fn(|| fixture.hub.enter()).take(10_000).collect();
    assert_eq!(clients.len(), 768);
    assert_eq!(fixture.hub.clients(), 768);
    drop(clients);
    assert_eq!(fixture.hub.clients(), 0);
}

#[tokio::test]
async fn streams_end_when_the_hub_is_closed() {
    let fixture = Fixture::new(&[]);
    let mut listener = fixture.listen();
    listener.expect("snapshot").await;
    fixture.hub.close();
    assert_eq!(listener.next().await, None);
    assert_eq!(fixture.listen().next().await, None, "also those that come later");
}
