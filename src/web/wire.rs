//! The bytes of one connection, between the socket and the HTTP library.
//!
//! Three things can only be done here: dropping a client that does not read (spec 5.3 rule 9: by a timer outside the
//! body), refusing a bare line feed, which the HTTP library would take for a line end (spec T118), and giving the
//! library's own answers to malformed requests the headers that every answer has (spec T107).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::guard;
use super::serve::Link;

/// One connection.
#[derive(Debug)]
pub(super) struct Wire<T> {
    socket: T,
    /// What is known of the connection.
    link: Arc<Link>,
    /// What is done with the socket when a stream begins on it; nothing is left when it did.
    narrow: Option<fn(&T)>,
    /// How long a write may make no progress.
    patience: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The last byte that came.
    last: u8,
    /// An answer of the library's own that is being replaced: the bytes, and how many are written.
    replaced: Option<(Vec<u8>, usize)>,
}

impl<T> Wire<T> {
    pub(super) fn new(socket: T, link: Arc<Link>, narrow: fn(&T), patience: Duration) -> Self {
        Self { socket, link, narrow: Some(narrow), patience, stalled: None, last: 0, replaced: None }
    }
}

impl<T: AsyncWrite + Unpin> Wire<T> {
    /// Passes on what a write said, unless it has waited for too long.
    fn patiently<R>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let patience = self.patience;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(timer.as_mut().poll(cx));
        timer.as_mut().reset(Instant::now() + patience);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }

    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(narrow) = self.narrow.take_if(|_| self.link.streaming.load(Ordering::Relaxed)) {
            narrow(&self.socket);
        }
        let result = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.patiently(cx, result)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(cx, buffer))?;
        spoil_bare_line_feeds(&mut buffer.filled_mut()[before..], &mut this.last);
        Poll::Ready(Ok(()))
    }
}

/// Turns a line feed without carriage return into NUL, which stands in no request head and so gives 400. All bytes of
/// a client are heads, as no request may have a body.
fn spoil_bare_line_feeds(bytes: &mut [u8], last: &mut u8) {
    for byte in bytes {
        if *byte == b'\n' && *last != b'\r' {
            *byte = 0;
        }
        *last = *byte;
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.replaced.is_none() {
            match refusal(bytes) {
                None => return this.write(cx, bytes),
                Some(answer) => this.replaced = Some((answer, 0)),
            }
        }
        while let Some((answer, written)) = this.replaced.take() {
            if written == answer.len() {
                break;
            }
            match this.write(cx, &answer[written..]) {
                Poll::Ready(Ok(more)) => this.replaced = Some((answer, written + more)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.replaced = Some((answer, written));
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.socket).poll_flush(cx);
        this.patiently(cx, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

/// The full answer instead of the bare one that the HTTP library writes by itself when a head cannot be parsed: a
/// status line, `connection: close`, an empty body and a date, as one write. Nothing of ours looks like it, as every
/// answer that went through the guard has its headers, and no body of ours ends with an empty line of this kind.
///
/// It is asked of all that is left of an answer, with every write anew: what is long is never looked at.
fn refusal(bytes: &[u8]) -> Option<Vec<u8>> {
    let short = Some(bytes).filter(|bytes| bytes.len() < 256)?;
    let head = std::str::from_utf8(short).ok()?;
    let (status, fields) = head.split_once("\r\n")?;
    let bare = fields
        .strip_suffix("\r\n\r\n")?
        .split("\r\n")
        .all(|field| field == "connection: close" || field == "content-length: 0" || field.starts_with("date: "));
    if !bare || !status.starts_with("HTTP/1.1 4") {
        return None;
    }
    let text = guard::MALFORMED;
    let mut answer = format!("{status}\r\n");
    for (name, value) in guard::HEADERS {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    let date = fields.split("\r\n").find(|field| field.starts_with("date: ")).unwrap_or("date: -");
    answer.push_str(&format!(
        "content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: {}\r\n{date}\r\n\r\n{text}",
        text.len()
    ));
    Some(answer.into_bytes())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;

    use super::*;

    /// A client that reads so many bytes at a time, and nothing when that is 0.
    #[derive(Default)]
    struct Client {
        each: usize,
        got: Vec<u8>,
        narrowed: Cell<u32>,
    }

    impl AsyncWrite for Client {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if self.each == 0 {
                return Poll::Pending;
            }
            let taken = self.each.min(bytes.len());
            self.got.extend(&bytes[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.each == 0 { Poll::Pending } else { Poll::Ready(Ok(())) }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn wire(each: usize) -> Wire<Client> {
        let narrow = |client: &Client| client.narrowed.set(client.narrowed.get() + 1);
        Wire::new(Client { each, ..Client::default() }, Arc::default(), narrow, Duration::from_millis(20))
    }

    const BARE: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
                        date: Thu, 20 Nov 2025 11:32:00 GMT\r\n\r\n";

    #[test]
    fn a_bare_line_feed_is_no_line_end_also_between_two_reads() {
        for (chunks, expected) in [
            (vec!["GET /\r\n\r\n"], "GET /\r\n\r\n"),
            (vec!["GET /\r", "\n\r\n"], "GET /\r\n\r\n"),
            (vec!["GET /\n\r\n"], "GET /\0\r\n"),
            (vec!["GET /", "\n\r\n"], "GET /\0\r\n"),
            (vec!["\n"], "\0"),
            (vec!["a\r\n\n"], "a\r\n\0"),
        ] {
            let mut last = 0;
            let mut out = Vec::new();
            for chunk in chunks {
                let mut bytes = chunk.as_bytes().to_vec();
                spoil_bare_line_feeds(&mut bytes, &mut last);
                out.extend(bytes);
            }
            assert_eq!(String::from_utf8(out).expect("text"), expected);
        }
    }

    #[test]
    fn only_a_bare_refusal_is_replaced() {
        let answer = String::from_utf8(refusal(BARE.as_bytes()).expect("a refusal")).expect("text");
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert!(answer.contains("content-security-policy: default-src 'none'"), "{answer}");
        for other in [
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nx-frame-options: DENY\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n",
            "data: HTTP/1.1 400\r\n\r\n",
        ] {
            assert_eq!(refusal(other.as_bytes()), None, "{other}");
        }
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_an_error_after_the_patience() {
        let mut wire = wire(0);
        let write = poll_fn(|cx| Pin::new(&mut wire).poll_write(cx, b"data"));
        assert_eq!(write.await.expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);
        let flush = poll_fn(|cx| Pin::new(&mut wire).poll_flush(cx));
        assert_eq!(flush.await.expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_socket_is_narrowed_once_and_only_for_a_stream() {
        let mut wire = wire(9);
        for (streaming, narrowed) in [(false, 0), (true, 1), (true, 1)] {
            wire.link.streaming.store(streaming, Ordering::Relaxed);
            poll_fn(|cx| Pin::new(&mut wire).poll_write(cx, b"data")).await.expect("the client reads");
            assert_eq!(wire.socket.narrowed.get(), narrowed, "{streaming}");
        }
    }

    #[tokio::test]
    async fn a_slow_client_gets_a_replaced_answer_whole() {
        let mut wire = wire(7);
        let written = poll_fn(|cx| Pin::new(&mut wire).poll_write(cx, BARE.as_bytes())).await;
        assert_eq!(written.expect("the client reads"), BARE.len());
        assert_eq!(Some(wire.socket.got), refusal(BARE.as_bytes()));
    }
}
