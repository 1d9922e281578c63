//! `GET /api/runs/{key}/artifacts/{n}`: what a file holds that a log names, by the rules of spec 5.3 rule 6.
//!
//! Raster images come with their sniffed type; everything else, HTML and SVG included, is a download of bytes that a
//! browser runs nothing of. A file is read piece by piece, so its size does not matter.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::run::UNKNOWN_RUN;
use crate::reducer::span::Artifact;
use crate::web::error::{ApiError, WebError};
use crate::web::view::artifact::{HEAD, raster};
use crate::web::view::link;
use crate::web::{Web, address, artifact, guard};

/// So many bytes are read and held at once for one download.
const PIECE: u64 = 64 << 10;

/// The content. `n` is the artifact's place in the run's list, from 1. `Range` with one range is honoured.
pub(super) async fn artifact(
    State(web): State<Web>,
    Path((key, place)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let opened = web.ask(move |web| open(web, &address::key(key), &place)).await?;
    let length = opened.length;
    let (status, from, to) = match wanted(&headers, length) {
        Range::Whole => (StatusCode::OK, 0, length),
        Range::Part(from, to) => (StatusCode::PARTIAL_CONTENT, from, to),
        Range::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let body = if status == StatusCode::RANGE_NOT_SATISFIABLE {
        Body::empty()
    } else {
        Body::from_stream(pieces(web, opened.file, from, to))
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, guard::SANDBOX);
    headers.insert(header::CONTENT_TYPE, opened.media);
    headers.insert(header::CONTENT_DISPOSITION, opened.disposition);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(to - from));
    let range = match status {
        StatusCode::PARTIAL_CONTENT => Some(format!("bytes {from}-{}/{length}", to - 1)),
        StatusCode::RANGE_NOT_SATISFIABLE => Some(format!("bytes */{length}")),
        _ => None,
    };
    if let Some(range) = range.and_then(|range| HeaderValue::try_from(range).ok()) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}

struct Opened {
    file: File,
    length: u64,
    media: HeaderValue,
    disposition: HeaderValue,
}

fn open(web: &Web, key: &str, place: &str) -> Result<Opened, WebError> {
    let (artifact, _) = find(web, key, place)?;
    let refused = |reason| {
        tracing::debug!(key, reason, "an artifact was not opened");
        WebError::NotFound(reason)
    };
    let file = web.logs.artifact(key, &artifact.path).map_err(refused)?;
    let length = file.metadata().map_err(|_| refused("The system does not let it be read."))?.len();
    let mut head = [0; HEAD];
    let read = file.read_at(&mut head, 0).unwrap_or(0);
    let media = raster(&head[..read]);
    let kind = if media.is_some() { "inline" } else { "attachment" };
    Ok(Opened {
        file,
        length,
        media: HeaderValue::from_static(media.unwrap_or("application/octet-stream")),
        disposition: disposition(kind, &artifact.path),
    })
}

/// The artifact at a place of a run's list, and that place.
pub(in crate::web) fn find(web: &Web, key: &str, place: &str) -> Result<(Artifact, usize), WebError> {
    const NONE: WebError = WebError::NotFound("This run has no such artifact.");
    if !web.query.is_known(key)? {
        return Err(UNKNOWN_RUN);
    }
    let digits = !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit());
    let place: usize = place.parse().ok().filter(|_| digits).ok_or(NONE)?;
    let artifact = web.query.reader.artifact(key, place as u64)?.ok_or(NONE)?;
    Ok((artifact, place))
}

/// Content-Disposition with the file's name as RFC 8187 writes it, and in plain ASCII for old clients.
fn disposition(kind: &str, path: &str) -> HeaderValue {
    let name = path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or("artifact");
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._- ()+".contains(c) { c } else { '_' })
        .take(120)
        .collect();
    let end = name.floor_char_boundary(400.min(name.len()));
    let value = format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", link::encode(&name[..end]));
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}

/// What of a file is asked for: from a byte to before another.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part(u64, u64),
    Beyond,
}

