//! The way in where nobody can say whose a connection is: a one-time token in the printed address, which turns into a
//! cookie (spec 5.3 rule 7).
//!
//! Both are 256 bits of chance, kept as SHA-256 only and compared as such, so that no answer takes longer because more
//! of a guess is right. It must never know what is asked for.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// The parameter of the printed address.
const PARAMETER: &str = "token=";

/// What is known of a secret.
type Hash = [u8; 32];

/// Who has the cookie may ask; who has the token gets the cookie, once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Token(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Cookies know no ports, so its name has ours.
    name: String,
    cookie: Hash,
    /// The token, and the value of the cookie that it is exchanged for.
    ticket: Mutex<Option<(Hash, String)>>,
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Passage {
    /// It has the cookie.
    Open,
    /// It had the token: this is the cookie.
    Welcome(HeaderValue),
    /// Neither.
    Closed,
}

impl Token {
    /// A new one for a server on a port, and the token for its address.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(port: u16) -> io::Result<(Self, String)> {
        let (ticket, cookie) = (secret()?, secret()?);
        let inner = Inner {
            name: format!("wheelwatch-{port}="),
            cookie: hash(&cookie),
            ticket: Mutex::new(Some((hash(&ticket), cookie))),
        };
        Ok((Self(Arc::new(inner)), ticket))
    }

    /// Looks at a request and nothing but its cookies, its method and its parameters.
    pub(super) fn examine(&self, request: &Parts) -> Passage {
        if self.has_cookie(&request.headers) {
            return Passage::Open;
        }
        let given = request.uri.query().unwrap_or_default().split('&').find_map(|part| part.strip_prefix(PARAMETER));
        let given = given.filter(|_| request.method == Method::GET).map(hash);
        let mut ticket = self.0.ticket.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = ticket.take_if(|(wanted, _)| given.as_ref() == Some(wanted));
        let cookie = taken.and_then(|(_, value)| {
            HeaderValue::from_str(&format!("{}{value}; Path=/; HttpOnly; SameSite=Strict", self.0.name)).ok()
        });
        cookie.map_or(Passage::Closed, Passage::Welcome)
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut values = all.flat_map(|all| all.split(';')).filter_map(|one| one.trim().strip_prefix(&self.0.name));
        values.any(|value| hash(value) == self.0.cookie)
    }
}

/// The answer to whoever has the token: the cookie, and on to an address without it, always the same one, so that nothing of
/// the request is repeated.
pub(super) fn welcome(cookie: HeaderValue) -> Response {
    let on = [(header::LOCATION, HeaderValue::from_static("/")), (header::SET_COOKIE, cookie)];
    (StatusCode::SEE_OTHER, on, "The dashboard is at /.\n").into_response()
}

/// 64 hexadecimal digits.
fn secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().fold(String::with_capacity(64), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    }))
}

fn hash(secret: &str) -> Hash {
    Sha256::digest(secret).into()
}
