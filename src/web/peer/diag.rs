//! Asks the kernel for the one socket that holds the other end of a connection: a message of a hundred bytes there and back,
//! however many sockets the machine has (sock_diag(7)). It answers within the call that asks.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

/// `SOCK_DIAG_BY_FAMILY`, as question and as answer.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`: for one socket, not for a list.
const REQUEST: u16 = 1;
const INET: u8 = 2;
const INET6: u8 = 10;
const TCP: u8 = 6;

/// How long the head of every message is, the question, and as much of the answer as is looked at.
const HEAD: usize = 16;
const QUESTION: usize = HEAD + 56;
const ANSWER: usize = HEAD + 72;

/// A way to ask.
#[derive(Debug)]
pub(super) struct Diag {
    /// With the number of the last question.
    socket: Mutex<(OwnedFd, u32)>,
}

impl Diag {
    /// None when the system has no such sockets, or does not let us have one.
    pub(super) fn open() -> Option<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(netlink::SOCK_DIAG)).ok()?;
        Some(Self { socket: Mutex::new((socket, 0)) })
    }

    /// The user who holds the socket at `client` that is connected to `server`; none when the kernel does not say.
    pub(super) fn owner(&self, client: SocketAddr, server: SocketAddr) -> Option<u32> {
        let (SocketAddr::V4(client), SocketAddr::V4(server)) = (client, server) else { return None };
        let mut answer = [0; 1024];
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let (socket, number) = &mut *socket;
        *number = number.wrapping_add(1);
        send(&*socket, &question(*number, client, server), SendFlags::empty()).ok()?;
        // What is left of an answer that nobody took has another number.
        loop {
            let (_, length) = recv(&*socket, &mut answer[..], RecvFlags::DONTWAIT).ok()?;
            let answer = answer.get(..length)?;
            if word(answer, 8) == Some(*number) {
                return owner(answer, client, server);
            }
        }
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2` of linux/inet_diag.h.
fn question(number: u32, client: SocketAddrV4, server: SocketAddrV4) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(QUESTION);
    bytes.extend(u32::try_from(QUESTION).expect("small").to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    bytes.extend([0; 4]);
    // Family, protocol, no extensions, any state.
    bytes.extend([INET, TCP, 0, 0]);
    bytes.extend(u32::MAX.to_ne_bytes());
    // The socket's own end first, in network order; no interface, no cookie.
    bytes.extend(client.port().to_be_bytes());
    bytes.extend(server.port().to_be_bytes());
    for ip in [client.ip(), server.ip()] {
        bytes.extend(ip.octets());
        bytes.extend([0; 12]);
    }
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes
}

/// What `struct inet_diag_msg` says, when it is about this very connection (not a listening socket at the same port) and
/// belongs to a process: a socket without inode is closed, and proves nothing.
fn owner(answer: &[u8], client: SocketAddrV4, server: SocketAddrV4) -> Option<u32> {
    if answer.len() < ANSWER || answer[4..6] != BY_FAMILY.to_ne_bytes() {
        return None;
    }
    let family = answer[HEAD];
    let is_end = |port: usize, ip: usize, end: SocketAddrV4| {
        answer[port..port + 2] == end.port().to_be_bytes() && is_address(family, &answer[ip..ip + 16], end.ip())
    };
    let (ports, ips) = (HEAD + 4, HEAD + 8);
    let is_it = is_end(ports, ips, client) && is_end(ports + 2, ips + 16, server);
    let (uid, inode) = (word(answer, HEAD + 64)?, word(answer, HEAD + 68)?);
    (is_it && inode != 0).then_some(uid)
}

/// A program that uses IPv6 sockets for everything has the mapped address.
fn is_address(family: u8, bytes: &[u8], ip: &Ipv4Addr) -> bool {
    match family {
        INET => bytes[..4] == ip.octets(),
        INET6 => bytes == ip.to_ipv6_mapped().octets(),
        _ => false,
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv6Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_kernel_says_whose_a_connection_is_and_of_no_connection_nothing() {
        let Some(diag) = Diag::open() else { panic!("this kernel has no sock_diag") };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let server = listener.local_addr().expect("an address");
        let ours = Some(rustix::process::geteuid().as_raw());
        let client = TcpStream::connect(server).expect("a connection");
        let (accepted, address) = listener.accept().expect("a connection");
        assert_eq!(diag.owner(address, server), ours);
        // By IPv6 the same address is written otherwise.
        let mapped = TcpStream::connect((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), server.port())).expect("a connection");
        let (_other, address6) = listener.accept().expect("a connection");
        assert_eq!(diag.owner(address6, server), ours);
        // The listening socket is at this port, and is no client.
        assert_eq!(diag.owner(server, "127.0.0.1:1".parse().expect("an address")), None);
        assert_eq!(diag.owner("127.0.0.1:1".parse().expect("an address"), server), None);
        assert_eq!(diag.owner((Ipv6Addr::LOCALHOST, 1).into(), server), None);
        // The client has closed: its socket is nobody's.
        drop((client, mapped));
        assert_eq!(diag.owner(address, server), None);
        drop(accepted);
        assert_eq!(diag.owner(address, server), None);
    }

    #[test]
    fn an_answer_about_something_else_says_nothing() {
        let client: SocketAddrV4 = "127.0.0.1:48534".parse().expect("an address");
        let server: SocketAddrV4 = "127.0.0.1:36483".parse().expect("an address");
        let mut answer = question(1, client, server)[..HEAD].to_vec();
        answer.extend([INET, 1, 0, 0]);
        answer.extend(&question(1, client, server)[HEAD + 8..]);
        answer.extend([0; 12]);
        answer.extend(1000_u32.to_ne_bytes());
        answer.extend(7_u32.to_ne_bytes());
        assert_eq!(owner(&answer, client, server), Some(1000));
        assert_eq!(owner(&answer[..answer.len() - 1], client, server), None, "cut off");
        for at in [4, HEAD, HEAD + 4, HEAD + 6, HEAD + 8, HEAD + 24, HEAD + 68] {
            let mut other = answer.clone();
            other[at] ^= 0xff;
            if at == HEAD + 68 {
                other[at] = 0;
            }
            assert_eq!(owner(&other, client, server), None, "byte {at}");
        }
    }
}
