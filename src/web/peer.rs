//! Whose connection it is: the user who holds the other end of a loopback connection (spec 5.3 rule 7).
//!
//! Linux keeps every TCP socket of the network namespace, with the user who owns it, in `/proc/net/tcp` and
//! `/proc/net/tcp6`; the client's end of a loopback connection is a row there. Where there is no such table, a
//! [`Token`](super::Token) in the printed address is the way in.
//!
//! The kernel is asked for the one row ([`diag`]). Where it does not answer, the tables are read: they are as long as the
//! machine has sockets and are read as a whole, several milliseconds even when they are short. So one thread reads them for
//! all connections that wait together: what a crowd costs does not grow with its square, and no thread that serves pages
//! waits.

#[cfg(target_os = "linux")]
mod diag;

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
#[cfg(target_os = "linux")]
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use tokio::sync::oneshot;

/// Whether a connection is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A program of our own user, or of root.
    Ours,
    /// Somebody else, or nobody can say who.
    Foreign,
}

impl Peer {
    fn of(uid: u32) -> Self {
        let ours = rustix::process::geteuid().as_raw();
        if uid == ours || uid == 0 { Peer::Ours } else { Peer::Foreign }
    }
}

/// How often the tables are read before a connection counts as nobody's: a row can be missed while others come and go.
const LOOKS: usize = 3;

/// Whether the kernel says whose a connection is.
#[must_use]
pub fn knows_peers() -> bool {
    File::open("/proc/net/tcp").is_ok()
}

/// Says whose the connections to one address are. Cheap to clone; its thread ends with the last clone.
#[derive(Clone, Debug)]
pub(super) struct Peers {
    server: SocketAddr,
    #[cfg(target_os = "linux")]
    diag: Option<Arc<diag::Diag>>,
    questions: Sender<Question>,
}

/// A connection whose answer is waited for.
#[derive(Debug)]
struct Question {
    client: SocketAddr,
    answer: oneshot::Sender<Peer>,
}

/// Connections by the client's end as the tables write it, which may have been used again meanwhile.
type Waiting = HashMap<String, Vec<oneshot::Sender<Peer>>>;

impl Peers {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(server: SocketAddr) -> io::Result<Self> {
        let (questions, inbox) = channel::<Question>();
        std::thread::Builder::new().name(String::from("peers")).spawn(move || {
            while let Ok(first) = inbox.recv() {
                // All of them were accepted before the tables are opened, so their rows are there.
                let mut waiting = Waiting::new();
                for Question { client, answer } in std::iter::once(first).chain(inbox.try_iter()) {
                    waiting.entry(as_row(client)).or_default().push(answer);
                }
                settle(waiting, |waiting| look(server, waiting));
            }
        })?;
        Ok(Self {
            server,
            #[cfg(target_os = "linux")]
            diag: diag::Diag::open().map(Arc::new),
            questions,
        })
    }

    /// Who holds the other end of an accepted connection; foreign when nobody can say.
    pub(super) async fn look_up(&self, client: SocketAddr) -> Peer {
        #[cfg(target_os = "linux")]
        if let Some(uid) = self.diag.as_ref().and_then(|diag| diag.owner(client, self.server)) {
            return Peer::of(uid);
        }
        let (answer, answered) = oneshot::channel();
        // When the thread is gone, so is the other end of the answer.
        let _ = self.questions.send(Question { client, answer });
        answered.await.unwrap_or(Peer::Foreign)
    }
}

/// Answers everybody, with as few looks as it takes.
fn settle(mut waiting: Waiting, mut look: impl FnMut(&mut Waiting) -> io::Result<()>) {
    for _ in 0..LOOKS {
        if let Err(error) = look(&mut waiting) {
            tracing::warn!(%error, "the kernel's socket table could not be read, so connections were refused");
            break;
        }
        if waiting.is_empty() {
            return;
        }
    }
    waiting.into_values().for_each(|answers| tell(answers, Peer::Foreign));
}

fn tell(answers: Vec<oneshot::Sender<Peer>>, peer: Peer) {
    for answer in answers {
        // Who has gone does not want to know.
        let _ = answer.send(peer);
    }
}

