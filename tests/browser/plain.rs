//! Scripts off: every page, filter, page of the timeline and raw line works by links and forms (spec 3).

use serde_json::{Value, json};

use crate::driver::keys::ENTER;
use crate::pages::PAGES;
use crate::states::{House, every_kind};
use crate::support::{append, wait_for};

/// A page whose scripts do not run, looked at and worked with from outside.
struct Plain<'a>(&'a House);

impl Plain<'_> {
    /// None while one page takes the place of another.
    fn html(&self) -> Option<String> {
        let html = self.0.browser.about_node("DOM.getOuterHTML", &json!({ "nodeId": self.root() }))?;
        Some(html["outerHTML"].as_str().expect("HTML").to_owned())
    }

    fn find(&self, selector: &str) -> Option<Value> {
        let wanted = json!({ "nodeId": self.root(), "selector": selector });
        let found = self.0.browser.about_node("DOM.querySelector", &wanted)?;
        Some(found["nodeId"].clone()).filter(|node| *node != 0)
    }

    fn root(&self) -> Value {
        self.0.browser.devtools("DOM.getDocument", &json!({ "depth": 0 }))["root"]["nodeId"].clone()
    }

    /// Clicks with the pointer, where the element is.
    fn click(&self, selector: &str) {
        let node = wait_for(selector, || self.find(selector));
        self.0.browser.devtools("DOM.scrollIntoViewIfNeeded", &json!({ "nodeId": node }));
        let quads = self.0.browser.devtools("DOM.getContentQuads", &json!({ "nodeId": node }));
        let corner = |at: usize| quads["quads"][0][at].as_f64().expect("a place");
        let (x, y) = ((corner(0) + corner(4)) / 2.0, (corner(1) + corner(5)) / 2.0);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.0.browser.devtools("Input.dispatchMouseEvent", &event);
        }
    }

    /// Types into a field.
    fn fill(&self, selector: &str, text: &str) {
        let node = wait_for(selector, || self.find(selector));
        self.0.browser.devtools("DOM.focus", &json!({ "nodeId": node }));
        self.0.browser.devtools("Input.insertText", &json!({ "text": text }));
    }

    fn wait_for(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        wait_for(what, || self.html().filter(|html| holds(html)))
    }
}

#[test]
fn without_scripts_everything_works_by_links_and_forms() {
    let house = House::new(|state| {
        every_kind(state);
        let lines: String = (1..=500).map(|n| format!("{{\"event\":\"log\",\"msg\":\"message {n}\"}}\n")).collect();
        append(state, "long", &lines);
    });
    house.browser.look(1400, "light");
    house.browser.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    let page = Plain(&house);
    for path in PAGES {
        house.open(path);
        let html = page.wait_for(path, |html| html.contains("</html>"));
        assert!(!html.contains("<html lang=\"en\" class=\"js"), "{path}: a script ran");
        assert!(html.contains("</main>") && html.contains("<h1"), "{path}: {html}");
    }

    // A filter of the list, then into a run.
    house.open("/runs");
    page.fill("main input[type=search]", "long");
    house.browser.press(ENTER);
    page.wait_for("the run alone", |html| {
        html.contains("href=\"/runs/long\"") && !html.contains("href=\"/runs/stuck\"")
    });
    page.click("main a[href='/runs/long']");
    page.wait_for("its last event", |html| html.contains("id=\"L500\""));

    // Older, newer, and a raw line.
    page.click("#timeline a[rel=prev]");
    page.wait_for("older events", |html| html.contains("id=\"L300\"") && !html.contains("id=\"L500\""));
    page.click("#timeline a[rel=next]");
    page.wait_for("newer events", |html| html.contains("id=\"L301\"") && html.contains("id=\"L500\""));
    page.fill("#timeline input[name=q]", "message 77");
    house.browser.press(ENTER);
    page.wait_for("the match", |html| html.contains("id=\"L77\"") && !html.contains("id=\"L500\""));
    page.click("#L77 a.raw");
    page.wait_for("the raw line", |html| html.contains("id=\"raw\"") && html.contains("Line 77"));
    page.click("#raw a[href*='?line=77']");
    page.wait_for("its neighbours", |html| html.contains("id=\"L76\"") && html.contains("id=\"L78\""));

    // The past, a stretch of the waterfall, an artifact.
    house.open("/runs/waiting");
    page.click(".moments a");
    page.wait_for("the past", |html| html.contains("as it was after"));
    house.open("/runs/waiting");
    page.click(".zoom a");
    page.wait_for("a stretch", |html| html.contains("the whole run"));
    page.click("#artifacts a.path");
    page.wait_for("the artifact", |html| html.contains("<h1>Report</h1>"));
}
