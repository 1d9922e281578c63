//! Files that a log names: downloaded, shown on a page, and never anything outside the run's directory (spec 5.3 point 6).

use super::*;

/// Files that a log names: their paths as written and what they hold.
const FILES: [(&str, &[u8]); 7] = [
    ("report.md", b"# Report\n\n<script>alert(1)</script>\n\n[x](http://evil.test)"),
    ("page.html", b"<script>alert(1)</script>"),
    ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ("shot.txt", b"\x89PNG\r\n\x1a\n and <script>alert(1)</script>"),
    ("sw.js", b"self.addEventListener('fetch', () => {})"),
    ("na\"me\r\nX-Evil: 1 \u{fc}.bin", b"\0\x01\x02"),
    ("big.bin", &[b'x'; 300_000]),
];

/// Writes them, and a log that names them and what must never be opened.
pub(super) fn files(state: &Path) -> String {
    let mut log = String::new();
    write(&state.join("secret"), "canary");
    for (name, content) in FILES {
        write(&state.join("files").join(name), "");
        std::fs::write(state.join("files").join(name), content).expect("a file");
    }
    std::os::unix::fs::symlink("../secret", state.join("files/link")).expect("a link");
    let outside = ["../secret", "link", "/etc/hostname", "missing.txt"];
    for path in FILES.iter().map(|(name, _)| *name).chain(outside) {
        log.push_str(&format!("{}\n", serde_json::json!({ "event": "artifact.recorded", "path": path })));
    }
    log
}

impl Fixture {
    /// An artifact with one header more in the request.
    async fn artifact(&self, place: usize, header: (&str, &str)) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request =
            Request::builder().uri(format!("/api/runs/files/artifacts/{place}")).header("host", "127.0.0.1:7468");
        let request = request.header(header.0, header.1).body(Body::empty()).expect("a request");
        let (parts, body) = self.router.clone().oneshot(request).await.expect("infallible").into_parts();
        (parts.status, parts.headers, to_bytes(body, usize::MAX).await.expect("a body").to_vec())
    }
}

#[tokio::test]
async fn what_a_log_names_is_downloaded_and_nothing_in_it_can_act() {
    let fixture = fixture();
    for (place, (name, content)) in (1..).zip(FILES) {
        let (status, headers, body) = fixture.artifact(place, ("accept", "*/*")).await;
        assert_eq!((status, body.as_slice()), (StatusCode::OK, content), "{name:?}");
        let says = |name: &str| headers[name].to_str().expect("ASCII").to_owned();
        let (media, kind) = match name {
            "shot.txt" => ("image/png", "inline; "),
            _ => ("application/octet-stream", "attachment; "),
        };
        assert_eq!(says("content-type"), media, "{name:?}");
        assert!(says("content-disposition").starts_with(kind), "{name:?}");
        assert!(says("content-security-policy").starts_with("default-src 'none'; script-src 'self'"), "{name:?}");
        assert!(says("content-security-policy").ends_with("object-src 'none'; sandbox"), "{name:?}");
        assert_eq!(says("x-content-type-options"), "nosniff", "{name:?}");
        assert_eq!(says("content-length"), content.len().to_string(), "{name:?}");
        assert!(!headers.contains_key("x-evil") && !headers.contains_key("service-worker-allowed"), "{name:?}");
        let (status, ..) = fixture.artifact(place, ("service-worker", "script")).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name:?}");
    }
    let (_, headers, _) = fixture.artifact(6, ("accept", "*/*")).await;
    let disposition = headers["content-disposition"].to_str().expect("ASCII");
    assert!(disposition.ends_with("filename*=UTF-8''na%22me%0D%0AX-Evil%3A%201%20%C3%BC.bin"), "{disposition}");
}

#[tokio::test]
async fn a_part_of_an_artifact_is_what_was_asked_for() {
    let fixture = fixture();
    for (range, status, content, length) in [
        ("bytes=0-9", 206, Some("bytes 0-9/300000"), 10),
        ("bytes=299990-", 206, Some("bytes 299990-299999/300000"), 10),
        ("bytes=300000-", 416, Some("bytes */300000"), 0),
        ("bytes=0-1,5-6", 200, None, 300_000),
    ] {
        let (answered, headers, body) = fixture.artifact(7, ("range", range)).await;
        assert_eq!((answered.as_u16(), body.len()), (status, length), "{range}");
        assert_eq!(headers.get("content-range").map(|value| value.to_str().expect("ASCII")), content, "{range}");
    }
}

#[tokio::test]
async fn the_page_of_an_artifact_shows_text_and_never_what_lies_outside() {
    let fixture = fixture();
    let page = async |place: usize| {
        let (status, _, body) = fixture.ask(&format!("/runs/files/artifacts/{place}"), "127.0.0.1:7468").await;
        assert_eq!(status, 200, "{place}");
        assert!(!body.contains("<script>alert") && !body.contains("canary") && !body.contains("href=\"http"), "{body}");
        body
    };
    let report = page(1).await;
    assert!(report.contains("<h1>Report</h1>") && report.contains("x (http://evil.test)"), "{report}");
    assert!(page(2).await.contains("&lt;script&gt;alert(1)"), "the source of a page is text");
    assert!(page(4).await.contains("<img class=\"raster\""));
    assert!(page(7).await.contains("showing the first"));
    for (place, says) in [(8, "leads out of"), (9, "through a link"), (10, "leads out of"), (11, "no such file")] {
        let page = page(place).await;
        assert!(page.contains("The file cannot be shown.") && page.contains(says), "{place}: {page}");
    }
    // The way to it.
    let (_, _, run) = fixture.ask("/runs/files", "127.0.0.1:7468").await;
    assert!(run.contains("href=\"/runs/files/artifacts/1\""), "{run}");
}

#[tokio::test]
async fn a_file_that_becomes_shorter_while_it_is_read_ends() {
    let fixture = fixture();
    let request = Request::builder().uri("/api/runs/files/artifacts/7").header("host", "127.0.0.1:7468");
    let request = request.body(Body::empty()).expect("a request");
    let body = fixture.router.clone().oneshot(request).await.expect("infallible").into_body();
    let mut pieces = body.into_data_stream();
    let next = async |pieces: &mut axum::body::BodyDataStream| futures_util::StreamExt::next(pieces).await;
    let first = next(&mut pieces).await.expect("a piece").expect("bytes");
    assert!(first.len() < 300_000, "it is read piece by piece");
    std::fs::write(fixture.directory.path().join("state/files/big.bin"), "x").expect("a shorter file");
    assert!(next(&mut pieces).await.is_none(), "and ends where the file does");
}
