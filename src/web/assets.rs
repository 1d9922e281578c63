//! Style sheet, script and icons: all in the binary (spec 5.3 rule 4), under an address that holds their hash.
//!
//! The hash is over all of them and is a directory, so that files may name each other by relative addresses; another
//! version of the program has other addresses, which is why a browser may keep these for good.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::RawPathParams;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use super::Web;
use super::error::{ApiError, WebError};

/// Every asset: its name and its bytes. To add one, put it into `assets/` and add a line here.
const FILES: &[(&str, &[u8])] = &[
    ("app.js", include_bytes!("../../assets/app.js")),
    ("run.css", include_bytes!("../../assets/run.css")),
    ("run.js", include_bytes!("../../assets/run.js")),
    ("favicon.svg", include_bytes!("../../assets/favicon.svg")),
    ("favicon-attention.svg", include_bytes!("../../assets/favicon-attention.svg")),
    ("visit.js", include_bytes!("../../assets/visit.js")),
    ("style.css", include_bytes!("../../assets/style.css")),
];

/// The first bytes of the hash over all names and contents, in hexadecimal.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (name, bytes) in FILES {
        hash.update(name.as_bytes());
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
});

/// The address of an asset by its file name.
#[must_use]
pub fn url(name: &str) -> String {
    debug_assert!(FILES.is_empty() || FILES.iter().any(|(file, _)| *file == name), "no asset {name}");
    format!("/assets/{}/{name}", *HASH)
}

pub(super) fn router() -> Router<Web> {
    Router::new().route("/assets/{hash}/{name}", get(asset))
}

async fn asset(params: RawPathParams) -> Response {
    let part = |key: &str| params.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value);
    let (hash, name) = (part("hash"), part("name"));
    let file = FILES.iter().find(|(file, _)| *file == name && *HASH == hash);
    let Some((name, bytes)) = file else {
        return ApiError(WebError::NotFound("There is no such asset.")).into_response();
    };
    let headers =
        [(header::CONTENT_TYPE, media_type(name)), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (StatusCode::OK, headers, *bytes).into_response()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
