//! What a toast could say: everything that needs a person, and the runs that ended a moment ago. The script shows what it
//! did not know before; without it the same stands in the lists.

use maud::{Markup, html};

use super::icon::icon;
use super::text::cut;
use super::{link, tone};
use crate::query::{Item, Judged};
use crate::reducer::run::value;

/// What may be news to somebody.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct News {
    /// The newest first.
    pub attention: Vec<Item>,
    pub ended: Vec<Judged>,
}

/// The list, hidden; each entry has a name by which it is known again.
#[must_use]
pub fn news(news: &News) -> Markup {
    html! {
        div #news hidden {
            @for item in &news.attention {
                @let approval = item.entry.approval.as_ref().map_or("", |marker| marker.id.as_str());
                @let id = format!("{} {} {:?} {approval}", item.run.record.key, item.entry.reason, item.entry.line);
                (entry(&id, &item.run, tone::of_reason(item.entry.reason), true))
            }
            @for run in &news.ended {
                @if let Some(status) = &run.record.state.run.status {
                    @let id = format!("{} {} {}", run.record.key, status.value.as_str(), status.line);
                    (entry(&id, run, tone::of_status(status.value), false))
                }
            }
        }
    }
}

fn entry(id: &str, run: &Judged, (tone, drawing, said): (tone::Tone, super::icon::Icon, &str), worse: bool) -> Markup {
    let phase = value(&run.record.state.run.phase).filter(|_| worse);
    html! {
        a.(tone.class()) href=(link::run(&run.record.key)) data-news=(super::text::plain(id)) data-worse[worse] {
            (icon(drawing)) " " strong { (cut(run.title(), 80)) } " " span.said { (said) }
            @if let Some(phase) = phase { " " span.meta { "in " (cut(phase, 40)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{check_harmless, judged};
    use super::*;
    use crate::reducer::run::{Fact, Status};

    #[test]
    fn a_run_that_ended_well_is_no_worsening() {
        let mut run = judged();
        run.record.state_mut().run.status = Some(Fact { value: Status::Completed, line: 9 });
        let shown = news(&News { ended: vec![run], ..News::default() }).into_string();
        check_harmless(&shown);
        assert!(
            shown.contains("data-news=") && shown.contains("completed") && !shown.contains("data-worse"),
            "{shown}"
        );
    }
}
