//! The dashboard in a real browser: what only a browser can show. Run with `cargo test --test browser`; `scripts/test`
//! does so too. Everyday `cargo test` leaves it out, because it needs Chromium.

mod driver;
#[path = "../support/mod.rs"]
mod support;

use driver::Browser;
use support::append;
use support::binary::Server;

const START: &str = "{\"event\":\"run.started\",\"workflow\":\"ship\",\"title\":\"Ship it\"}\n\
                     {\"event\":\"phase.started\",\"phase\":\"build\"}\n";

/// The text of the active-run pill.
const PILL: &str = "const pill = document.querySelector('.pill'); return pill && pill.textContent;";

#[test]
fn the_pill_changes_without_a_reload() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (home, state) = (directory.path().join("home"), directory.path().join("state"));
    std::fs::create_dir(&home).expect("a directory");
    append(&state, "run-1", START);
    let server = Server::start(&home, &state);
    let browser = Browser::start();
    browser.open(&format!("http://127.0.0.1:{}/", server.port));

    let shows = |text: &str| format!("return (() => {{ {PILL} }})()?.includes({text:?});");
    browser.wait_for("a pill with the first phase", &shows("build"));
    // A mark that a reload would wipe away.
    browser.run("window.notReloaded = 'the same page'; return true;");

    append(&state, "run-1", "{\"event\":\"phase.started\",\"phase\":\"verify\"}\n");
    browser.wait_for("a pill with the new phase", &shows("verify"));
    let pill = browser.run(PILL);
    assert_eq!(browser.run("return window.notReloaded || null;"), "the same page", "the page was loaded again: {pill}");
    assert!(!pill.as_str().unwrap_or_default().contains("build"), "{pill}");

    append(&state, "run-1", "{\"event\":\"run.completed\"}\n");
    browser.wait_for("a pill without an active run", &shows("no active run"));
    assert_eq!(browser.run("return window.notReloaded || null;"), "the same page");
}
