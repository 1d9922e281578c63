//! The server: HTTP/1.1 on one loopback listener, everything bounded (spec 5.3 rules 7 and 9, 5.4.5).
//!
//! It must never know what is served: a request goes to the router, guard first, once it is known whose connection it
//! came on.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use super::guard::Refusal;
use super::peer::{Peer, Peers};
use super::stream::Hub;
use super::wire::Wire;
use super::{Web, build};

/// The largest head of a request, and the most that is held of one.
const HEAD_BYTES: usize = 32 * 1024;
/// What the kernel may hold for one client (Linux doubles it for its own use). Less than some segments of the loopback
/// device, 64 KiB each, and a client acknowledges each only after 40 ms: it waits for a second one.
const SEND_BUFFER: usize = 256 * 1024;
/// The same of a stream, whose messages are small and should not pile up (spec T133).
const STREAM_BUFFER: usize = 32 * 1024;
/// The most connections at once; half the process's descriptors when that is less.
const CONNECTIONS: u64 = 1024;
/// How long to wait when the process has no descriptor left for a connection.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// The times that tests make shorter.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// How long the head of a request may take, and how long a kept connection may say nothing.
    head: Duration,
    /// How long a client may read nothing of what waits for it.
    patience: Duration,
    /// How long running answers may take after the stop, before they are cut off (spec T142: 5 s in all).
    grace: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), patience: Duration::from_secs(30), grace: Duration::from_secs(3) }
    }
}

/// What the handlers and the server both know of one connection.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// A stream runs on it: when the client stalls, a stream was dropped.
    pub(super) streaming: AtomicBool,
}

/// Serves until `stop` resolves; then closes streams and returns (spec T142: within 5 s).
///
/// # Errors
/// When the listener has no address or there is no thread. What one connection does ends that connection, and running out of descriptors only
/// delays new ones.
pub async fn serve(listener: TcpListener, web: Web, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let trust = match web.token {
        Some(_) => Trust::Cookie,
        None => Trust::Table(Peers::start(listener.local_addr()?)?),
    };
    let (router, hub) = build(web);
    let server = Server { trust, router, hub, times: Times::default() };
    server.run(listener, connections(), stop).await;
    Ok(())
}

/// How many connections this process has descriptors for, beside the logs and the cache.
fn connections() -> usize {
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from((descriptors / 2).clamp(8, CONNECTIONS)).expect("at most CONNECTIONS")
}

/// What tells a connection of the user's from others.
#[derive(Clone, Debug)]
enum Trust {
    /// The kernel's table of sockets.
    Table(Peers),
    /// A cookie, which the guard asks for.
    Cookie,
}

/// What all connections share.
#[derive(Clone)]
struct Server {
    trust: Trust,
    router: Router,
    hub: Arc<Hub>,
    times: Times,
}

impl Server {
    async fn run(self, listener: TcpListener, connections: usize, stop: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(connections));
        let (closing, closed) = watch::channel(());
        let mut running = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let (socket, client, permit) = tokio::select! {
                () = &mut stop => break,
                Some(_) = running.join_next() => continue,
                next = accept(&listener, &permits) => next,
            };
            let (server, closed) = (self.clone(), closed.clone());
            running.spawn(async move {
                server.connection(socket, client, closed).await;
                drop(permit);
            });
        }
        drop(listener);
        self.hub.close();
        drop(closing);
        let drained = timeout(self.times.grace, async { while running.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            running.shutdown().await;
        }
    }

    async fn connection(self, socket: TcpStream, client: SocketAddr, mut closed: watch::Receiver<()>) {
        let Self { trust, router, hub, times } = self;
        let peer = match trust {
            // Who is gone already is not looked for: many may come and go (spec T137).
            _ if socket.peer_addr().is_err() => return,
            Trust::Table(peers) => peers.look_up(client).await,
            Trust::Cookie => Peer::Ours,
        };
        bound(&socket, times.patience);
        let link = Arc::new(Link::default());
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let (router, link) = (router.clone(), link.clone());
            async move { Ok::<_, Infallible>(answer(router, request.map(Body::new), peer, link).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(times.head);
        http.max_header_size(HEAD_BYTES).max_buf_size(HEAD_BYTES);
        let io = TokioIo::new(Wire::new(socket, link.clone(), narrow, times.patience));
        let mut serving = std::pin::pin!(http.serve_connection(io, service));
        let result = tokio::select! {
            result = &mut serving => result,
            _ = closed.changed() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if result.is_err_and(|error| is_time_out(&error)) && link.streaming.load(Ordering::Relaxed) {
            hub.count_dropped();
        }
    }
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let permit = permits.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((socket, client)) => return (socket, client, permit),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(EXHAUSTED).await;
            }
        }
    }
}

async fn answer(router: Router, mut request: Request, peer: Peer, link: Arc<Link>) -> Response {
    if peer == Peer::Foreign {
        return Refusal::Foreign.into_response();
    }
    request.extensions_mut().insert(link);
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// What waits for a client of a stream stays small.
fn narrow(socket: &TcpStream) {
    if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(socket, STREAM_BUFFER) {
        tracing::debug!(%error, "a socket option could not be set");
    }
}

/// Small frames leave at once, and what waits for a client is bounded. The kernel's own timer ends a connection whose
/// client takes nothing, also when so little waits that no write of ours is ever held up.
fn bound(socket: &TcpStream, patience: Duration) {
    use rustix::net::sockopt;
    let results = [
        sockopt::set_tcp_nodelay(socket, true),
        sockopt::set_socket_send_buffer_size(socket, SEND_BUFFER),
        #[cfg(target_os = "linux")]
        sockopt::set_tcp_user_timeout(socket, u32::try_from(patience.as_millis()).expect("seconds")),
    ];
    for error in results.into_iter().filter_map(Result::err) {
        // The client may be gone already; the connection then ends by itself.
        tracing::debug!(%error, "a socket option could not be set");
    }
}

/// Whether a connection ended because its client did not read.
fn is_time_out(error: &hyper::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
