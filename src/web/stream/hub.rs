//! The one place where changes become messages, for all clients: two tasks per process, none per client.
//!
//! One task announces runs as they change, the other judges all runs once a second, so that a run becomes late or stuck
//! on screen without any event. Both stand still while nobody listens.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::yield_now;
use tokio::time::{interval_at, sleep, sleep_until};

use super::outbox::{Due, Outbox};
use super::outlook::{Judgement, Outlook, Versions};
use super::recent::Recent;
use crate::store::{Change, Live};

/// How many clients may listen at once; three quarters of the server's connections.
const CLIENTS: usize = 768;
/// How many pieces a slow client may be behind before it gets a `resync`. They are shared by all clients.
const BEHIND: usize = 128;
/// A sign of life on a quiet stream (spec 4.2).
const COMMENT_EACH: Duration = Duration::from_secs(15);
/// How often all runs are judged while nothing happens, and at most while something does.
const JUDGE_EACH: Duration = Duration::from_secs(1);
const JUDGE_AT_MOST: Duration = Duration::from_millis(250);
/// Writing to a client costs about 20 µs: with this much time per client between two pieces, streaming takes at most a
/// tenth of a core.
const PACE_PER_CLIENT: Duration = Duration::from_micros(200);
const SLOWEST_PACE: Duration = Duration::from_millis(100);
/// When to ask the cache again after it could not answer.
const RETRY: Duration = Duration::from_secs(1);

/// The hub.
#[derive(Debug)]
pub(in crate::web) struct Hub {
    epoch: i64,
    started: Once,
    clients: AtomicUsize,
    dropped: AtomicU64,
    /// Something changed that verdicts may depend on, or the first client came.
    disturbed: Notify,
    phase: watch::Sender<Phase>,
    state: Mutex<State>,
}

/// How far the hub is; only ever goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// The versions and the first judgement are not known yet.
    Loading,
    /// Clients get their snapshot.
    Ready,
    /// All streams end.
    Closed,
}

#[derive(Debug)]
struct State {
    /// `None` when closed.
    sender: Option<broadcast::Sender<Bytes>>,
    seq: u64,
    recent: Recent,
    judgement: Judgement,
}

impl Hub {
    /// A hub without clients.
    pub(in crate::web) fn new() -> Arc<Self> {
        let state = State {
            sender: Some(broadcast::channel(BEHIND).0),
            seq: 0,
            recent: Recent::default(),
            judgement: Judgement::default(),
        };
        Arc::new(Self {
            epoch: jiff::Timestamp::now().as_millisecond(),
            started: Once::new(),
            clients: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            disturbed: Notify::new(),
            phase: watch::Sender::new(Phase::Loading),
            state: Mutex::new(state),
        })
    }

    /// Starts the two tasks, once. They end with [`Hub::close`].
    pub(super) fn start(self: &Arc<Self>, live: &Live, outlook: impl Outlook + Clone) {
        self.started.call_once(|| {
            // Listening begins before the versions are read, so that no change falls in between.
            tokio::spawn(self.clone().announce(live.subscribe(), outlook.clone()));
            tokio::spawn(self.clone().judge(outlook));
        });
    }

    /// Ends all streams, for good.
    pub(in crate::web) fn close(&self) {
        self.lock().sender = None;
        self.reach(Phase::Closed);
    }

    /// Lets a client in, unless there are too many.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Client> {
        if self.clients.fetch_add(1, Ordering::Relaxed) >= CLIENTS {
            self.clients.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        self.disturbed.notify_one();
        Some(Client { hub: self.clone() })
    }

