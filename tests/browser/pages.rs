//! Every page at two widths in both colour schemes: axe-core finds nothing serious, and nothing hangs over the edge.

use serde_json::{Value, json};

use crate::states::{House, every_kind};

/// Where `scripts/test` puts it, at the version that it names.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/axe/node_modules/axe-core/axe.min.js");

/// Every page that there is, and the states of those that have several.
pub(crate) const PAGES: &[&str] = &[
    "/",
    "/runs",
    "/runs?q=nothing+is+called+so",
    "/attention",
    "/attention?tab=help",
    "/attention?tab=approvals",
    "/attention?tab=queue",
    "/attention?tab=history",
    "/since?seen=waiting:3&seen=text:1",
    "/queue",
    "/health",
    "/runs/waiting",
    "/runs/waiting?at=12",
    "/runs/waiting?zoom=0-900000",
    "/runs/waiting?q=slow",
    "/runs/waiting?q=nowhere",
    "/runs/on-track",
    "/runs/failed",
    "/runs/stuck",
    "/runs/queued",
    "/runs/timeless",
    "/runs/text",
    "/runs/waiting/lines/3",
    "/runs/waiting/lines/5",
    "/runs/waiting/artifacts/1",
    "/runs/waiting/artifacts/2",
    "/runs/waiting/compare",
    "/runs/ended/compare?with=failed",
    "/runs/nobody",
    "/nothing/here",
];

/// What axe finds: rule, impact and where, one a line. Serious, critical and everything about contrast counts.
const CHECK: &str = r#"
    return axe.run(document, {resultTypes: ["violations"], ...OPTIONS}).then((found) => found.violations
        .filter((one) => ["serious", "critical"].includes(one.impact) || one.id.includes("contrast"))
        .flatMap((one) => one.nodes.slice(0, 3).map((node) => `${one.id} (${one.impact}): ${node.target.join(" ")} ${node.html.slice(0, 160)}`)));
"#;

/// Elements that make the page itself scroll sideways.
const WIDE: &str = "return document.documentElement.scrollWidth > document.documentElement.clientWidth ? document.documentElement.scrollWidth : null;";

#[test]
fn no_wide_page_has_a_serious_finding_in_any_scheme() {
    look_at_all(1400);
}

#[test]
fn no_narrow_page_has_a_serious_finding_in_any_scheme() {
    look_at_all(500);
}

/// The schemes differ in their colours alone.
const SCHEMES: [(&str, &str); 2] = [("light", "{}"), ("dark", "{runOnly: ['color-contrast', 'link-in-text-block']}")];

fn look_at_all(width: u32) {
    let house = House::new(every_kind);
    with_axe(&house);
    let mut findings = Vec::new();
    for page in PAGES {
        house.open(page);
        for (scheme, options) in SCHEMES {
            house.browser.look(width, scheme);
            let dark = house.browser.run("return matchMedia('(prefers-color-scheme: dark)').matches && innerWidth;");
            assert_eq!(dark, if scheme == "dark" { Value::from(width) } else { Value::from(false) }, "{page}");
            let found = house.browser.run(&CHECK.replace("OPTIONS", options));
            let found = found.as_array().unwrap_or_else(|| panic!("axe answered {found}")).iter();
            findings.extend(found.map(|one| format!("{scheme} {width} {page}: {one}")));
            let wide = house.browser.run(WIDE);
            if !wide.is_null() {
                findings.push(format!("{scheme} {width} {page}: it is {wide} wide"));
            }
        }
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// Every page that is opened from now on has axe.
fn with_axe(house: &House) {
    let axe = std::fs::read_to_string(AXE)
        .unwrap_or_else(|error| panic!("{AXE}: {error}; scripts/test installs it with npm"));
    house.browser.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": axe }));
}

#[test]
fn the_check_finds_what_is_wrong() {
    let house = House::new(|_| {});
    with_axe(&house);
    house.open("/");
    house.browser.run(
        "const p = document.createElement('p'); p.textContent = 'hard to read'; p.style.color = '#ccc';
         p.style.background = '#fff'; p.dataset.mine = ''; document.querySelector('main').append(p);
         const b = document.createElement('button'); b.dataset.mine = ''; document.querySelector('main').append(b); return 1;",
    );
    let found = house.browser.run(&CHECK.replace("OPTIONS", "{}")).to_string();
    assert!(found.contains("color-contrast") && found.contains("button-name"), "{found}");
}
