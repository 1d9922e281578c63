//! The frame of every page: head, banner with pill, navigation with the one count, source line, main, footer.

use maud::{DOCTYPE, Markup, html};

use super::icon::{Icon, icon, sprite};
use super::news::{self, News};
use super::pill;
use super::source::{self, Source};
use super::text::{short, text};
use crate::query::Pill;
use crate::reducer::time::Micros;
use crate::web::assets;

/// At most so many characters of a page's title.
const TITLE: usize = 160;

/// Where a page stands in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Place {
    Overview,
    Runs,
    Attention,
    Health,
    /// Errors and the like.
    Elsewhere,
}

/// What is on every page. `None` is a question that failed.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Banner {
    pub pill: Option<Pill>,
    /// The one number (spec 2.6).
    pub attention: Option<usize>,
    pub source: Source,
    /// Only for what changes while a page is open.
    pub news: Option<News>,
    pub now: Micros,
}

/// One page, without its frame.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Page {
    /// Foreign text is allowed here: it is escaped when written.
    pub title: String,
    pub place: Place,
    /// The key of the run that the page is about: only its changes matter to the page.
    pub run: Option<String>,
    /// The page shows the past or one line, so that changes of the run do not matter.
    pub still: bool,
    /// The moment that times on the page are measured to; `None` is the present.
    pub then: Option<Micros>,
    pub main: Markup,
}

/// The whole document.
#[must_use]
pub fn document(page: &Page, banner: &Banner) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (basics(&title(page, banner)))
                link rel="stylesheet" href=(assets::url("run.css"));
                link #favicon rel="icon" type="image/svg+xml" href=(assets::url(favicon(banner)))
                    data-calm=(assets::url("favicon.svg")) data-attention=(assets::url("favicon-attention.svg"));
                script src=(assets::url("app.js")) {}
                script src=(assets::url("run.js")) defer {}
                script src=(assets::url("visit.js")) defer {}
            }
            body data-title={ (short(&page.title, TITLE)) " · wheelwatch" } data-run=[page.run.as_deref()] data-still[page.still] {
                (sprite())
                a.skip href="#main" { "Skip to content" }
                (header(page, banner))
                p #stale .stale role="status" hidden {}
                main #main tabindex="-1" data-now=[then(page)] { (page.main) }
                (footer())
                div #toasts role="status" aria-live="polite" {}
            }
        }
    }
}

/// A document without anything that has to be asked for: for failures outside of any page. It needs no script.
#[must_use]
pub fn bare(title: &str, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (basics(&format!("{title} · wheelwatch")))
                link rel="icon" type="image/svg+xml" href=(assets::url("favicon.svg"));
            }
            body {
                (sprite())
                header #banner { div.bar { (brand()) } }
                main #main { (main) }
            }
        }
    }
}

/// What the head of every document begins with.
fn basics(title: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        title { (title) }
        link rel="stylesheet" href=(assets::url("style.css"));
    }
}

/// What changes while the page is open: the banner alone, or banner and main. The script swaps these by their ids.
#[must_use]
pub fn fragment(page: &Page, banner: &Banner, with_main: bool) -> Markup {
    html! {
        (header(page, banner))
        @if with_main { main #main tabindex="-1" data-now=[then(page)] { (page.main) } }
    }
}

fn title(page: &Page, banner: &Banner) -> String {
    let count = banner.attention.filter(|count| *count > 0).map_or_else(String::new, |count| format!("({count}) "));
    format!("{count}{} · wheelwatch", short(&page.title, TITLE))
}

fn favicon(banner: &Banner) -> &'static str {
    if banner.attention.is_some_and(|count| count > 0) { "favicon-attention.svg" } else { "favicon.svg" }
}

fn header(page: &Page, banner: &Banner) -> Markup {
    html! {
        header #banner data-count=[banner.attention] {
            div.bar {
                (brand())
                div.pills aria-label="active run" role="group" {
                    @match &banner.pill {
                        Some(shown) => (pill::pill(shown, banner.now)),
                        None => (pill::unknown()),
                    }
                }
                nav aria-label="pages" {
                    (entry(page, Place::Overview, "/", &html! { "Overview" }))
                    (entry(page, Place::Runs, "/runs", &html! { "Runs" }))
                    (entry(page, Place::Attention, "/attention", &html! { "Attention" (count(banner.attention)) }))
                    (entry(page, Place::Health, "/health", &html! { "Health" }))
                }
            }
            p.source { (source::line(&banner.source, banner.now)) }
            @if let Some(known) = &banner.news { (news::news(known)) }
        }
    }
}

fn brand() -> Markup {
    html! { a.brand href="/" aria-label="wheelwatch, overview" { (icon(Icon::Wheel)) span { "wheelwatch" } } }
}

fn entry(page: &Page, place: Place, href: &str, label: &Markup) -> Markup {
    html! { a href=(href) aria-current=[(page.place == place).then_some("page")] { (label) } }
}

fn count(attention: Option<usize>) -> Markup {
    html! {
        @match attention {
            Some(0) => { span #count .count .none { "0" } }
            Some(count) => { span #count .count { (count) } }
            None => { span #count .count .none title="could not be read" { "?" } }
        }
    }
}

/// What the script measures times to.
fn then(page: &Page) -> Option<i64> {
    page.then.map(|at| at.0.div_euclid(1000))
}

fn footer() -> Markup {
    html! {
        footer {
            span { "wheelwatch " (env!("CARGO_PKG_VERSION")) " · reads only, changes nothing" }
            span.utc { "times are UTC" }
            span.switches {
                button #notify type="button" aria-pressed="false" { "notifications: off" }
                button #theme type="button" { (icon(Icon::Sun)) span { "theme: system" } }
                button #zone type="button" { (icon(Icon::Globe)) span { "times: local" } }
                button #keys type="button" { "keys " kbd { "?" } }
            }
        }
    }
}

/// A section with a heading that can be linked to.
#[must_use]
pub fn section(id: &str, heading: &Markup, body: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-h" } {
            h2 id={ (id) "-h" } { (heading) }
            (body)
        }
    }
}

/// A page about a failure: what happened, in a sentence of this program's own.
#[must_use]
pub fn problem(headline: &str, sentence: &str) -> Markup {
    html! {
        div.problem role="alert" {
            h1 { (headline) }
            p { (text(sentence)) }
            p { a href="/" { "Overview" } " · " a href="/runs" { "all runs" } " · " a href="/health" { "health" } }
        }
    }
}