    /// How many clients listen.
    pub(in crate::web) fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }

    /// How many clients were dropped because they did not read.
    pub(in crate::web) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts a client that was dropped because it did not read.
    pub(in crate::web) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        *self.phase.borrow() == Phase::Closed
    }

    fn reach(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let goes_on = *now < phase;
            *now = phase.max(*now);
            goes_on
        });
    }

    /// Waits until a phase is reached.
    async fn reached(&self, phase: Phase) {
        // The sender lives as long as this hub, so there is no error.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    /// The first task: changes of runs, and the comments.
    async fn announce(self: Arc<Self>, mut changes: broadcast::Receiver<Change>, outlook: impl Outlook) {
        let mut outbox = Outbox::default();
        let mut comments = interval_at((Instant::now() + COMMENT_EACH).into(), COMMENT_EACH);
        let mut next: Option<Instant> = None;
        let mut sent = Instant::now();
        self.load(&outlook).await;
        loop {
            tokio::select! {
                () = self.reached(Phase::Closed) => return,
                change = changes.recv() => {
                    if !self.gather(change, &mut changes, &mut outbox) {
                        return;
                    }
                    let pace = (PACE_PER_CLIENT * u32::try_from(self.clients()).unwrap_or(u32::MAX)).min(SLOWEST_PACE);
                    let soonest = sent + pace;
                    if soonest > Instant::now() {
                        self.disturbed.notify_one();
                        next = Some(next.map_or(soonest, |next| next.min(soonest)));
                        continue;
                    }
                }
                () = sleep_until(next.unwrap_or_else(Instant::now).into()), if next.is_some() => {}
                _ = comments.tick() => {
                    self.send(Bytes::from_static(b": still here\n\n"));
                    continue;
                }
            }
            let due = outbox.take(Instant::now());
            next = due.again;
            if due.resync {
                self.load(&outlook).await;
            }
            self.publish(&due);
            sent = Instant::now();
            // Judging all runs takes longer than telling of one: the clients go first.
            yield_now().await;
            self.disturbed.notify_one();
        }
    }

    /// Takes everything that is known to have changed by now. False when there will be no more.
    fn gather(
        &self,
        first: Result<Change, RecvError>,
        changes: &mut broadcast::Receiver<Change>,
        outbox: &mut Outbox,
    ) -> bool {
        match first {
            Ok(change) => self.note(change, outbox),
            Err(RecvError::Lagged(_)) => outbox.overflow(),
            Err(RecvError::Closed) => return false,
        }
        loop {
            match changes.try_recv() {
                Ok(change) => self.note(change, outbox),
                Err(TryRecvError::Lagged(_)) => outbox.overflow(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return true,
            }
        }
    }

    fn note(&self, change: Change, outbox: &mut Outbox) {
        self.lock().recent.set(&change.key, change.version);
        outbox.changed(change.key, change.version);
    }

    /// Reads the versions, again and again until the cache answers.
    async fn load(&self, outlook: &impl Outlook) {
        while !self.is_closed() {
            match (outlook.versions().await, outlook.judgement().await) {
                (Ok(versions), Ok(judgement)) => {
                    self.set(versions, judgement);
                    self.reach(Phase::Ready);
                    return;
                }
                (Err(error), _) | (_, Err(error)) => {
                    tracing::warn!(%error, "the stream waits for the cache");
                    sleep(RETRY).await;
                }
            }
        }
    }

    fn set(&self, versions: Versions, judgement: Judgement) {
        let mut state = self.lock();
        state.recent = Recent::of(&versions);
        state.judgement = judgement;
    }

    fn publish(&self, due: &Due) {
        let mut state = self.lock();
        let mut piece = String::new();
        for (key, version) in &due.runs {
            state.seq += 1;
            frame(&mut piece, self.epoch, state.seq, "run", &json!({ "key": key, "version": version }));
        }
        if due.resync {
            state.seq += 1;
            frame(&mut piece, self.epoch, state.seq, "resync", &json!({}));
        }
        if !piece.is_empty() {
            state.send(Bytes::from(piece));
        }
    }

    fn send(&self, piece: Bytes) {
        self.lock().send(piece);
    }

    /// The second task: verdicts change with time alone.
    async fn judge(self: Arc<Self>, outlook: impl Outlook) {
        self.reached(Phase::Ready).await;
        loop {
            tokio::select! {
                () = self.reached(Phase::Closed) => return,
                () = self.disturbed.notified() => {}
                () = sleep(JUDGE_EACH), if self.clients() > 0 => {}
            }
            if self.clients() == 0 {
                continue;
            }
            let began = Instant::now();
            match outlook.judgement().await {
                Ok(judgement) => self.judged(judgement),
                Err(error) => tracing::warn!(%error, "the stream could not judge the runs"),
            }
            // Judging many runs never takes more than a fifth of a thread.
            sleep(JUDGE_AT_MOST.max(began.elapsed() * 4)).await;
        }
    }

    fn judged(&self, judgement: Judgement) {
        let mut state = self.lock();
        if state.judgement == judgement {
            return;
        }
        state.judgement = judgement;
        state.seq += 1;
        let mut piece = String::new();
        frame(&mut piece, self.epoch, state.seq, "attention", &json!({ "count": judgement.attention }));
        state.send(Bytes::from(piece));
    }
}

impl State {
    fn send(&self, piece: Bytes) {
        if let Some(sender) = &self.sender {
            // Nobody listening is no error.
            let _ = sender.send(piece);
        }
    }
}

/// One message. JSON has no line ends of its own, so data is always one line and nothing in it can end the message.
fn frame(out: &mut String, epoch: i64, seq: u64, event: &str, data: &Value) {
    let _ = write!(out, "id: {epoch}-{seq}\nevent: {event}\ndata: {data}\n\n");
}

/// One client; leaves when dropped.
#[derive(Debug)]
pub(super) struct Client {
    hub: Arc<Hub>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.hub.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Client {
    /// The first bytes: when to connect again after a loss, different for each client so that not all come at once.
    pub(super) fn greeting(&self) -> Bytes {
        let retry = 500 + RandomState::new().hash_one(0) % 2000;
        Bytes::from(format!(": wheelwatch\nretry: {retry}\n\n"))
    }

    /// The snapshot, and everything from there on; `None` when the hub is closed.
    pub(super) async fn join(&self) -> Option<(Bytes, broadcast::Receiver<Bytes>)> {
        self.hub.reached(Phase::Ready).await;
        let state = self.hub.lock();
        let receiver = state.sender.as_ref()?.subscribe();
        let data = state.recent.snapshot(state.judgement.attention);
        let mut piece = String::new();
        frame(&mut piece, self.hub.epoch, state.seq, "snapshot", &data);
        Some((Bytes::from(piece), receiver))
    }

    /// Tells a client that it was too slow.
    pub(super) fn resync(&self) -> Bytes {
        let mut piece = String::new();
        frame(&mut piece, self.hub.epoch, self.hub.lock().seq, "resync", &json!({}));
        Bytes::from(piece)
    }
}
