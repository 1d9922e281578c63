//! Wiring: opens the cache, starts ingest, binds, serves, stops. It must hold no rule of any other room.

mod confine;
mod memory;

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::ingest::{self, IngestError, LogAccess, Source};
use crate::query::{Commands, Query};
use crate::reducer::fold::Wanted;
use crate::reducer::run::RunState;
use crate::reducer::time::Micros;
use crate::reducer::verdict::Policy;
use crate::store::{self, Part, SourceStatus, Store, StoreError};
use crate::web::{self, LogText, Token, Web};

/// How long a stop may take before the process ends anyway; spec 5.4.6 T142 allows 5 s.
const STOP_WITHIN: Duration = Duration::from_millis(4500);

/// How long the first line waits for what is there, so that it can say what was found; and from how many logs or bytes on it
/// does not wait at all, since a page can show the newest of them long before all are read.
const FIRST_LOOK: Duration = Duration::from_millis(500);
const MANY: u64 = 4096;
const MUCH: u64 = 64 * 1024 * 1024;

/// How long another process may hold the cache before it is one that keeps it (spec 5.4.4 T88 allows 3 s to say so).
pub const MOMENT: Duration = Duration::from_secs(1);

/// Pages are made by two threads: more cost memory (spec 6: uncapped, it went from 18 to 63 MB).
const BLOCKING_THREADS: usize = 2;

/// Everything that is needed to serve, checked already.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the cache is to be.
    pub cache: PathBuf,
    /// What to read and how.
    pub source: Source,
    /// The limits.
    pub policy: Policy,
    /// What a person could run.
    pub commands: Commands,
    /// Port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
}

/// What is known when the server answers: for the one line that it prints.
#[derive(Clone, Debug)]
pub struct Started {
    /// Where to point a browser.
    pub url: String,
    /// The address holds a token that works once (spec 5.3 rule 7).
    pub once: bool,
    /// The cache, `None` when it is held in memory.
    pub cache: Option<PathBuf>,
    /// How the source looks after the first scan, or so far.
    pub status: SourceStatus,
    /// Runs found so far.
    pub runs: u64,
}

/// Why it could not serve.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The port is taken, or not ours to take (exit 4).
    #[error("cannot listen on 127.0.0.1:{port}: {reason}; choose another with --port, or --port 0 for any free one")]
    Port {
        /// The port that was asked for.
        port: u16,
        /// What the system said, in short.
        reason: String,
    },
    /// The cache said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source said no.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The system said no to a thread, a signal handler or a socket.
    #[error("cannot serve: {0}")]
    System(#[from] io::Error),
}

/// The present, for everything that is derived when it is asked for.
#[must_use]
pub fn now() -> Micros {
    Micros(jiff::Timestamp::now().as_microsecond())
}

/// Gives up writing everywhere but in the directory of the cache, for this thread and all that it starts from then on (spec
/// 5.3 rule 10). Gives why the kernel does not see to that; `None` when it does.
#[must_use]
pub fn confine(cache: &Path, source: &Source) -> Option<String> {
    // What may not be there is refused with its reason when it is opened.
    confine::confine(store::directory(cache, &source.directories()).ok().flatten().as_deref())
}

/// Watches, reduces and serves until a signal says stop. `started` is called once, when the server answers.
///
/// # Errors
/// [`AppError`], before anything is served; afterwards only when the listener itself fails.
///
/// The calling thread can write nowhere but beside the cache from then on.
pub fn serve(plan: Plan, started: impl FnOnce(&Started) + Send + 'static) -> Result<(), AppError> {
    let unconfined = confine(&plan.cache, &plan.source);
    if let Some(why) = &unconfined {
        tracing::warn!(why, "the kernel does not keep this process from writing outside its cache's directory");
    }
    memory::give_back();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()?;
    let _inside = runtime.enter();
    let signals = Signals::install()?;

    let store = open(&plan.cache, &plan.source)?;
    store.live.update(|status| status.unconfined = unconfined);
    let listener = listen(plan.port)?;
    let port = listener.local_addr()?.port();
    let (token, address) = door(port)?;
    let web = Web {
        query: Query { reader: store.reader.clone(), policy: Arc::new(plan.policy) },
        live: store.live.clone(),
        logs: Arc::new(Logs(LogAccess::with_snapshots(&plan.source, store.reader.clone()))),
        commands: Arc::new(plan.commands),
        redact: plan.source.reading.redact,
        port,
        token,
    };
    let once = web.token.is_some();
    let Store { writer, reader, live, path } = store;
    let reading = ingest::start(plan.source, writer.clone(), reader.clone(), live.clone())?;

    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::spawn(async move {
            first_look(&live).await;
            let status = live.status();
            let runs = reader.totals().map_or(0, |totals| totals.runs);
            started(&Started { url: address, once, cache: path, status, runs });
        });
        web::serve(listener, web, signals.stop()).await
    })?;
    drop(reading);
    writer.flush()?;
    Ok(())
}