/// Reads both tables once and answers those who are found. A program that uses IPv6 sockets for everything stands in the
/// second one.
fn look(server: SocketAddr, waiting: &mut Waiting) -> io::Result<()> {
    let mut found = |answers, uid| tell(answers, Peer::of(uid));
    find(BufReader::new(File::open("/proc/net/tcp")?), "", server, waiting, &mut found)?;
    if waiting.is_empty() {
        return Ok(());
    }
    match File::open("/proc/net/tcp6") {
        Ok(table) => find(BufReader::new(table), &mapped_prefix(), server, waiting, &mut found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes out who has a row in a table, and gives the user who owns it: the row whose local end is the client and whose
/// remote end is the server. Both ends begin with `prefix` in this table.
///
/// A row without inode belongs to no process any more (closed, time-wait); the kernel gives it to root, so it proves
/// nothing and is passed over.
fn find<T>(
    table: impl BufRead,
    prefix: &str,
    server: SocketAddr,
    waiting: &mut HashMap<String, T>,
    found: &mut impl FnMut(T, u32),
) -> io::Result<()> {
    let server = as_row(server);
    for line in table.lines() {
        let line = line?;
        // sl local remote st tx:rx tr:when retrnsmt uid timeout inode
        let mut fields = line.split_ascii_whitespace().skip(1);
        let mut end = || fields.next().and_then(|end| end.strip_prefix(prefix));
        let (Some(client), Some(remote)) = (end(), end()) else { continue };
        if remote != server || !waiting.contains_key(client) {
            continue;
        }
        let (uid, inode) = (fields.nth(4), fields.nth(1));
        if let (Some(Ok(uid)), Some(inode)) = (uid.map(str::parse), inode)
            && inode != "0"
            && let Some(who) = waiting.remove(client)
        {
            found(who, uid);
        }
        if waiting.is_empty() {
            break;
        }
    }
    Ok(())
}

/// An address as the tables write it: 32-bit words in the machine's byte order, then the port.
fn as_row(address: SocketAddr) -> String {
    let mut out = String::with_capacity(37);
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    for word in octets.chunks_exact(4) {
        let word = u32::from_ne_bytes(word.try_into().expect("chunks of four bytes"));
        let _ = write!(out, "{word:08X}");
    }
    let _ = write!(out, ":{:04X}", address.port());
    out
}

/// What stands before an IPv4 address in the table of IPv6 sockets: `::ffff:a.b.c.d`.
fn mapped_prefix() -> String {
    let ip = Ipv4Addr::UNSPECIFIED;
    let (plain, mapped) = (as_row((ip, 0).into()), as_row((ip.to_ipv6_mapped(), 0).into()));
    mapped[..mapped.len() - plain.len()].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn check_in(prefix: &str, rows: &str, expected: Option<u32>) {
        let client = as_row("127.0.0.1:48534".parse().expect("an address"));
        let server = "127.0.0.1:36483".parse().expect("an address");
        let table = format!("{HEAD}{rows}");
        let (mut waiting, mut uid) = (HashMap::from([(client, ())]), None);
        find(table.as_bytes(), prefix, server, &mut waiting, &mut |(), found| uid = Some(found)).expect("a table");
        assert_eq!((uid, waiting.is_empty()), (expected, expected.is_some()), "{rows}");
    }

    fn check(rows: &str, expected: Option<u32>) {
        check_in("", rows, expected);
    }

    /// What everybody who waited was told.
    fn told(clients: usize, look: impl FnMut(&mut Waiting) -> io::Result<()>) -> Vec<Option<Peer>> {
        let (answers, mut told): (Vec<_>, Vec<_>) = (0..clients).map(|_| oneshot::channel()).unzip();
        let rows = answers.into_iter().enumerate();
        settle(rows.map(|(n, answer)| (format!("client {n}"), vec![answer])).collect(), look);
        told.iter_mut().map(|answer| answer.try_recv().ok()).collect()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_owner_is_the_one_of_the_client_end() {
        let listener =
            "   0: 0100007F:8E83 00000000:0000 0A 00000000:00000000 00:00000000 00000000     7        0 19 1 0\n";
        let server =
            "   1: 0100007F:8E83 0100007F:BD96 01 00000000:00000000 00:00000000 00000000     7        0 20 1 0\n";
        let client =
            "   2: 0100007F:BD96 0100007F:8E83 01 00000000:00000000 00:00000000 00000000  1000        0 21 2 0\n";
        check(&format!("{listener}{server}{client}"), Some(1000));
        check(&format!("{listener}{server}"), None);
        check("", None);
        check("garbage\n\n 1: 2 3\n", None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_row_without_inode_proves_nothing() {
        let closed =
            "   2: 0100007F:BD96 0100007F:8E83 06 00000000:00000000 03:000002E6 00000000     0        0 0 3 0\n";
        let client =
            "   3: 0100007F:BD96 0100007F:8E83 01 00000000:00000000 00:00000000 00000000  1000        0 21 2 0\n";
        check(closed, None);
        check(&format!("{closed}{client}"), Some(1000));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn an_ipv6_socket_is_found_under_the_mapped_address() {
        let row = "   2: 0000000000000000FFFF00000100007F:BD96 0000000000000000FFFF00000100007F:8E83 01 \
                   00000000:00000000 00:00000000 00000000  1000        0 21 2 0\n";
        check_in(&mapped_prefix(), row, Some(1000));
        check(row, None);
        check_in(&mapped_prefix(), &row.replace("FFFF0000", "00000000"), None);
    }

    #[test]
    fn a_crowd_is_answered_by_one_look_and_who_is_nowhere_is_foreign() {
        let mut looks = 0;
        let all = told(1000, |waiting| {
            looks += 1;
            waiting.drain().for_each(|(_, answers)| tell(answers, Peer::Ours));
            Ok(())
        });
        assert_eq!((all, looks), (vec![Some(Peer::Ours); 1000], 1));
        // One is found at the second look, one never.
        let mut looks = 0;
        let some = told(2, |waiting| {
            looks += 1;
            if looks == 2 {
                waiting.remove("client 0").into_iter().for_each(|answers| tell(answers, Peer::Ours));
            }
            Ok(())
        });
        assert_eq!((some, looks), (vec![Some(Peer::Ours), Some(Peer::Foreign)], LOOKS));
        assert_eq!(told(2, |_| Err(io::Error::other("no table"))), [Some(Peer::Foreign); 2]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_of_this_process_is_ours() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
        let server = listener.local_addr().expect("an address");
        let client = std::net::TcpStream::connect(server).expect("a connection");
        let peers = Peers::start(server).expect("a thread");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let tables = Peers { diag: None, ..peers.clone() };
        for peers in [peers, tables] {
            let look_up = |client| runtime.block_on(peers.look_up(client));
            assert_eq!(look_up(client.local_addr().expect("an address")), Peer::Ours);
            let nobody = "127.0.0.1:1".parse().expect("an address");
            assert_eq!(look_up(nobody), Peer::Foreign);
        }
    }
}
