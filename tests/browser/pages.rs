//! Every page at two widths in both colour schemes: axe-core finds nothing serious, and nothing hangs over the edge.

use serde_json::Value;

use crate::states::{House, every_kind};

/// Where `scripts/test` puts it, at the version that it names.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/axe/node_modules/axe-core/axe.min.js");

/// Every page that there is, and the states of those that have several.
pub(crate) const PAGES: &[&str] = &[
    "/",
    "/runs",
    "/runs?q=nothing+is+called+so",
    "/attention",
    "/attention?tab=approvals",
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
];

/// What axe finds: rule, impact and where, one a line. Serious, critical and everything about contrast counts.
const CHECK: &str = r#"
    return axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations
        .filter((one) => ["serious", "critical"].includes(one.impact) || one.id.includes("contrast"))
        .flatMap((one) => one.nodes.slice(0, 3).map((node) => `${one.id} (${one.impact}): ${node.target.join(" ")} ${node.html.slice(0, 160)}`)));
"#;

/// Elements that make the page itself scroll sideways.
const WIDE: &str = "return document.documentElement.scrollWidth > document.documentElement.clientWidth ? document.documentElement.scrollWidth : null;";

#[test]
fn no_page_has_a_serious_finding_at_any_width_in_any_scheme() {
    let axe = std::fs::read_to_string(AXE)
        .unwrap_or_else(|error| panic!("{AXE}: {error}; scripts/test installs it with npm"));
    let house = House::new(every_kind);
    let mut findings = Vec::new();
    for scheme in ["light", "dark"] {
        for width in [1400, 500] {
            house.browser.look(width, scheme);
            for page in PAGES {
                house.open(page);
                let dark =
                    house.browser.run("return matchMedia('(prefers-color-scheme: dark)').matches && innerWidth;");
                assert_eq!(dark, if scheme == "dark" { Value::from(width) } else { Value::from(false) }, "{page}");
                house.browser.run(&format!("{axe};"));
                let found = house.browser.run(CHECK);
                let found = found.as_array().unwrap_or_else(|| panic!("axe answered {found}")).iter();
                findings.extend(found.map(|one| format!("{scheme} {width} {page}: {one}")));
                let wide = house.browser.run(WIDE);
                if !wide.is_null() {
                    findings.push(format!("{scheme} {width} {page}: it is {wide} wide"));
                }
            }
        }
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn the_check_finds_what_is_wrong() {
    let axe = std::fs::read_to_string(AXE)
        .unwrap_or_else(|error| panic!("{AXE}: {error}; scripts/test installs it with npm"));
    let house = House::new(|_| {});
    house.open("/");
    house.browser.run(
        "const p = document.createElement('p'); p.textContent = 'hard to read'; p.style.color = '#ccc';
         p.style.background = '#fff'; p.dataset.mine = ''; document.querySelector('main').append(p);
         const b = document.createElement('button'); b.dataset.mine = ''; document.querySelector('main').append(b); return 1;",
    );
    house.browser.run(&format!("{axe};"));
    let found = house.browser.run(CHECK).to_string();
    assert!(found.contains("color-contrast") && found.contains("button-name"), "{found}");
}
