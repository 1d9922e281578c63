//! How it looks to whom: the switches that are remembered, a printed page, eyes without colour, the sheet of keys.

use serde_json::{Value, json};

use crate::driver::keys::ESCAPE;
use crate::states::{House, every_kind};
use crate::support::append;

#[test]
fn the_time_zone_and_the_theme_are_switched_and_remembered() {
    let house = House::new(every_kind);
    let browser = &house.browser;
    browser.devtools("Emulation.setTimezoneOverride", &json!({ "timezoneId": "Asia/Kolkata" }));
    browser.look(1400, "light");
    house.open("/runs/failed");
    let shown = "const time = document.querySelector('#main time[data-t=stamp]'); return [time.textContent, time.title, time.dateTime];";
    let parts = |value: Value| -> Vec<String> {
        value.as_array().expect("a list").iter().map(|part| part.as_str().expect("text").to_owned()).collect()
    };
    browser.wait_for(
        "local times",
        "return document.querySelector('#main time[data-t=stamp]').title.endsWith('UTC+05:30');",
    );
    let local = parts(browser.run(shown));
    browser.run("document.getElementById('zone').click(); return 1;");
    let utc = parts(browser.run(shown));
    assert!(utc[1].ends_with("UTC") && utc[2].starts_with(&utc[0].replace(' ', "T")), "{utc:?}");
    assert_ne!(local[0], utc[0]);
    assert_eq!(local[2], utc[2], "the same moment");
    house.open("/runs/ended");
    browser.wait_for("UTC on another page", "return document.querySelector('#zone span').textContent === 'times: UTC' && document.querySelector('#main time[data-t=stamp]').title.endsWith(' UTC');");

    let ground = "return getComputedStyle(document.body).backgroundColor;";
    let light = browser.run(ground);
    for (theme, is_light) in [("light", true), ("dark", false)] {
        browser.run("document.getElementById('theme').click(); return 1;");
        assert_eq!(browser.run("return document.documentElement.dataset.theme;"), theme);
        assert_eq!(browser.run(ground) == light, is_light, "{theme}");
    }
    house.open("/");
    assert_eq!(browser.run("return document.documentElement.dataset.theme;"), "dark", "remembered");
    assert_ne!(browser.run(ground), light);
}

