//! Whose connection it is: the user who holds the other end of a loopback connection (spec 5.3 rule 7).
//!
//! Linux keeps every TCP socket of the network namespace, with the user who owns it, in `/proc/net/tcp` and
//! `/proc/net/tcp6`; the client's end of a loopback connection is a row there. Where there is no such table, a
//! [`Token`](super::Token) in the printed address is the way in.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Whether a connection is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A program of our own user, or of root.
    Ours,
    /// Somebody else, or nobody can say who.
    Foreign,
}

/// How often the tables are read before a connection counts as nobody's: a row can be missed while others come and go.
const LOOKS: usize = 3;

/// Whether the kernel says whose a connection is.
#[must_use]
pub fn knows_peers() -> bool {
    File::open("/proc/net/tcp").is_ok()
}

/// Looks up who holds the other end of an accepted connection. Reads a table as long as
/// the machine has sockets, about a microsecond a row; call it once per connection.
pub(super) fn look_up(client: SocketAddr, server: SocketAddr) -> Peer {
    let ours = rustix::process::geteuid().as_raw();
    for _ in 0..LOOKS {
        match owner(client, server) {
            Ok(Some(uid)) if uid == ours || uid == 0 => return Peer::Ours,
            Ok(Some(_)) => return Peer::Foreign,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the kernel's socket table could not be read, so a connection was refused");
                return Peer::Foreign;
            }
        }
    }
    Peer::Foreign
}

fn owner(client: SocketAddr, server: SocketAddr) -> io::Result<Option<u32>> {
    let found = find(BufReader::new(File::open("/proc/net/tcp")?), client, server)?;
    if found.is_some() {
        return Ok(found);
    }
    match File::open("/proc/net/tcp6") {
        Ok(table) => find(BufReader::new(table), mapped(client), mapped(server)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The user in the row whose local end is the client and whose remote end is the server.
///
/// A row without inode belongs to no process any more (closed, time-wait); the kernel gives it to root, so it proves
/// nothing and is passed over.
fn find(table: impl BufRead, client: SocketAddr, server: SocketAddr) -> io::Result<Option<u32>> {
    let (client, server) = (as_row(client), as_row(server));
    for line in table.lines() {
        let line = line?;
        // sl local remote st tx:rx tr:when retrnsmt uid timeout inode
        let mut fields = line.split_ascii_whitespace().skip(1);
        if fields.next() != Some(&client) || fields.next() != Some(&server) {
            continue;
        }
        let (uid, inode) = (fields.nth(4), fields.nth(1));
        if let (Some(Ok(uid)), Some(inode)) = (uid.map(str::parse), inode)
            && inode != "0"
        {
            return Ok(Some(uid));
        }
    }
    Ok(None)
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

/// A program that uses IPv6 sockets for everything reaches an IPv4 server under `::ffff:a.b.c.d`.
fn mapped(address: SocketAddr) -> SocketAddr {
    let ip: Ipv6Addr = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    SocketAddr::new(ip.into(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn check(rows: &str, expected: Option<u32>) {
        let client = "127.0.0.1:48534".parse().expect("an address");
        let server = "127.0.0.1:36483".parse().expect("an address");
        let table = format!("{HEAD}{rows}");
        assert_eq!(find(table.as_bytes(), client, server).expect("a table"), expected, "{rows}");
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
        let row = as_row(mapped("127.0.0.1:80".parse().expect("an address")));
        assert_eq!(row, "0000000000000000FFFF00000100007F:0050");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_of_this_process_is_ours() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
        let server = listener.local_addr().expect("an address");
        let client = std::net::TcpStream::connect(server).expect("a connection");
        assert_eq!(look_up(client.local_addr().expect("an address"), server), Peer::Ours);
    }
}
