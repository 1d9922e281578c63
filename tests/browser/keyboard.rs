//! The keyboard alone reaches everything: each task of a day without a pointer.

use serde_json::Value;

use crate::driver::keys::{ENTER, ESCAPE, TAB};
use crate::states::{House, every_kind};

impl House {
    fn wait_until(&self, what: &str, condition: &str) -> Value {
        self.browser.wait_for(what, &format!("return {condition};"))
    }

    fn is_at(&self, start: &str) {
        self.wait_until(
            &format!("the page {start}"),
            &format!(
                "document.readyState === 'complete' && (location.pathname + location.search).startsWith({start:?})"
            ),
        );
    }
}

#[test]
fn every_task_can_be_done_with_the_keyboard() {
    let house = House::new(every_kind);
    let browser = &house.browser;
    house.open("/");

    // The skip link is the first stop, and leads to the content.
    browser.press(TAB);
    house.wait_until("the skip link", "document.activeElement.className === 'skip'");
    browser.press(ENTER);
    house.wait_until("focus in the content", "location.hash === '#main' && document.activeElement.id === 'main'");

    // All runs, the second row, opened.
    browser.press("gr");
    house.is_at("/runs");
    browser.press("jj");
    let second = house.wait_until(
        "a focused row",
        "document.activeElement.matches('main [data-row]') && document.activeElement.getAttribute('href')",
    );
    browser.press(ENTER);
    house.is_at(second.as_str().expect("an address"));

    // The next run of that list, and back to the previous one.
    browser.press("]");
    house.wait_until(
        "another run",
        &format!("location.pathname !== {second} && location.pathname.startsWith('/runs/')"),
    );
    house.wait_until("it is loaded", "document.readyState === 'complete'");
    browser.press("[");
    house.is_at(second.as_str().expect("an address"));

    // Search among runs.
    browser.press("gr");
    house.is_at("/runs");
    browser.press("/");
    house.wait_until("the search field", "document.activeElement.type === 'search'");
    browser.press("waiting");
    browser.press(ENTER);
    house.is_at("/runs?");
    house.wait_until("the one match", "document.querySelectorAll('main [data-row]').length === 1");
    browser.press("j");
    browser.press(ENTER);
    house.is_at("/runs/waiting");

    // Search in its log, without a reload, and let go of following and take it again.
    browser.run("window.notReloaded = 1; return 1;");
    browser.press("/");
    house.wait_until("the search field", "document.activeElement.name === 'q'");
    browser.press("slow");
    browser.press(ENTER);
    house.wait_until("one event", "location.search.includes('q=slow') && document.querySelectorAll('#events li').length === 1 && window.notReloaded");
    browser.press(ESCAPE);
    browser.press(".");
    house.wait_until("not following", "document.getElementById('follow').getAttribute('aria-pressed') === 'false'");
    browser.press(".");
    house.wait_until("following", "document.getElementById('follow').getAttribute('aria-pressed') === 'true'");

    // A raw line opens below its event and closes again.
    browser.run("document.querySelector('#events a[data-raw]').focus(); return 1;");
    browser.press(ENTER);
    house.wait_until("the raw line", "document.querySelector('#events .opened pre') !== null");
    browser.press(ENTER);
    house.wait_until("it is closed", "document.querySelector('#events .opened') === null");

    // What needs a person, health, and the sheet of keys.
    browser.press("ga");
    house.is_at("/attention");
    browser.press("gh");
    house.is_at("/health");
    browser.press("?");
    house.wait_until("the sheet", "document.querySelector('dialog[open]') !== null");
    let sheet = browser.run("return document.querySelector('dialog').textContent;");
    for does in ["next row", "search", "follow the timeline"] {
        assert!(sheet.as_str().is_some_and(|text| text.contains(does)), "{does}: {sheet}");
    }
    browser.press(ESCAPE);
    house.wait_until("no sheet", "document.querySelector('dialog') === null");
}

#[test]
fn tab_reaches_every_control_and_shows_where_it_is() {
    let house = House::new(every_kind);
    let browser = &house.browser;
    for page in ["/", "/runs", "/attention", "/runs/waiting"] {
        house.open(page);
        browser.run("document.body.focus(); window.reached = new Set(); return 1;");
        let all = browser.run(
            "window.wanted = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]
                 .filter((one) => one.checkVisibility({visibilityProperty: true}) && one.tabIndex >= 0);
             return window.wanted.length;",
        );
        let all = usize::try_from(all.as_u64().expect("a number")).expect("small");
        // Some stops are scroll boxes, which are no controls.
        for _ in 0..=(all + 40) / 20 {
            for _ in 0..20 {
                browser.press(TAB);
                browser.run(
                    "const one = document.activeElement; window.reached.add(one);
                     const style = getComputedStyle(one), cover = getComputedStyle(one, '::after');
                     if (one !== document.body && one.id !== 'main' && style.outlineStyle === 'none' && cover.outlineStyle === 'none') (window.unseen ??= []).push(one.outerHTML.slice(0, 120));
                     return 1;",
                );
            }
        }
        let missed = browser.run(
            "return window.wanted.filter((one) => !window.reached.has(one)).map((one) => one.outerHTML.slice(0, 160));",
        );
        assert_eq!(missed, Value::Array(Vec::new()), "{page}: not reached");
        let unseen = browser.run("return window.unseen ?? [];");
        assert_eq!(unseen, Value::Array(Vec::new()), "{page}: focus is not seen");
    }
}
