//! What changed since somebody looked, and what may be news on an open page (spec 2.5, 3.2, 3.3).

use super::*;

#[tokio::test]
async fn what_came_after_a_line_is_told_with_the_lines_that_prove_it() {
    let fixture = fixture();
    let told = |main: String| main.replace("<bdi>", "").replace("</bdi>", "");
    let some = told(fixture.main("/since?seen=done:1&seen=failed:2&seen=nobody:3&at=1795000000000").await);
    for part in
        ["phase build → verify", "href=\"/runs/done/lines/2\"", "status running → completed", "wheel agent → nobody"]
    {
        assert!(some.contains(part), "{part} is not in {some}");
    }
    assert!(!some.contains("/runs/failed"), "nothing came after its last line: {some}");
    // A run that was not there; a log that is shorter than what was seen is another one.
    for seen in ["done:0", "done:99"] {
        let new = told(fixture.main(&format!("/since?seen={seen}")).await);
        assert!(new.contains("phase verify") && new.contains("status completed"), "{seen}: {new}");
    }
    let nothing = fixture.main("/since?seen=done:5").await;
    assert!(nothing.contains("Nothing changed"), "{nothing}");
    let many = (0..40).map(|_| "seen=done:1").collect::<Vec<_>>().join("&");
    let cut = fixture.main(&format!("/since?{many}&more=2")).await;
    assert!(cut.contains("42, showing 30"), "{cut}");
}

#[tokio::test]
async fn the_overview_says_how_far_it_shows_each_run() {
    let fixture = fixture();
    let main = fixture.main("/").await;
    let slot = main.split_once("data-seen=\"").and_then(|(_, rest)| rest.split('"').next()).expect("a slot");
    let seen: Value = serde_json::from_str(&slot.replace("&quot;", "\"")).expect("JSON");
    assert_eq!((&seen["done"], &seen["a%20b/c"], &seen["failed"]), (&5.into(), &5.into(), &2.into()), "{seen}");
    assert!(fixture.main("/runs/done").await.contains("data-seen=\"{&quot;done&quot;:5}\""));
    assert!(!fixture.main("/runs/done?at=2").await.contains("data-seen"), "the past is not what was seen last");
}

#[tokio::test]
async fn news_comes_with_what_changes_and_not_with_the_page() {
    let fixture = fixture();
    let ask = async |part: Option<&str>| {
        let mut request = Request::builder().uri("/health").header("host", "127.0.0.1:7468");
        if let Some(part) = part {
            request = request.header("x-fragment", part);
        }
        let response =
            fixture.router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
        String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.expect("a body").to_vec()).expect("text")
    };
    for part in ["page", "banner"] {
        let news = ask(Some(part)).await;
        // One failed; one ended by its log long ago, but its file was written just now.
        assert!(news.contains("data-news=\"failed failed Some(2) \" data-worse"), "{part}: {news}");
        assert!(
            news.contains("data-news=\"done completed 5\"") && !news.contains("done completed 5\" data-worse"),
            "{part}: {news}"
        );
    }
    assert!(!ask(None).await.contains("id=\"news\""));
}
