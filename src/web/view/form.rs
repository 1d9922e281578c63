//! Fields of filter forms. They are GET forms, so that every filter is in the URL and works without scripts.

use maud::{Markup, html};

use super::text::plain;

/// A choice of words; `none` is what stands there when none of them is chosen.
#[must_use]
pub fn select(name: &str, label: &str, none: &str, chosen: Option<&str>, words: &[&str]) -> Markup {
    html! {
        label.field {
            span { (label) }
            select name=(name) {
                option value="" { (none) }
                // What an address chose stays chosen, also where the form does not offer it.
                @let others = chosen.filter(|word| !words.contains(word));
                @for word in words.iter().copied().chain(others) {
                    option value=(plain(word)) selected[chosen == Some(word)] { (plain(&label_of(word))) }
                }
            }
        }
    }
}

fn label_of(word: &str) -> String {
    word.replace('_', " ").replace(',', " or ")
}

/// A line of text, with a list of suggestions when there is one of that id.
#[must_use]
pub fn field(name: &str, label: &str, value: &str, suggestions: Option<&str>) -> Markup {
    html! {
        label.field {
            span { (label) }
            input type="text" name=(name) value=(plain(value)) list=[suggestions] autocomplete="off" spellcheck="false";
        }
    }
}

/// The search field of a page: `/` goes there.
#[must_use]
pub fn search(name: &str, label: &str, value: &str) -> Markup {
    html! {
        label.field.search {
            span { (label) }
            input type="search" name=(name) value=(plain(value)) data-search autocomplete="off" spellcheck="false";
        }
    }
}

/// A day.
#[must_use]
pub fn day(name: &str, label: &str, value: &str) -> Markup {
    html! { label.field { span { (label) } input type="date" name=(name) value=(plain(value)); } }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{EVIL, check_harmless};
    use super::*;

    #[test]
    fn what_was_typed_comes_back_harmless() {
        let shown = search("q", "search", EVIL).into_string();
        check_harmless(&shown);
        assert!(shown.contains("&quot; onload=&quot;x"), "{shown}");
    }
}
