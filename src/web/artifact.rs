//! `/runs/{key}/artifacts/{n}`: a file that a log names, shown as far as that is safe.

use std::convert::Infallible;
use std::fs::File;
use std::os::unix::fs::FileExt;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::api::find_artifact;
use super::error::WebError;
use super::page::{Look, Request, answer};
use super::view::layout::{Page, Place};
use super::view::{amount, artifact, icon, link, text, time};
use super::{Web, address};
use crate::reducer::redact;
use crate::reducer::time::Micros;
use crate::store::reader::Lists;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/runs/{key}/artifacts/{n}", get(page))
}

async fn page(State(web): State<Web>, Path((key, place)): Path<(String, String)>, request: Request) -> Response {
    answer(web, request, Place::Runs, move |look| make(look, &address::key(key), &place)).await
}

fn make(look: &Look<'_>, key: &str, place: &str) -> Result<Page, WebError> {
    let (found, place) = find_artifact(look.web, key, place)?;
    let record = look.web.query.reader.run(key, Lists::None)?.ok_or(WebError::NotFound("There is no such run."))?;
    let name = found.path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(&found.path);
    let main = html! {
        p.crumbs { a href=(link::run(key)) { (text::cut(record.title(), 100)) } " / " a href={ (link::run(key)) "#artifacts" } { "artifacts" } }
        h1 { (text::cut(name, 200)) }
        p.key { code { (text::cut(&found.path, 2000)) } (artifact::about(key, &found)) }
        @match look.web.logs.artifact(key, &found.path) {
            Ok(file) => (shown(look.web, key, place, &found, &file)),
            Err(reason) => {
                div.failed role="alert" { (icon::icon(icon::Icon::Alert)) p { strong { "The file cannot be shown." } " " (reason) } }
            }
        }
    };
    let title = format!("{name} · {}", record.title());
    Ok(Page { title, place: Place::Runs, run: Some(key.to_owned()), still: true, then: None, main })
}

fn shown(web: &Web, key: &str, place: usize, found: &crate::reducer::span::Artifact, file: &File) -> Markup {
    let Ok(about) = file.metadata() else {
        return html! { p.note { "The system does not say what this is." } };
    };
    let changed = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let changed = changed.and_then(|since| i64::try_from(since.as_micros()).ok()).map(Micros);
    html! {
        p {
            (amount::bytes(about.len()))
            @if let Some(at) = changed { ", changed " (time::stamp(at)) }
            " · " a href=(link::artifact_content(key, place)) download { "download" }
        }
        (artifact::preview(key, place, found, &read(web, file, 0, artifact::SHOWN), about.len()))
    }
}

/// Up to so many bytes at an offset of a file, credentials masked; fewer at its end, or when it cannot be read.
pub(super) fn read(web: &Web, file: &File, offset: u64, length: usize) -> Vec<u8> {
    let fill = |offset: u64, length: usize| -> Result<Vec<u8>, Infallible> {
        let mut bytes = vec![0; length];
        let mut held = 0;
        while held < bytes.len() {
            match file.read_at(&mut bytes[held..], offset + held as u64) {
                Ok(0) | Err(_) => break,
                Ok(read) => held += read,
            }
        }
        bytes.truncate(held);
        Ok(bytes)
    };
    let read = if web.redact { redact::piece(offset, length, fill) } else { fill(offset, length) };
    match read {
        Ok(bytes) => bytes,
        Err(never) => match never {},
    }
}