/// How the user is told from others: by the kernel's table of sockets, or else by a token (spec 5.3 rule 7). Gives the
/// address to print, too.
fn door(port: u16) -> io::Result<(Option<Token>, String)> {
    let address = format!("http://127.0.0.1:{port}/");
    if web::knows_peers() {
        return Ok((None, address));
    }
    tracing::warn!("the kernel's table of sockets cannot be read: the printed address works once, and gives a cookie");
    let (token, ticket) = Token::new(port)?;
    Ok((Some(token), format!("{address}?token={ticket}")))
}

/// Opens the cache of a source; a command that holds it for a moment is waited for.
///
/// # Errors
/// As [`store::open()`].
pub fn open(cache: &Path, source: &Source) -> Result<Store, StoreError> {
    open_patiently(cache, source, store::open)
}

/// The same for a command that asks nothing before everything is read.
///
/// # Errors
/// As [`store::open_alone()`].
pub fn open_alone(cache: &Path, source: &Source) -> Result<Store, StoreError> {
    open_patiently(cache, source, store::open_alone)
}

fn open_patiently(
    cache: &Path,
    source: &Source,
    open: fn(&Path, &[PathBuf], &str) -> Result<Store, StoreError>,
) -> Result<Store, StoreError> {
    let roots = source.directories();
    let began = Instant::now();
    loop {
        match open(cache, &roots, &source.fingerprint()) {
            Err(StoreError::InUse { .. }) if began.elapsed() < MOMENT => std::thread::sleep(MOMENT / 20),
            result => return result,
        }
    }
}

/// Only ever the loopback address: there is no option for another (spec 5.3 rule 1).
fn listen(port: u16) -> Result<TcpListener, AppError> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => AppError::Port { port, reason: "the port is in use".into() },
        io::ErrorKind::PermissionDenied => AppError::Port { port, reason: "this port needs privileges".into() },
        _ => AppError::System(error),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(refused)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Waits until what is there was found, read and committed, so that the first line can say it; not for long, and not for much.
async fn first_look(live: &store::Live) {
    let seen = async {
        let is_seen = |status: SourceStatus| status.complete || status.logs > MANY || status.backlog_bytes > MUCH;
        while !is_seen(live.status()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    // Too much to read is no error: the line then says what was found so far.
    let _ = tokio::time::timeout(FIRST_LOOK, seen).await;
}

/// Gives the web room its raw lines, so that it need not know who opens logs.
pub(crate) struct Logs(pub(crate) LogAccess);

impl LogText for Logs {
    fn read(&self, key: &str, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        self.0.read(key, offset, length).map_err(|error| error.to_string())
    }

    fn part_at(&self, key: &str, line: u64, wanted: Wanted) -> Result<(RunState, Option<Part>), String> {
        self.0.part_at(key, line, wanted).map_err(|error| error.to_string())
    }

    fn artifact(&self, key: &str, path: &str) -> Result<File, &'static str> {
        self.0.artifact(key, path)
    }
}

/// The signals that mean stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        // A limit of file size (`ulimit -f`) then makes a write fail, as a full disk does, and ends nobody (spec T85).
        // The handler stays when what listens to it is dropped.
        let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }

    /// Resolves at the first signal. From then on a second one ends the process at once, and so does a stop that
    /// takes too long: everything in the cache is committed in whole batches or can be read again.
    async fn stop(mut self) {
        self.next().await;
        tracing::info!("stopping");
        std::thread::spawn(|| {
            std::thread::sleep(STOP_WITHIN);
            tracing::warn!("stopping took too long; ended with reading still under way");
            std::process::exit(0);
        });
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(130);
        });
    }
}

#[cfg(test)]
mod failing;
