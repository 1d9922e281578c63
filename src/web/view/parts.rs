//! The small line below a title: what else names the run, and further short facts.

use maud::{Markup, html};

use super::text::{cut, text};

/// The parts that there are, on one line; nothing without any.
#[must_use]
pub fn parts(parts: impl IntoIterator<Item = Option<Markup>>) -> Markup {
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    html! {
        @if !parts.is_empty() {
            p.key { @for (place, part) in parts.iter().enumerate() { @if place > 0 { " · " } (part) } }
        }
    }
}

/// The run's key, unless that is the title above.
#[must_use]
pub fn key(key: &str, title: &str) -> Option<Markup> {
    (key != title).then(|| text(key))
}

/// The run's workflow, unless that is the title above.
#[must_use]
pub fn workflow(workflow: Option<&str>, title: &str) -> Option<Markup> {
    workflow.filter(|workflow| *workflow != title).map(|workflow| cut(workflow, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_title_says_is_not_said_again() {
        let line = |title| parts([key("run-1", title), workflow(Some("ship"), title)]).into_string();
        assert_eq!(line("Title"), "<p class=\"key\"><bdi>run-1</bdi> · <bdi>ship</bdi></p>");
        assert_eq!(line("run-1"), "<p class=\"key\"><bdi>ship</bdi></p>");
        assert_eq!(line("ship"), "<p class=\"key\"><bdi>run-1</bdi></p>");
        assert_eq!(parts([key("run-1", "run-1"), workflow(None, "run-1")]).into_string(), "");
    }
}
