//! The timeline of a run with very many events, and of one that goes on while somebody reads.

use std::fmt::Write;
use std::path::Path;

use crate::states::House;
use crate::support::append;

const EVENTS: u64 = 100_000;

fn very_long(state: &Path) {
    let mut log = String::from("{\"event\":\"run.started\"}\n");
    for n in 2..=EVENTS {
        let level = if n % 1000 == 0 { "error" } else { "info" };
        writeln!(log, "{{\"event\":\"log\",\"level\":\"{level}\",\"msg\":\"message {n}\"}}").expect("a string");
    }
    append(state, "long", &log);
}

/// How many elements the page has.
const ELEMENTS: &str = "return document.querySelectorAll('*').length;";
const FIRST: &str = "document.querySelector('#events li')?.id";

#[test]
fn a_run_with_very_many_events_scrolls_and_filters_without_growing() {
    let house = House::new(very_long);
    let browser = &house.browser;
    house.open("/runs/long");
    browser.wait_for(
        "the last event",
        &format!("if (document.getElementById('L{EVENTS}')) return true; location.reload(); return false;"),
    );
    let begin = browser.run(ELEMENTS).as_u64().expect("a number");
    browser.run("window.notReloaded = 1; return 1;");
    let scroll_up = "const list = document.getElementById('events'); list.scrollTop = 40; \
                     requestAnimationFrame(() => requestAnimationFrame(() => { list.scrollTop = 0; })); return 1;";
    for page in 1..=5 {
        browser.run(scroll_up);
        let first = format!("L{}", EVENTS - 200 * (page + 1) + 1);
        browser.wait_for(&format!("the page that begins with {first}"), &format!("return {FIRST} === {first:?};"));
        let now = browser.run(ELEMENTS).as_u64().expect("a number");
        assert!(now <= begin + 50, "{now} elements after {page} pages, {begin} before");
    }
    // And down again.
    browser.run("const list = document.getElementById('events'); list.scrollTop = 100; requestAnimationFrame(() => { list.scrollTop = list.scrollHeight; }); return 1;");
    let first = format!("L{}", EVENTS - 1000 + 1);
    browser.wait_for("the page after it", &format!("return {FIRST} === {first:?};"));

    // A filter over all of them, then a text.
    browser.run("const form = document.querySelector('#timeline form'); form.level.value = 'error'; form.requestSubmit(); return 1;");
    browser.wait_for("one hundred errors", "return document.querySelectorAll('#events li').length === 100;");
    browser.run("const form = document.querySelector('#timeline form'); form.q.value = 'message 42000'; form.requestSubmit(); return 1;");
    browser.wait_for(
        "the one match",
        "return document.querySelectorAll('#events li').length === 1 && document.getElementById('L42000') !== null;",
    );
    assert!(browser.run(ELEMENTS).as_u64().expect("a number") <= begin);
    // In its place among all events.
    assert_eq!(browser.run("return window.notReloaded;"), 1, "nothing was loaded again");
    browser.run("document.querySelector('#events a.context').click(); return 1;");
    browser.wait_for("its neighbours", "return document.querySelector('#L42000.marked') && document.getElementById('L41999') && document.getElementById('L42001') && true;");
    let seen = "const list = document.getElementById('events').getBoundingClientRect(), row = document.getElementById('L42000').getBoundingClientRect(); \
                return row.top >= list.top && row.bottom <= list.bottom;";
    browser.wait_for("it is in sight", seen);
}

#[test]
fn following_lets_go_when_the_reader_scrolls_up_and_takes_hold_at_the_end() {
    let house = House::new(|state| {
        let lines: String = (1..=150).map(|n| format!("{{\"event\":\"log\",\"msg\":\"message {n}\"}}\n")).collect();
        append(state, "run", &lines);
    });
    let browser = &house.browser;
    house.open("/runs/run");
    let follows =
        |on: bool| format!("return document.getElementById('follow').getAttribute('aria-pressed') === '{on}';");
    let at_end = "const list = document.getElementById('events'); return list.scrollHeight - list.scrollTop - list.clientHeight < 24;";
    browser.wait_for("it follows", &follows(true));
    house.append("run", "{\"event\":\"log\",\"msg\":\"message 151\"}\n");
    browser.wait_for("the new event", "return document.getElementById('L151') !== null;");
    browser.wait_for("the end in sight", at_end);

    browser.run("document.getElementById('events').scrollTop -= 400; return 1;");
    browser.wait_for("it lets go", &follows(false));
    let place = browser.run("return document.getElementById('events').scrollTop;");
    let more: String = (152..=400).map(|n| format!("{{\"event\":\"log\",\"msg\":\"message {n}\"}}\n")).collect();
    house.append("run", &more);
    browser.wait_for("word of newer events", "return document.querySelector('#timeline .pager a[rel=next]') !== null;");
    assert_eq!(browser.run("return document.getElementById('events').scrollTop;"), place, "what is read stands still");
    assert_eq!(
        browser.run("return document.getElementById('L151') !== null && document.getElementById('L400') === null;"),
        true
    );

    browser.press(".");
    browser.wait_for("the newest event", "return document.getElementById('L400') !== null;");
    browser.wait_for("it follows again", &follows(true));
    browser.wait_for("the end in sight", at_end);
}

#[test]
fn an_answer_that_comes_late_does_not_bring_back_the_view_that_was_left() {
    let house = House::new(|state| {
        let lines: String = (1..=900).map(|n| format!("{{\"event\":\"log\",\"msg\":\"message {n}\"}}\n")).collect();
        append(state, "run", &lines);
    });
    let browser = &house.browser;
    house.open("/runs/run");
    browser.wait_for("the page is followed", "return document.getElementById('L900') !== null;");
    // The next answer is held back until it is let go.
    browser.run(
        "const ask = window.fetch; \
         window.fetch = async (...asked) => { \
             const answer = await ask(...asked); \
             if (!window.release) await new Promise((go) => { window.release = go; }); \
             return answer; \
         }; return 1;",
    );
    house.append("run", "{\"event\":\"log\",\"msg\":\"message 901\"}\n");
    browser.wait_for("an answer on its way", "return window.release !== undefined;");
    browser.run("document.querySelector('#timeline .pager a[rel=prev]').click(); return 1;");
    let first = browser.wait_for(
        "the page before",
        "return document.getElementById('L900') === null && document.querySelector('#events li').id;",
    );
    let address = browser.run("return location.href;");
    // What the late answer is replaced by asks for the page that is looked at, and is the next to arrive.
    browser.run("window.seen = 0; document.addEventListener('wheelwatch:swapped', () => { window.seen += 1; }); window.release(); return 1;");
    browser.wait_for("word of what was appended", "return window.seen > 0;");
    assert_eq!(browser.run(&format!("return {FIRST};")), first, "the page before is still there");
    assert_eq!(browser.run("return location.href;"), address);
}
