//! Who may ask, and what every answer carries: the first layer of everything (spec 5.3, rules 2 to 4).
//!
//! Pages, JSON, stream, assets and errors all lie behind it, so that none of them holds a rule of its own about
//! origins. It must never know what is asked for, beyond whether a path is a page.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::error::{self, WebError};
use super::token::{self, Passage, Token};

/// The policy of every answer.
macro_rules! policy {
    () => {
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
    };
}

/// The policy of content that is not ours, such as a file that a log names: nothing in it may do anything (spec 5.3
/// rule 6). A handler may set it, and no other.
pub(super) const SANDBOX: HeaderValue = HeaderValue::from_static(concat!(policy!(), "; sandbox"));

/// What every answer carries (spec 5.3 rule 4), whatever its status.
pub(super) const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, policy!()),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("x-dns-prefetch-control"), "off"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Where no page is: what a foreign site may not even navigate to.
const NO_PAGES: [&str; 4] = ["/api", "/assets", "/metrics", "/favicon.ico"];

/// Why a request is not answered. All that a foreign site can bring about look the same (spec T121).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Wrong authority, foreign origin, foreign user: 403 and nothing else.
    Foreign,
    /// Nobody can say whose connection it is, and it has no cookie: 401.
    Unknown,
    /// Neither GET nor HEAD.
    Method,
    /// A body was announced, or the target is no path.
    Malformed,
    /// Another protocol than HTTP/1.1.
    Version,
}

/// Puts the guard around a whole router, before anything of it is looked at.
pub(super) fn around(routes: Router, port: u16, token: Option<Token>) -> Router {
    Router::new().fallback_service(routes).layer(from_fn_with_state((port, token), pass))
}

async fn pass(State((port, token)): State<(u16, Option<Token>)>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let passage = || token.map_or(Passage::Open, |token| token.examine(&parts));
    let mut response = match examine(&parts, port).map(|()| passage()) {
        Err(refusal) => refusal.into_response(),
        Ok(Passage::Closed) => Refusal::Unknown.into_response(),
        Ok(Passage::Welcome(cookie)) => token::welcome(cookie),
        Ok(Passage::Open) => {
            let path = parts.uri.path().to_owned();
            let answer = next.run(Request::from_parts(parts, body));
            // A panic is a defect of this program; the person sees a failure instead of a dead connection.
            AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| error::respond(&path, &WebError::Broken))
        }
    };
    harden(response.headers_mut());
    response
}

/// Sets the headers of every answer. Only an asset, whose address holds its hash, may say how long it keeps, and a
/// handler may ask for the narrower policy.
fn harden(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        if name == header::CACHE_CONTROL && headers.contains_key(&name) {
            continue;
        }
        if name == header::CONTENT_SECURITY_POLICY && headers.get(&name) == Some(&SANDBOX) {
            continue;
        }
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The checks in their order: who is meant, who asks, what for.
fn examine(request: &Parts, port: u16) -> Result<(), Refusal> {
    if request.version != Version::HTTP_11 {
        return Err(Refusal::Version);
    }
    let authority = authority(&request.uri, &request.headers, port).ok_or(Refusal::Foreign)?;
    if request.headers.contains_key("service-worker") || !same_origin(&request.headers, &authority) {
        return Err(Refusal::Foreign);
    }
    if !same_site(&request.headers) && !is_navigation_to_page(request) {
        return Err(Refusal::Foreign);
    }
    if request.method != Method::GET && request.method != Method::HEAD {
        return Err(Refusal::Method);
    }
    if announces_body(&request.headers) || !request.uri.path().starts_with('/') {
        return Err(Refusal::Malformed);
    }
    Ok(())
}

/// The authority that the request means, in lower case, when it is ours: an absolute-form target and every `Host` must
/// agree (spec 5.3 rule 2). Names and ports are compared as text, so that no other spelling of an address is one.
fn authority(uri: &Uri, headers: &HeaderMap, port: u16) -> Option<String> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let authority = hosts.next()?.to_str().ok()?.to_ascii_lowercase();
    let same = |other: &str| other.eq_ignore_ascii_case(&authority);
    if !hosts.all(|host| host.to_str().is_ok_and(same)) || !is_ours(&authority, port) {
        return None;
    }
    if uri.scheme_str().is_some_and(|scheme| scheme != "http") || uri.authority().is_some_and(|a| !same(a.as_str())) {
        return None;
    }
    Some(authority)
}

fn is_ours(authority: &str, port: u16) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().filter_map(|name| authority.strip_prefix(name)).any(|rest| {
        match rest.strip_prefix(':') {
            Some(digits) => digits == port.to_string(),
            None => rest.is_empty() && port == 80,
        }
    })
}

/// No `Origin`, or exactly the one that was asked. `null` is foreign.
fn same_origin(headers: &HeaderMap, authority: &str) -> bool {
    headers
        .get_all(header::ORIGIN)
        .iter()
        .all(|origin| origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")) == Some(authority))
}

/// What the browser says of who asks. Programs and old browsers say nothing.
fn same_site(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-site").iter().all(|site| site == "same-origin" || site == "none")
}

/// A link on a foreign page may lead to a page of ours, in a tab of its own and with nothing to read from outside.
fn is_navigation_to_page(request: &Parts) -> bool {
    let says = |name: &str, value: &str| {
        let mut values = request.headers.get_all(name).iter();
        values.next().is_some_and(|first| first == value) && values.next().is_none()
    };
    request.method == Method::GET
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
        && !NO_PAGES.iter().any(|start| request.uri.path().starts_with(start))
}

/// A GET with a body has no meaning here, and two readings of its length would be two requests (spec T118).
fn announces_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get_all(header::CONTENT_LENGTH).iter().any(|length| length != "0")
}

impl Refusal {
    /// Status and constant text. Nothing of the request is repeated.
    fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Refusal::Foreign => (
                StatusCode::FORBIDDEN,
                "Refused: wheelwatch answers only on this machine, to the user who started it and to its own pages.\n",
            ),
            Refusal::Unknown => (
                StatusCode::UNAUTHORIZED,
                "Refused: open the address that wheelwatch printed when it started. It works once; start it again for another.\n",
            ),
            Refusal::Method => (StatusCode::METHOD_NOT_ALLOWED, "Refused: wheelwatch only shows; use GET or HEAD.\n"),
            Refusal::Malformed => (StatusCode::BAD_REQUEST, MALFORMED),
            Refusal::Version => (StatusCode::HTTP_VERSION_NOT_SUPPORTED, "Refused: HTTP/1.1 is needed.\n"),
        }
    }
}

/// The text of every request that could not be understood.
pub(super) const MALFORMED: &str = "Refused: the request is malformed.\n";

impl IntoResponse for Refusal {
    /// The connection is closed, so that nothing of a body is ever read as a request.
    fn into_response(self) -> Response {
        let (status, text) = self.answer();
        let mut response = (status, [(header::CONNECTION, "close")], text).into_response();
        if self == Refusal::Method {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        if self == Refusal::Unknown {
            // No scheme of a browser's own: it would ask for a password.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
        }
        harden(response.headers_mut());
        response
    }
}

#[cfg(test)]
mod tests;
