use axum::body::{Body, to_bytes};
use axum::http::request::Builder;
use axum::routing::get;
use tower::ServiceExt;

use super::*;

const PORT: u16 = 7468;
const OURS: &str = "127.0.0.1:7468";
const ROUTES: &[&str] = &["/", "/runs/x", "/api/runs", "/api/stream", "/assets/1/style.css", "/nothing", "/broken"];

fn guarded(port: u16) -> Router {
    guarded_by(port, None)
}

fn guarded_by(port: u16, token: Option<Token>) -> Router {
    let routes = Router::new()
        .route("/", get(|| async { "page" }))
        .route("/runs/{key}", get(|| async { "page" }))
        .route("/api/runs", get(|| async { "json" }))
        .route("/api/stream", get(|| async { "stream" }))
        .route("/assets/{hash}/{name}", get(|| async { ([(header::CACHE_CONTROL, "public, max-age=1")], "asset") }))
        .route("/broken", get(broken));
    around(routes, port, token)
}

async fn broken() -> &'static str {
    panic!("a defect, to see what a person gets")
}

async fn ask(port: u16, request: Builder) -> (StatusCode, HeaderMap, String) {
    ask_of(guarded(port), request).await
}

async fn ask_of(router: Router, request: Builder) -> (StatusCode, HeaderMap, String) {
    let request = request.body(Body::empty()).expect("a request");
    let response = router.oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).expect("text"))
}

fn get_from(path: &str, host: &str) -> Builder {
    Request::builder().uri(path).header("host", host)
}

async fn check(request: Builder, expected: u16, what: &str) -> (HeaderMap, String) {
    let (status, headers, body) = ask(PORT, request).await;
    assert_eq!(status, expected, "{what}");
    lint(&headers, what);
    (headers, body)
}

/// Every answer carries every header (spec T107, T108), exactly once, and none that opens a door.
fn lint(headers: &HeaderMap, what: &str) {
    for (name, value) in HEADERS {
        let values: Vec<_> = headers.get_all(&name).iter().collect();
        if name == header::CACHE_CONTROL && values == ["public, max-age=1"] {
            continue;
        }
        assert_eq!(values, [value], "{what}: {name}");
    }
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(text.contains("charset=utf-8"), "{what}: {text}");
    for (name, _) in headers {
        assert!(!name.as_str().starts_with("access-control-") && name != header::SERVER, "{what}: {name}");
        assert_ne!(name, "service-worker-allowed", "{what}");
    }
}

#[test]
fn the_policy_is_the_one_of_the_spec() {
    assert_eq!(
        HEADERS[0].1,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
    );
}

#[tokio::test]
async fn only_our_own_names_are_answered_on_every_route() {
    let foreign = [
        "evil.test",
        "127.0.0.1.evil.test",
        "localhost.evil.test",
        "evil.test:7468",
        "localhost6",
        "localhost6:7468",
        "0.0.0.0:7468",
        "[::ffff:127.0.0.1]:7468",
        "192.168.1.2:7468",
        "127.1:7468",
        "",
        "127.0.0.1:1",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:07468",
        "127.0.0.1:7468:7468",
        "127.0.0.1.:7468",
        "localhost.:7468",
        "[::1]",
        "[::1",
        "[",
        ":",
        ":7468",
        "a b",
        "@",
        "user@127.0.0.1:7468",
        "//",
        "localhost:99999",
        "localhost:-1",
        "localhost:",
        "127.0.0.1:7468,127.0.0.1:7468",
        "127.0.0.1:7468/",
        "0x7f.0.0.1:7468",
        "2130706433:7468",
        "::1:7468",
    ];
    let mut bodies = Vec::new();
    for route in ROUTES {
        for host in foreign {
            bodies.push(check(get_from(route, host), 403, &format!("{host} {route}")).await);
        }
        let huge = "a".repeat(8192);
        bodies.push(check(get_from(route, &huge), 403, "a huge host").await);
        let bytes = HeaderValue::from_bytes(b"127.0.0.1\x80:7468").expect("allowed in a header");
        bodies.push(check(Request::builder().uri(*route).header("host", bytes), 403, "bytes").await);
        bodies.push(check(Request::builder().uri(*route), 403, "no host").await);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "all refusals look the same (spec T121)");
}

#[tokio::test]
async fn legal_names_are_answered_in_any_case() {
    for host in [OURS, "localhost:7468", "LOCALHOST:7468", "LocalHost:7468", "[::1]:7468"] {
        check(get_from("/", host), 200, host).await;
    }
}

