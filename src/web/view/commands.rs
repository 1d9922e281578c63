//! What a person could run, to copy, and what the log says came of it (spec 3.4). No button here changes a harness.

use maud::{Markup, html};

use super::text::{cut, text};
use super::{evidence, link, time};
use crate::query::{Command, Judged};
use crate::reducer::run::{Fact, Holder, Status, value};

/// The commands, each as text to select; a script adds a button that copies it.
#[must_use]
pub fn commands(commands: &[Command]) -> Markup {
    html! {
        @if !commands.is_empty() {
            ul.commands aria-label="what you could run" {
                @for command in commands {
                    li {
                        span.act { (command.act.as_str().replace('_', " ")) }
                        code { (text(&command.line)) }
                        button.copy.js-only type="button" data-copy { "copy" }
                    }
                }
            }
        }
    }
}

/// What the log shows of requests: a cancel and whether it was honoured, a retry, who took the wheel. `None` when there
/// is nothing of the kind.
#[must_use]
pub fn happened(judged: &Judged) -> Option<Markup> {
    let record = &judged.record;
    let (key, run) = (record.key.as_str(), &record.state.run);
    let human = run.holder.as_ref().filter(|fact| !matches!(fact.value, Holder::Agent));
    if run.cancel_requested_at.is_none() && record.retried_by.is_none() && run.retry_of.is_none() && human.is_none() {
        return None;
    }
    Some(html! {
        ul.happened {
            @if let Some(asked) = &run.cancel_requested_at {
                li { "cancel requested " (evidence::evidence(key, asked.line, &time::stamp(asked.value))) ", " (honoured(judged)) }
            }
            @if let Some(Fact { value: holder, line }) = human {
                li { "the wheel was taken by " (evidence::evidence(key, *line, &cut(holder.as_str(), 60))) }
            }
            @if let Some(other) = &record.retried_by {
                li { "retried as run " a href=(link::run(other)) { (text(other)) } }
            }
            @if let Some(first) = &run.retry_of {
                li { "retries " (evidence::evidence(key, first.line, &cut(&first.value, 120))) }
            }
        }
    })
}

fn honoured(judged: &Judged) -> Markup {
    let (key, run) = (judged.record.key.as_str(), &judged.record.state.run);
    let ended = value(&run.ended_at).map(|at| time::stamp(*at));
    html! {
        @match &run.status {
            Some(status) if status.value == Status::Cancelled => {
                "honoured " (evidence::evidence(key, status.line, &ended.unwrap_or_else(|| html! { "without a time" })))
            }
            Some(status) if status.value.is_ended() => {
                "but it " (evidence::evidence(key, status.line, &html! { (status.value.as_str().replace('_', " ")) }))
                @if let Some(at) = ended { " " (at) }
            }
            _ => { "not honoured so far" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{EVIL, NOW, check_harmless, judged};
    use super::*;
    use crate::query::Act;

    #[test]
    fn a_command_is_text_to_select_with_a_button_for_scripts_only() {
        let shown = commands(&[Command { act: Act::OpenSession, line: format!("x '{EVIL}'") }]).into_string();
        check_harmless(&shown);
        assert!(shown.contains("open session") && shown.contains("class=\"copy js-only\""), "{shown}");
        assert_eq!(commands(&[]).into_string(), "");
    }

    #[test]
    fn what_came_of_a_request_is_said_with_its_lines() {
        let mut run = judged();
        assert!(happened(&run).is_none());
        let values = &mut run.record.state_mut().run;
        values.cancel_requested_at = Some(Fact { value: NOW.plus_millis(-120_000), line: 5 });
        let shown = |run: &Judged| happened(run).map(Markup::into_string).unwrap_or_default();
        assert!(shown(&run).contains("lines/5") && shown(&run).contains("not honoured so far"), "{}", shown(&run));
        run.record.state_mut().run.status = Some(Fact { value: Status::Cancelled, line: 8 });
        run.record.state_mut().run.ended_at = Some(Fact { value: NOW, line: 8 });
        assert!(shown(&run).contains("honoured <a") && shown(&run).contains("lines/8"), "{}", shown(&run));
        run.record.state_mut().run.status = Some(Fact { value: Status::Completed, line: 8 });
        assert!(shown(&run).contains("but it <a") && !shown(&run).contains("honoured"), "{}", shown(&run));
        run.record.retried_by = Some(String::from("a/c"));
        run.record.state_mut().run.retry_of = Some(Fact { value: EVIL.to_owned(), line: 1 });
        run.record.state_mut().run.holder = Some(Fact { value: Holder::Other(EVIL.to_owned()), line: 2 });
        check_harmless(&shown(&run));
        assert!(shown(&run).contains("retried as run <a href=\"/runs/a%2Fc\">"), "{}", shown(&run));
    }
}
