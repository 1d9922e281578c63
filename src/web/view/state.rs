//! What stands in the place of an answer: nothing yet, could not be asked, cut short. A failure never looks empty.

use maud::{Markup, html};

use super::icon::{Icon, icon};

/// Nothing is here, and what would appear.
#[must_use]
pub fn empty(headline: &str, explanation: &Markup) -> Markup {
    html! { div.empty { p.headline { (headline) } p { (explanation) } } }
}

/// A question failed. It must not be mistaken for an empty answer, so it says that nothing is known.
#[must_use]
pub fn failed(what: &str) -> Markup {
    html! {
        div.failed role="alert" {
            (icon(Icon::Alert))
            p { strong { "Could not read " (what) "." } " What is missing here is unknown, not empty. "
                a href="/health" { "See health" } " for what is wrong; this page asks again by itself." }
        }
    }
}

/// The end of a list, so that nobody wonders whether there is more.
#[must_use]
pub fn end_of_list(shown: u64, one: &str, many: &str) -> Markup {
    html! { p.end { "end of list · " (super::amount::plural(shown, one, many)) } }
}

/// What stands below a list of which the first `most` of `total` are shown; `more` is the address that shows more.
#[must_use]
pub fn end(total: usize, most: usize, more: &str, (one, many): (&str, &str)) -> Markup {
    if total > most {
        partial(most as u64, total as u64, &html! { a href=(more) { "load more" } })
    } else {
        end_of_list(total as u64, one, many)
    }
}

/// A list shows less than there is.
#[must_use]
pub fn partial(shown: u64, total: u64, more: &Markup) -> Markup {
    html! { p.end { (super::amount::count(total)) ", showing " (super::amount::count(shown)) " · " (more) } }
}