#[tokio::test]
async fn a_name_without_port_means_port_80() {
    for (port, expected) in [(80, 200), (7468, 403)] {
        let (status, ..) = ask(port, get_from("/", "localhost")).await;
        assert_eq!(status, expected, "{port}");
    }
    let (status, ..) = ask(80, get_from("/", "localhost:80")).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn target_and_all_hosts_must_agree() {
    let cases = [
        ("http://127.0.0.1:7468/", &[OURS][..], 200),
        ("http://LOCALHOST:7468/", &["localhost:7468"], 200),
        ("http://localhost:7468/", &[OURS], 403),
        ("http://evil.test/", &[OURS], 403),
        ("http://user@127.0.0.1:7468/", &[OURS], 403),
        ("https://127.0.0.1:7468/", &[OURS], 403),
        ("http://127.0.0.1:7468/", &["evil.test"], 403),
        ("/", &[OURS, OURS], 200),
        ("/", &[OURS, "localhost:7468"], 403),
        ("/", &[OURS, "evil.test"], 403),
        ("/", &["evil.test", OURS], 403),
    ];
    for (target, hosts, expected) in cases {
        let request = hosts.iter().fold(Request::builder().uri(target), |request, host| request.header("host", *host));
        check(request, expected, &format!("{target} {hosts:?}")).await;
    }
}

#[tokio::test]
async fn forwarding_headers_mean_nothing() {
    for name in ["x-forwarded-host", "x-forwarded-for", "forwarded", "x-original-host"] {
        check(get_from("/", "evil.test").header(name, OURS), 403, name).await;
        check(get_from("/", OURS).header(name, "evil.test"), 200, name).await;
    }
}

#[tokio::test]
async fn foreign_origins_are_refused() {
    let cases = [
        ("http://evil.test", 403),
        ("null", 403),
        ("", 403),
        ("http://localhost:7469", 403),
        ("http://localhost:7468", 403),
        ("https://127.0.0.1:7468", 403),
        ("http://127.0.0.1:7468", 200),
    ];
    for route in ["/", "/api/runs", "/api/stream"] {
        for (origin, expected) in cases {
            check(get_from(route, OURS).header("origin", origin), expected, &format!("{origin} {route}")).await;
        }
    }
    let preflight = || get_from("/api/runs", OURS).method("OPTIONS").header("origin", "http://evil.test");
    check(preflight().header("access-control-request-method", "GET"), 403, "preflight").await;
    check(preflight().header("access-control-request-private-network", "true"), 403, "private network").await;
}

#[tokio::test]
async fn a_foreign_site_may_only_navigate_to_pages() {
    let navigation =
        |request: Builder| request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
    for site in ["cross-site", "same-site", "", "nonsense"] {
        for route in ROUTES {
            let request = || get_from(route, OURS).header("sec-fetch-site", site);
            let what = format!("{site} {route}");
            check(request(), 403, &what).await;
            check(request().header("sec-fetch-mode", "no-cors").header("sec-fetch-dest", "image"), 403, &what).await;
            check(request().header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "iframe"), 403, &what).await;
            check(navigation(request().method("HEAD")), 403, &what).await;
            let expected = match *route {
                "/" | "/runs/x" => 200,
                "/nothing" => 404,
                "/broken" => 500,
                _ => 403,
            };
            if expected != 404 {
                check(navigation(request()), expected, &what).await;
            }
        }
    }
    for site in ["same-origin", "none"] {
        check(get_from("/api/stream", OURS).header("sec-fetch-site", site), 200, site).await;
    }
}

#[tokio::test]
async fn service_workers_are_refused() {
    check(get_from("/assets/1/app.js", OURS).header("service-worker", "script"), 403, "script").await;
}

#[tokio::test]
async fn only_get_and_head_are_answered() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "BREW", "get"] {
        for route in ROUTES {
            let (headers, _) = check(get_from(route, OURS).method(method), 405, method).await;
            assert_eq!(headers[header::ALLOW], "GET, HEAD");
            assert_eq!(headers[header::CONNECTION], "close");
        }
    }
    check(get_from("/", OURS).method("HEAD"), 200, "HEAD").await;
}

