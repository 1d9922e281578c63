//! Conditions of a run: those that are open, the wheel and who had it, and those that were closed.

use maud::{Markup, html};

use super::text::cut;
use super::tone::{self, Tone};
use super::{amount, badge, evidence, json, time};
use crate::reducer::marker::Marker;
use crate::reducer::run::RunState;
use crate::reducer::time::Micros;
use crate::reducer::wheel::{Hold, Who};

/// Markers that are shown, the newest: closed ones, and open ones.
const FEW: usize = 50;
const OPEN: usize = 100;

/// Who held the wheel over time, the open markers, and the history, behind so many `earlier` closed ones.
#[must_use]
pub fn markers(key: &str, state: &RunState, earlier: u64, lane: &[Hold], now: Micros) -> Markup {
    let (open, closed): (Vec<&Marker>, Vec<&Marker>) = state.markers.iter().partition(|marker| marker.is_open());
    let all = closed.len() as u64 + earlier;
    html! {
        @if lane.len() > 1 { (wheel_lane(key, lane, earlier > 0)) }
        @if !open.is_empty() {
            ul.markers { @for marker in &open[open.len().saturating_sub(OPEN)..] { (one(key, marker, now)) } }
            @if open.len() > OPEN { p.end { (amount::count(open.len() as u64)) " open, showing the newest " (OPEN) } }
        }
        @if !closed.is_empty() {
            details #closed-markers {
                summary { (all) " closed" }
                ul.markers { @for marker in closed.iter().rev().take(FEW) { (one(key, marker, now)) } }
                @if all > FEW as u64 { p.end { (all) ", showing the newest " (FEW) } }
            }
        }
    }
}

/// Who held control over time, each hand-over linked to its line. Of very many there may be more than are known here.
fn wheel_lane(key: &str, lane: &[Hold], or_more: bool) -> Markup {
    let left_out = lane.len().saturating_sub(FEW);
    html! {
        ol.lane aria-label="who held the wheel" {
            @if left_out > 0 { li { (left_out) @if or_more { " or more" } " earlier" } }
            @for hold in &lane[left_out..] {
                li {
                    @match &hold.who {
                        Who::Nobody => { "nobody" }
                        Who::Agent => { "agent" }
                        Who::Human(None) => { strong { "a person" } }
                        Who::Human(Some(name)) => { strong { (cut(name, 60)) } }
                    }
                    " from " (evidence::line(key, hold.from.line))
                    @let times = (hold.from.at, hold.to.and_then(|to| to.at));
                    @if let (Some(from), Some(to)) = times {
                        @if let Some(millis) = to.millis_since(from) { " for " (time::took(millis)) }
                    }
                }
            }
        }
    }
}

fn one(key: &str, marker: &Marker, now: Micros) -> Markup {
    let (tone, drawing) = tone::of_marker(marker.kind);
    let tone = if marker.is_open() && !marker.is_expired(now) { tone } else { Tone::Quiet };
    html! {
        li {
            (badge::badge(tone, drawing, marker.kind.as_str()))
            @if marker.id != "-" { " " code { (cut(&marker.id, 80)) } }
            @if let Some(action) = &marker.action {
                " run " code { (cut(action, 80)) }
                @if let Some(integration) = &marker.integration { " on " code { (cut(integration, 80)) } }
            }
            @if let Some(risk) = &marker.risk { " risk " strong { (cut(risk, 40)) } }
            @if let Some(reason) = &marker.reason { " " span.reason { (cut(reason, 600)) } }
            span.meta {
                " opened " (evidence::line(key, marker.opened_line))
                @if let Some(at) = marker.opened_at { " " (time::ago(at, now)) }
                @if let Some(at) = marker.expires_at { " · expires " (time::until(at, now)) }
                @if let Some(line) = marker.closed_line {
                    " · " (marker.resolution.as_deref().unwrap_or("closed").replace('_', " ")) " " (evidence::line(key, line))
                    @if let Some(at) = marker.closed_at { " " (time::ago(at, now)) }
                }
            }
            @if let Some(params) = &marker.params { details { summary { "parameters" } (json::viewer(params)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{EVIL, NOW, check_harmless};
    use super::*;
    use crate::reducer::marker::MarkerKind;
    use crate::reducer::verdict::world;

    #[test]
    fn an_expired_approval_says_so() {
        let evil = || Some(EVIL.to_owned());
        let marker = Marker {
            reason: evil(),
            integration: evil(),
            action: evil(),
            params: Some(format!("{{\"a\":{EVIL:?}}}")),
            expires_at: Some(NOW.plus_millis(-1)),
            ..world::marker(MarkerKind::Approval, EVIL, 4)
        };
        let state = RunState { markers: vec![marker], ..RunState::default() };
        let shown = markers("k", &state, 0, &[], NOW).into_string();
        check_harmless(&shown);
        assert!(shown.contains(">expired<"), "{shown}");
    }
}
