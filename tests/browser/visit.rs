//! What a person missed, and what happens meanwhile: since you last looked, toasts, notifications (spec 3.2, 3.3).

use serde_json::json;

use crate::states::House;
use crate::support::append;

const START: &str = "{\"event\":\"run.started\",\"workflow\":\"ship\",\"title\":\"Ship it\"}\n\
                     {\"event\":\"phase.started\",\"phase\":\"build\"}\n";

/// The person looked last an hour ago.
const AN_HOUR_AGO: &str = "const visit = JSON.parse(localStorage.getItem('wheelwatch.visit')); visit.last -= 3600000;
                           localStorage.setItem('wheelwatch.visit', JSON.stringify(visit)); return visit.seen;";

#[test]
fn what_changed_since_the_last_visit_is_told_until_it_was_seen() {
    let house = House::new(|state| {
        append(state, "run-1", START);
        append(state, "still", START);
    });
    let browser = &house.browser;
    house.open("/");
    browser
        .wait_for("it is noted what was seen", "return localStorage.getItem('wheelwatch.visit')?.includes('run-1');");
    assert_eq!(
        browser.run("return document.getElementById('since').childElementCount;"),
        0,
        "nothing at the first visit"
    );

    // The person goes away; meanwhile a run goes on and another one begins.
    browser.open("about:blank");
    house.append(
        "run-1",
        "{\"event\":\"phase.started\",\"phase\":\"verify\"}\n{\"event\":\"run.failed\",\"error\":\"disk full\"}\n",
    );
    house.append("run-2", START);
    house.open("/health");
    assert_eq!(browser.run(AN_HOUR_AGO), json!({"run-1": 2, "still": 2}));
    house.open("/");
    let told = browser.wait_for(
        "what changed",
        "const since = document.querySelector('#since section'); return since?.innerText.includes('run-2') || since?.querySelectorAll('li').length === 2 ? since.innerText : null;",
    );
    let told = told.as_str().expect("text").replace('\u{a0}', " ");
    for part in
        ["Since you last looked", "1 h ago", "phase build → verify", "status running → failed", "status running"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let links = browser
        .run("return [...document.querySelectorAll('#since a.title')].map((one) => one.getAttribute('href')).sort();");
    assert_eq!(links, json!(["/runs/run-1", "/runs/run-2"]), "and nothing of the run that stood still");

    // A change of the page leaves it there, a run tells its own part, and it goes when it was seen.
    house.append("still", "{\"event\":\"phase.started\",\"phase\":\"hardening\"}\n");
    browser.wait_for("the change", "return document.querySelector('#active').innerText.includes('hardening');");
    assert_eq!(browser.run("return document.querySelectorAll('#since section').length;"), 1);
    house.open("/runs/run-1");
    browser.wait_for("what changed in this run", "return document.querySelectorAll('#since li').length === 1;");
    house.open("/");
    browser.wait_for("it is still told", "return document.querySelector('#since button') !== null;");
    browser.run("document.querySelector('#since button').click(); return 1;");
    assert_eq!(browser.run("return document.querySelectorAll('#since section').length;"), 0);
    house.open("/");
    browser.wait_for("the page", "return document.readyState === 'complete';");
    assert_eq!(browser.run("return JSON.parse(localStorage.getItem('wheelwatch.visit')).base ?? null;"), json!(null));
}

#[test]
fn an_end_a_failure_and_a_question_are_said_and_only_a_worsening_notifies() {
    let house = House::new(|state| {
        for run in ["good", "bad", "asks"] {
            append(state, run, &START.replace("Ship it", run));
        }
    });
    let browser = &house.browser;
    house.open("/health");
    // The person opts in; what the system would show is kept to be looked at.
    browser.devtools("Browser.grantPermissions", &json!({ "permissions": ["notifications"] }));
    browser.wait_for("the permission", "return Notification.permission === 'granted';");
    browser.run("document.getElementById('notify').click(); return 1;");
    browser.wait_for("opted in", "return document.getElementById('notify').getAttribute('aria-pressed') === 'true';");
    browser.run(
        "window.notes = []; window.Notification = class { constructor(text) { window.notes.push(text); } };
         window.Notification.permission = 'granted';
         window.said = []; new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach((node) => window.said.push(node.innerText))))
             .observe(document.getElementById('toasts'), { childList: true }); return 1;",
    );
    browser.wait_for("the page is live", "return document.getElementById('news') !== null;");
    assert_eq!(browser.run("return window.said;"), json!([]), "what was there is no news");

    let said = |what: &str, text: &str| {
        browser.wait_for(
            what,
            &format!("return window.said.some((one) => one.replace(/\\s+/g, ' ').includes({text:?}));"),
        );
    };
    house.append("good", "{\"event\":\"run.completed\"}\n");
    said("a run that ended", "good completed");
    house.append("bad", "{\"event\":\"run.failed\",\"error\":\"disk full\"}\n");
    said("a run that failed", "bad failed");
    house.append("asks", "{\"event\":\"question.asked\",\"id\":\"q\",\"reason\":\"which?\"}\n");
    said("a run that asks", "asks asks a question");
    assert_eq!(browser.run("return window.said.length;"), 3, "each once");
    let notes = browser.run("return window.notes;").to_string();
    assert!(notes.contains("bad") && notes.contains("asks") && !notes.contains("good"), "{notes}");

    // Without opting in there are toasts only.
    browser.run("document.getElementById('notify').click(); window.notes = []; return 1;");
    house.append("again", START);
    house.append("again", "{\"event\":\"run.failed\"}\n");
    said("another one that failed", "Ship it failed");
    assert_eq!(browser.run("return window.notes;"), json!([]));
}