/// RFC 9110, 14.2. Several ranges, another unit and what is not understood mean the whole, which is always allowed; so
/// does a condition, since no version of the file is ever named.
fn wanted(headers: &HeaderMap, length: u64) -> Range {
    let mut given = headers.get_all(header::RANGE).iter();
    let only = given.next().filter(|_| given.next().is_none() && !headers.contains_key(header::IF_RANGE));
    let ranges = only.and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("bytes="));
    let Some((first, last)) = ranges.and_then(|ranges| ranges.trim().split_once('-')) else { return Range::Whole };
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty() {
        // More than there can be is as good as the largest number.
        true => Some(digits.parse().unwrap_or(u64::MAX)),
        false => None,
    };
    let (from, to) = match (number(first), number(last), first.is_empty(), last.is_empty()) {
        (Some(first), Some(last), ..) if first <= last => (first, last.saturating_add(1).min(length)),
        (Some(first), None, _, true) => (first, length),
        (None, Some(suffix), true, _) => (length.saturating_sub(suffix), if suffix == 0 { 0 } else { length }),
        _ => return Range::Whole,
    };
    if from >= length || from >= to { Range::Beyond } else { Range::Part(from, to) }
}

/// The bytes between two offsets, one piece after the other as the client takes them. Where the file has become
/// shorter, or cannot be read any more, they end: the length that was announced then tells the client.
fn pieces(web: Web, file: File, from: u64, to: u64) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> {
    let file = Arc::new(file);
    stream::unfold(from, move |at| {
        let (web, file) = (web.clone(), file.clone());
        async move {
            let length = usize::try_from(to.saturating_sub(at).min(PIECE)).unwrap_or(0);
            if length == 0 {
                return None;
            }
            let read = move |web: &Web| Ok(artifact::read(web, &file, at, length));
            let piece = web.ask(read).await.ok().filter(|piece| !piece.is_empty())?;
            let next = at + piece.len() as u64;
            Some((Ok(Bytes::from(piece)), next))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_part_the_whole_or_beyond() {
        let check = |range: &str, expected: Range| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_str(range).expect("a value"));
            assert_eq!(wanted(&headers, 100), expected, "{range}");
        };
        check("bytes=0-9", Range::Part(0, 10));
        check("bytes=90-", Range::Part(90, 100));
        check("bytes=-10", Range::Part(90, 100));
        check("bytes=-1000", Range::Part(0, 100));
        check("bytes=0-99999999999999999999999", Range::Part(0, 100));
        for beyond in ["bytes=100-", "bytes=-0", "bytes=99999999999999999999999-"] {
            check(beyond, Range::Beyond);
        }
        for whole in
            ["bytes=9-0", "bytes=0-1,5-6", "lines=0-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=+1-2", "bytes=1--2"]
        {
            check(whole, Range::Whole);
        }
        let mut conditional = HeaderMap::new();
        conditional.insert(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        conditional.insert(header::IF_RANGE, HeaderValue::from_static("\"x\""));
        assert_eq!(wanted(&conditional, 100), Range::Whole);
    }

    #[test]
    fn a_name_cannot_leave_its_header() {
        for (path, expected) in [
            ("a/b/out.md", "attachment; filename=\"out.md\"; filename*=UTF-8''out.md"),
            ("a\"b\r\nX: y", "attachment; filename=\"a_b__X_ y\"; filename*=UTF-8''a%22b%0D%0AX%3A%20y"),
            ("größe.txt", "attachment; filename=\"gr__e.txt\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt"),
            ("a\\..\\b;c", "attachment; filename=\"b_c\"; filename*=UTF-8''b%3Bc"),
            ("///", "attachment; filename=\"artifact\"; filename*=UTF-8''artifact"),
        ] {
            assert_eq!(disposition("attachment", path).to_str().expect("text"), expected, "{path:?}");
        }
        assert!(disposition("inline", &"ä".repeat(9000)).len() < 2000);
    }
}