#[test]
fn a_page_is_printed_whole_and_without_controls() {
    let house = House::new(every_kind);
    let browser = &house.browser;
    browser.look(1400, "dark");
    for page in ["/", "/runs", "/runs/waiting"] {
        house.open(page);
        browser.devtools("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
        let left = browser.run(
            "return [...document.querySelectorAll('form.filters, .switches, .jump, .skip, #toasts, button')].filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 99));",
        );
        assert_eq!(left, json!([]), "{page}: controls");
        let cut = browser.run(
            "return [...document.querySelectorAll('main *')].filter((one) => one.scrollHeight > one.clientHeight + 2 && ['auto', 'scroll'].includes(getComputedStyle(one).overflowY)).map((one) => one.outerHTML.slice(0, 99));",
        );
        assert_eq!(cut, json!([]), "{page}: cut off");
        let ground = browser.run("return getComputedStyle(document.body).backgroundColor;");
        assert_eq!(ground, "rgb(255, 255, 255)", "{page}: ink is dear, whatever the screen's scheme");
    }
}

/// What carries a meaning by its hue and has neither words nor a title.
const HUE_ALONE: &str = "
    return [...document.querySelectorAll('.quiet, .live, .good, .warn, .human, .bad')]
        .filter((one) => one.checkVisibility() && !one.matches('svg') && one.textContent.trim() === '' && one.title === '')
        .map((one) => one.outerHTML.slice(0, 160));";

#[test]
fn nothing_is_said_by_colour_alone() {
    let house = House::new(every_kind);
    let browser = &house.browser;
    for page in ["/", "/runs", "/attention", "/health", "/runs/waiting", "/runs/failed"] {
        house.open(page);
        assert_eq!(browser.run(HUE_ALONE), json!([]), "{page}");
        // Every badge, pill and card of a run has both an icon and a word.
        let bare = browser.run(
            "return [...document.querySelectorAll('.badge, .pill.human, .pill.bad, .pill.warn, .pill.live, article .mark')]
                 .filter((one) => !one.querySelector('svg') || (!one.matches('.mark') && one.textContent.trim() === '')).map((one) => one.outerHTML.slice(0, 160));",
        );
        assert_eq!(bare, json!([]), "{page}");
    }
    // The bars of the waterfall: what failed is said in the row's head too.
    house.open("/runs/waiting");
    let silent = browser.run(
        "return [...document.querySelectorAll('.waterfall tbody tr')].filter((row) => row.querySelector('svg.span.bad') && !row.querySelector('th .mark svg')).length;",
    );
    assert_eq!(silent, 0);
}

#[test]
fn the_filters_of_a_list_survive_going_into_a_run_and_back() {
    let house = House::new(every_kind);
    let browser = &house.browser;
    house.open("/runs?q=ship&sort=duration");
    browser.run("document.elementFromPoint(...(({left, top}) => [left + 4, top + 4])(document.querySelector('main tbody tr').getBoundingClientRect())).click(); return 1;");
    browser.wait_for("a run", "return document.body.dataset.run !== undefined && document.readyState === 'complete';");
    browser.wait_for(
        "the way back",
        "return document.querySelector('a[data-back]').getAttribute('href') === '/runs?q=ship&sort=duration';",
    );
    browser.run("document.querySelector('a[data-back]').click(); return 1;");
    browser.wait_for("the list as it was", "return location.search === '?q=ship&sort=duration' && document.querySelector('main input[type=search]')?.value === 'ship';");
}

#[test]
fn bars_stand_under_their_axis() {
    let house = House::new(every_kind);
    for width in [1400, 500] {
        house.browser.look(width, "light");
        house.open("/runs/waiting");
        let beside = house.browser.run(
            "const edges = (one) => { const box = one.getBoundingClientRect(); return [box.left, box.right]; };
             const axis = edges(document.querySelector('.waterfall svg.axis'));
             const bars = [...document.querySelectorAll('.waterfall svg.span')].map(edges);
             return bars.length ? bars.filter((bar) => bar.some((edge, side) => Math.abs(edge - axis[side]) > 1)) : 'no bars';",
        );
        assert_eq!(beside, json!([]), "{width}");
    }
}

#[test]
fn every_label_of_an_axis_can_be_read() {
    // Work with a long pause in it, at whose end a round minute is.
    let step = |from: i64, to: i64| {
        format!(
            "{{\"ts\":{},\"event\":\"step.started\",\"step\":\"s{from}\"}}\n{{\"ts\":{},\"event\":\"step.finished\",\"step\":\"s{from}\"}}\n",
            1_780_000_000 + from,
            1_780_000_000 + to
        )
    };
    let house = House::new(|state| {
        append(state, "pause", &[step(0, 200), step(3600, 3900)].concat());
    });
    for width in [1400, 500] {
        house.browser.look(width, "light");
        for window in ["", "?zoom=40000-190000"] {
            house.open(&format!("/runs/pause{window}"));
            let labels = house.browser.run(
                "const box = (one) => one.getBoundingClientRect();
                 const all = [...document.querySelectorAll('.axis text')].filter((one) => box(one).width > 0);
                 const cell = box(document.querySelector('.axis').closest('th'));
                 const wrong = (one, at) => box(one).left < cell.left || box(one).right > cell.right
                     || all.some((other, place) => place < at && box(other).left < box(one).right && box(one).left < box(other).right);
                 return all.length < 2 ? 'too few' : all.filter(wrong).map((one) => one.textContent);",
            );
            assert_eq!(labels, json!([]), "{width}{window}");
        }
    }
}

#[test]
fn the_sheet_of_keys_is_made_from_the_bindings() {
    let house = House::new(every_kind);
    let browser = &house.browser;
    let keys = |page: &str| -> Vec<String> {
        house.open(page);
        browser.wait_for(
            "the script",
            "return document.readyState === 'complete' && document.querySelector('#keys') !== null;",
        );
        browser.press("?");
        browser.wait_for("the sheet", "return document.querySelector('dialog[open]') !== null;");
        let rows = browser.run("return [...document.querySelectorAll('dialog tr')].map((row) => [...row.querySelectorAll('kbd')].map((key) => key.textContent).join(' '));");
        browser.press(ESCAPE);
        rows.as_array().expect("rows").iter().map(|key| key.as_str().expect("text").to_owned()).collect()
    };
    let named = ["j", "k", "Enter", "/", "g a", "g r", "g h", "[", "]", ".", "?"];
    let found = keys("/runs/waiting");
    assert!(named.iter().all(|key| found.iter().any(|one| one == key)), "{found:?}");
    // A key that is bound later is on the sheet, because the sheet is made from what is bound.
    browser.run("window.wheelwatch.bind('x', 'nothing at all', () => { window.pressed = true; }); return 1;");
    browser.press("?");
    browser.wait_for("the new key", "return document.querySelector('dialog')?.textContent.includes('nothing at all');");
    browser.press(ESCAPE);
    browser.press("x");
    browser.wait_for("it does what it says", "return window.pressed === true;");
}
