//! What asks for a person: the attention list with its tabs and its history, the queue, and commands that can be copied
//! (spec 3.2, 3.4).

use super::*;

#[tokio::test]
async fn attention_is_one_number_everywhere() {
    let fixture = fixture();
    let all = fixture.json("/api/attention", 200).await;
    assert_eq!(all["count"], 1);
    let item = &all["items"][0];
    assert_eq!((&item["type"], &item["run"], &item["reason"]), (&"run".into(), &"failed".into(), &"failed".into()));
    assert_eq!(item["line"], 2);
    let approvals = fixture.json("/api/attention?tab=approvals", 200).await;
    assert_eq!((&approvals["count"], &approvals["items"]), (&1.into(), &Value::Array(Vec::new())));
}

#[tokio::test]
async fn the_queue_is_one_list_on_every_surface() {
    let fixture = fixture_with(|state| {
        for (run, ago, repo) in [("one", 9000, "web"), ("two", 5000, "api"), ("three", 7000, "api")] {
            let queued = format!(r#""event":"queue.added","id":"q-{run}","repo":"{repo}","reason":"merge {run}""#);
            let lines = [line(ago, r#""event":"run.started""#), line(ago - 1, &queued)];
            write(&state.join(run).join("run.log"), &lines.concat());
        }
    });
    let ids = |answer: &Value| -> Vec<String> {
        let items = answer["items"].as_array().expect("a list");
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    let queue = fixture.json("/api/queue", 200).await;
    assert_eq!((ids(&queue), &queue["count"]), (vec!["q-three".into(), "q-two".into(), "q-one".into()], &3.into()));
    let item = &queue["items"][0];
    assert_eq!((&item["type"], &item["repo"], &item["line"]), (&"queue".into(), &"api".into(), &2.into()));
    let tab = fixture.json("/api/attention?tab=queue", 200).await;
    assert_eq!((ids(&tab), &tab["count"]), (ids(&queue), &1.into()), "the one number counts no queue");
    assert_eq!(ids(&fixture.json("/api/queue?q=MERGE%20t", 200).await), ["q-three", "q-two"]);
    let mut paged = Vec::new();
    let mut path = String::from("/api/queue?limit=1");
    loop {
        let page = fixture.json(&path, 200).await;
        paged.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/queue?limit=1&after={}", address::segment(next));
    }
    assert_eq!(paged, ids(&queue), "no gap and no repeat");
    assert_eq!(fixture.json("/api/stats", 200).await["queue_depth"], 3);
    for (path, shown, hidden) in [
        ("/queue", vec!["q-one", "q-two", "q-three", "end of list"], vec![]),
        ("/queue?n=2", vec!["q-two", "q-three", "3, showing 2"], vec!["q-one"]),
        ("/queue?q=nothing-such", vec!["Nothing matches"], vec!["q-one"]),
        ("/attention?tab=queue", vec!["q-one", "q-two", "q-three"], vec![]),
        ("/runs/two", vec!["q-two", "q-three", "Other runs on the same repos"], vec!["q-one"]),
        ("/runs/one", vec!["q-one"], vec!["q-two", "q-three", "Other runs on"]),
    ] {
        let (_, _, body) = fixture.ask(path, "127.0.0.1:7468").await;
        for part in shown {
            assert!(body.contains(part), "{path}: {part}");
        }
        for part in hidden {
            assert!(!body.contains(part), "{path}: {part}");
        }
    }
}

const DAY: i64 = 86_400_000;

/// A run that was asked for many things, of which some are over; and failed runs of which one was retried and one is old.
fn inbox() -> Fixture {
    fixture_with(|state| {
        let asked = [
            line(9000, r#""event":"run.started","workflow":"ship""#),
            line(8900, r#""event":"session.started","session":"s 1""#),
            line(8000, r#""event":"question.asked","id":"q1","reason":"which port""#),
            line(7900, r#""event":"question.answered","id":"q1""#),
            line(
                7000,
                r#""event":"approval.requested","id":"old","action":"drop","expires_at":"2026-01-01T00:00:00Z""#,
            ),
            line(
                6000,
                r#""event":"approval.requested","id":"it's","integration":"github","action":"merge","risk":"high","params":{"pr":7},"expires_at":"2090-01-01T00:00:00Z""#,
            ),
            line(5000, r#""event":"handoff.requested","reason":"stuck in a merge""#),
        ];
        write(&state.join("asked/run.log"), &asked.concat());
        for (key, days, more) in [("old", 30, ""), ("first", 2, ""), ("second", 1, r#","retry_of":"first""#)] {
            let ago = days * DAY;
            let lines = [
                line(ago, &format!(r#""event":"run.started"{more}"#)),
                line(ago - 1000, r#""event":"run.failed","error":"no space""#),
            ];
            write(&state.join(key).join("run.log"), &lines.concat());
        }
    })
}

#[tokio::test]
async fn what_is_over_stays_findable() {
    let fixture = inbox();
    let page = async |path: &str| fixture.main(path).await;
    let history = page("/attention?tab=history").await;
    let order = ["question <bdi>granted", "retried as <a href=\"/runs/second\"", ">old<", "approval <bdi>expired"];
    let places: Vec<_> =
        order.iter().map(|part| history.find(part).unwrap_or_else(|| panic!("{part}: {history}"))).collect();
    assert!(places.is_sorted(), "the newest first: {places:?}");
    assert!(history.contains("end of list · 4\u{a0}items"), "{history}");
    assert!(
        !history.contains("merge") && !history.contains("data-row href=\"/runs/second\""),
        "what is open is not over"
    );
    for (q, shown) in [("WHICH", 1), ("space", 2), ("drop", 1), ("ship", 2), ("nowhere", 0)] {
        let found = page(&format!("/attention?tab=history&q={q}")).await;
        assert_eq!(found.matches("<article").count(), shown, "{q}");
    }
    assert_eq!(fixture.ask("/attention?tab=history&after=x", "127.0.0.1:7468").await.0, 400);
}

#[tokio::test]
async fn the_inbox_has_tabs_with_counts_groups_and_an_end() {
    let fixture = inbox();
    let page = async |path: &str| fixture.main(path).await;
    let all = page("/attention").await;
    // failed, second, asked; and the approval that is not expired.
    for part in [
        "All<span class=\"count\">4</span>",
        "Needs help<span class=\"count\">3</span>",
        "Approvals<span class=\"count\">1</span>",
        "Queue<span class=\"count none\">0</span>",
        "<h2>Needs help<span class=\"tally\">3</span></h2>",
        "<h2>Approvals<span class=\"tally\">1</span></h2>",
        "end of list · 4\u{a0}items",
        "Run <code><bdi>merge</bdi></code> on <code><bdi>github</bdi></code>",
        "risk <strong><bdi>high</bdi></strong>",
        "expires <time",
        "data-t=\"until\"",
        "session <a href=\"/runs/asked#sessions\"><bdi>s 1</bdi></a>",
        "asks to hand over",
        "href=\"/runs?workflow=ship\">other runs of this workflow",
    ] {
        assert!(all.contains(part), "{part} is not in {all}");
    }
    let help = page("/attention?tab=help").await;
    assert!(!help.contains("<h2>") && !help.contains("github"), "one group has no heading: {help}");
    let few = page("/attention?n=2").await;
    assert!(few.contains("4, showing 2") && few.contains("n=52") && few.contains("load more"), "{few}");
    assert!(!few.contains("end of list"), "{few}");
    let none = page("/attention?tab=approvals&q=nothing-such").await;
    assert!(none.contains("Nothing matches") && none.contains("until it is answered"), "{none}");
}

#[tokio::test]
async fn commands_are_offered_with_quoted_values() {
    let fixture = inbox();
    let page = async |path: &str| fixture.main(path).await.replace("&#39;", "'");
    let (inbox, asked, failed) = (page("/attention").await, page("/runs/asked").await, page("/runs/failed").await);
    for (body, command) in [
        (&inbox, r"luca approve asked 'it'\''s'"),
        (&inbox, r"luca deny asked 'it'\''s'"),
        (&inbox, "luca take_wheel asked"),
        (&inbox, "luca open 's 1'"),
        (&inbox, "luca retry failed"),
        (&asked, "luca cancel asked"),
        (&asked, r"luca approve asked 'it'\''s'"),
        (&failed, "luca retry failed"),
    ] {
        assert!(body.contains(&format!("<code><bdi>{command}</bdi></code>")), "{command} is not in {body}");
    }
    assert!(!failed.contains("luca cancel") && !asked.contains("luca retry"), "only what fits");
    assert!(page("/runs/first").await.contains("retried as run <a href=\"/runs/second\">"));
    assert!(!page("/runs/asked?at=3").await.contains("luca "), "nothing is to be run in the past");
}
