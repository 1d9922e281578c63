//! What happens on an open page: it changes without a reload, in every tab, over one stream, and says when it does not.

use std::path::Path;

use crate::states::House;
use crate::support::{append, wait_for};

const START: &str = "{\"event\":\"run.started\",\"workflow\":\"ship\",\"title\":\"Ship it\"}\n\
                     {\"event\":\"phase.started\",\"phase\":\"build\"}\n";

/// The text of the active-run pill.
const PILL: &str = "const pill = document.querySelector('.pill'); return pill && pill.textContent;";

fn one_run(state: &Path) {
    append(state, "run-1", START);
}

fn shows(text: &str) -> String {
    format!("return (() => {{ {PILL} }})()?.includes({text:?});")
}

#[test]
fn the_pill_changes_without_a_reload() {
    let house = House::new(one_run);
    let browser = &house.browser;
    house.open("/");
    browser.wait_for("a pill with the first phase", &shows("build"));
    // A mark that a reload would wipe away.
    browser.run("window.notReloaded = 'the same page'; return true;");

    house.append("run-1", "{\"event\":\"phase.started\",\"phase\":\"verify\"}\n");
    browser.wait_for("a pill with the new phase", &shows("verify"));
    let pill = browser.run(PILL);
    assert_eq!(browser.run("return window.notReloaded || null;"), "the same page", "the page was loaded again: {pill}");
    assert!(!pill.as_str().unwrap_or_default().contains("build"), "{pill}");

    house.append("run-1", "{\"event\":\"run.completed\"}\n");
    browser.wait_for("a pill without an active run", &shows("no active run"));
    assert_eq!(browser.run("return window.notReloaded || null;"), "the same page");
}

#[test]
fn ten_tabs_show_what_was_appended_over_one_stream() {
    let house = House::new(one_run);
    let browser = &house.browser;
    let mut tabs = Vec::new();
    for path in ["/", "/runs", "/attention", "/health", "/runs/run-1"].into_iter().cycle().take(10) {
        tabs.push(browser.new_tab());
        house.open(path);
        browser.wait_for("a pill with the first phase", &shows("build"));
        browser.run("window.notReloaded = 'the same page'; return true;");
    }
    let streams = || house.server.get("/api/health").json()["sse_clients"].clone();
    wait_for("exactly one stream", || (streams() == 1).then_some(()));
    house.append("run-1", "{\"event\":\"phase.started\",\"phase\":\"verify\"}\n");
    for tab in tabs {
        browser.switch(&tab);
        browser.wait_for("a pill with the new phase", &shows("verify"));
        assert_eq!(browser.run("return window.notReloaded || null;"), "the same page");
    }
    assert_eq!(streams(), 1);
}

#[test]
fn focus_and_what_was_typed_survive_a_change() {
    let house = House::new(one_run);
    let browser = &house.browser;
    house.open("/runs/run-1");
    browser.run(
        "const field = document.querySelector('#timeline input[name=name]'); field.value = 'half a na'; field.focus();
         return 1;",
    );
    house.append("run-1", "{\"event\":\"phase.started\",\"phase\":\"verify\",\"msg\":\"a new line\"}\n");
    browser.wait_for("the new line", "return document.getElementById('events').textContent.includes('a new line');");
    let field = "document.querySelector('#timeline input[name=name]')";
    assert_eq!(browser.run(&format!("return {field}.value;")), "half a na");
    assert_eq!(browser.run(&format!("return document.activeElement === {field};")), true);
}