#[tokio::test]
async fn a_body_is_refused_and_never_read() {
    for (name, value) in [("content-length", "5"), ("transfer-encoding", "chunked"), ("content-length", "-1")] {
        let (headers, _) = check(get_from("/", OURS).header(name, value), 400, name).await;
        assert_eq!(headers[header::CONNECTION], "close");
    }
    check(get_from("/", OURS).header("content-length", "0"), 200, "an empty body").await;
}

#[tokio::test]
async fn another_version_is_refused() {
    check(get_from("/", OURS).version(Version::HTTP_10), 505, "1.0").await;
    check(get_from("/", OURS).version(Version::HTTP_2), 505, "2").await;
}

#[tokio::test]
async fn a_defect_is_a_failure_that_says_nothing_of_it() {
    let (_, body) = check(get_from("/broken", OURS), 500, "a panic").await;
    assert!(!body.contains("defect, to see"), "{body}");
}

/// A guard that asks for a cookie, and the token for it.
fn locked() -> (Router, String) {
    let (token, ticket) = Token::new(PORT).expect("random numbers");
    (guarded_by(PORT, Some(token)), ticket)
}

#[tokio::test]
async fn without_the_cookie_nothing_is_answered_and_all_refusals_look_the_same() {
    let (router, ticket) = locked();
    let mut answers = Vec::new();
    let short = &ticket[..63];
    let zeros = "0".repeat(64);
    for route in ROUTES {
        let targets = [
            (*route).to_owned(),
            format!("{route}?token="),
            format!("{route}?token={short}"),
            format!("{route}?token={ticket}0"),
            format!("{route}?token={zeros}"),
            format!("{route}?token={}", ticket.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A")),
            format!("{route}?nottoken={ticket}"),
        ];
        for target in targets {
            for cookie in ["", "wheelwatch-7468=", "wheelwatch-7468=1", &format!("wheelwatch-7468={ticket}")] {
                let (status, headers, body) =
                    ask_of(router.clone(), get_from(&target, OURS).header("cookie", cookie)).await;
                assert_eq!(status, 401, "{target} {cookie}");
                lint(&headers, &target);
                assert!(!headers.contains_key(header::SET_COOKIE), "{target}");
                answers.push((headers, body));
            }
        }
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    // A link check of a mail program, a foreign page and a foreign name must not use the token up.
    let target = format!("/?token={ticket}");
    for (request, expected) in [
        (get_from(&target, OURS).method("HEAD"), 401),
        (get_from(&target, OURS).method("POST"), 405),
        (get_from(&target, "evil.test"), 403),
        (get_from(&target, OURS).header("origin", "http://evil.test"), 403),
    ] {
        assert_eq!(ask_of(router.clone(), request).await.0, expected);
    }
    assert_eq!(ask_of(router, get_from(&target, OURS)).await.0, 303, "it still works");
}

#[tokio::test]
async fn the_token_gives_a_cookie_once_and_the_cookie_opens_everything() {
    let (router, ticket) = locked();
    let entrance = format!("//evil.test/?a=b&token={ticket}&c=d");
    let (status, headers, body) = ask_of(router.clone(), get_from(&entrance, OURS)).await;
    assert_eq!(status, 303);
    lint(&headers, "the entrance");
    assert_eq!(headers[header::LOCATION], "/", "without the token, and never elsewhere");
    assert!(!body.contains(&ticket));
    let cookie = headers[header::SET_COOKIE].to_str().expect("text");
    let (value, attributes) = cookie.split_once("; ").expect("attributes");
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
    assert!(value.starts_with("wheelwatch-7468=") && !value.contains(&ticket), "{value}");
    for (cookie, expected) in [
        (value.to_owned(), 200),
        (format!("a=b; {value}; wheelwatch-1=x"), 200),
        (format!("wheelwatch-7468=0; {value}"), 200),
        (value.replace("7468", "7469"), 401),
        (value[..value.len() - 1].to_owned(), 401),
        (format!("{value}0"), 401),
        (value.to_uppercase(), 401),
    ] {
        for route in ["/", "/api/runs", "/api/stream", "/assets/1/style.css"] {
            let (status, ..) = ask_of(router.clone(), get_from(route, OURS).header("cookie", &cookie)).await;
            assert_eq!(status, expected, "{route} {cookie}");
        }
    }
    let (status, headers, _) = ask_of(router, get_from(&entrance, OURS)).await;
    assert_eq!(status, 401, "it works once");
    assert!(!headers.contains_key(header::SET_COOKIE));
}