#[test]
fn selection_scroll_and_details_survive_a_change() {
    let house = House::new(|state| {
        let steps: String = (1..=60)
            .map(|n| format!("{{\"event\":\"step.started\",\"step\":\"s{n}\"}}\n{{\"event\":\"step.finished\",\"step\":\"s{n}\"}}\n"))
            .collect();
        append(state, "run-1", &START.replace("\"run.started\"", "\"run.started\",\"inputs\":{\"goal\":\"ship\"}"));
        append(state, "run-1", &steps);
    });
    let browser = &house.browser;
    browser.look(1400, "light");
    house.open("/runs/run-1");
    browser.wait_for("the inputs", "return document.getElementById('inputs-json')?.open;");
    browser.run(
        "document.getElementById('inputs-json').open = false;
         getSelection().selectAllChildren(document.querySelector('#main h1'));
         document.querySelector('#steps .tall').scrollTop = 300; scrollTo(0, 400); return 1;",
    );
    house.append("run-1", "{\"event\":\"step.started\",\"step\":\"the-new-one\"}\n");
    browser.wait_for("the new step", "return document.getElementById('steps').textContent.includes('the-new-one');");
    let kept = browser.run(
        "return [document.getElementById('inputs-json').open, getSelection().toString(),
                 document.querySelector('#steps .tall').scrollTop, scrollY];",
    );
    assert_eq!(kept, serde_json::json!([false, "Ship it", 300, 400]));
}

#[test]
fn a_run_becomes_late_and_the_title_and_icon_say_so_without_any_event() {
    let house = House::new(|_| {});
    let browser = &house.browser;
    house.open("/health");
    browser.wait_for("no run", &shows("no active run"));
    let now = jiff::Timestamp::now();
    house.append("run-1", &format!("{{\"ts\":\"{now}\",\"event\":\"run.started\",\"expected_s\":10}}\n"));
    browser.wait_for("it is on track", &shows("on track"));
    let calm = browser.run("return document.getElementById('favicon').getAttribute('href');");
    assert_eq!(browser.run("return document.title;"), "Health · wheelwatch");
    browser.wait_for("it is late", &shows("past expectation"));
    browser.wait_for("the count in the title", "return document.title === '(1) Health · wheelwatch';");
    assert_ne!(browser.run("return document.getElementById('favicon').getAttribute('href');"), calm);
}

#[test]
fn ages_tick_without_traffic() {
    let mut house = House::new(one_run);
    house.append("run-1", &format!("{{\"ts\":\"{}\",\"event\":\"log\"}}\n", jiff::Timestamp::now()));
    house.open("/");
    house.browser.wait_for("a card", "return document.querySelector('.card .sentence time') !== null;");
    house.server.signal("KILL");
    house.server.ended();
    let ages =
        "[...document.querySelectorAll('.card .sentence time, .card .figures time')].map((one) => one.textContent)";
    let before = house.browser.run(&format!("return {ages};"));
    house.browser.wait_for(
        "every age",
        &format!("const before = {before}; return {ages}.every((age, n) => age !== before[n]);"),
    );
}

#[test]
fn a_stalled_stream_is_noticed_and_caught_up_with() {
    let house = House::new(one_run);
    let browser = &house.browser;
    house.open("/");
    browser.wait_for("a pill with the first phase", &shows("build"));
    browser.run("window.notReloaded = 'the same page'; return true;");
    wait_for("a stream", || (house.server.get("/api/health").json()["sse_clients"] == 1).then_some(()));
    // The connection stays open, and nothing comes over it any more.
    house.server.signal("STOP");
    browser.wait_for("the word that it is not live", "return !document.getElementById('stale').hidden;");
    house.append("run-1", "{\"event\":\"phase.started\",\"phase\":\"verify\"}\n");
    house.server.signal("CONT");
    browser.wait_for("what happened meanwhile", &shows("verify"));
    browser.wait_for("the word is gone", "return document.getElementById('stale').hidden;");
    assert_eq!(browser.run("return window.notReloaded || null;"), "the same page");
}

#[test]
fn a_page_without_its_server_says_that_it_is_not_live() {
    let mut house = House::new(one_run);
    house.open("/runs/run-1");
    house.browser.wait_for("a pill with the first phase", &shows("build"));
    assert_eq!(house.browser.run("return document.getElementById('stale').hidden;"), true);
    house.server.signal("KILL");
    house.server.ended();
    let line = "const line = document.getElementById('stale'); return !line.hidden && line.textContent;";
    let said = house.browser.wait_for("the word that it is not live", line);
    assert!(said.as_str().is_some_and(|text| text.starts_with("Not live")), "{said}");
    assert_eq!(house.browser.run("return document.documentElement.classList.contains('stale');"), true);
}
