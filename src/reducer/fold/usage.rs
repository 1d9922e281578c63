//! Tokens and cost (rule 4; 2.7, Usage): increments are added, totals replace what they name.

use serde::{Deserialize, Serialize};

use super::{Fold, Scratch};
use crate::reducer::event::{Subject, Usage};
use crate::reducer::run::{Known, RunState, set, value};
use crate::reducer::span::SpanKind;

impl Fold<'_, '_> {
    /// Adds the event's usage to the run and to the span that it is about.
    pub(super) fn usage(&mut self) {
        let Some(usage) = self.event.more.map(|more| more.usage).filter(|usage| *usage != Usage::default()) else {
            return;
        };
        let usage = match self.event.usage_id {
            Some(id) => self.state.scratch.said_again(id, usage),
            None => usage,
        };
        let target = self.usage_span();
        // On a run event a total is the run's (2.7, Usage).
        let totals = if self.is(Subject::Run) { Totals::OfTheRun } else { Totals::OfTheSpan };
        let line = self.event.line;
        let RunState { run, spans, changes, .. } = &mut *self.state;
        let mut span = target.map(|n| spans[n as usize].more.to_mut());
        let tokens_in = span.as_deref_mut().map(|span| &mut span.tokens_in);
        spend(&mut run.tokens_in, tokens_in, usage.tokens_in, usage.total_in, totals, line);
        let tokens_out = span.as_deref_mut().map(|span| &mut span.tokens_out);
        spend(&mut run.tokens_out, tokens_out, usage.tokens_out, usage.total_out, totals, line);
        let cost = span.map(|span| &mut span.cost_usd);
        spend(&mut run.cost_usd, cost, usage.cost_usd, usage.total_cost, totals, line);
        changes.spans.extend(target);
    }

    fn usage_span(&self) -> Option<u32> {
        if self.event.usage_id.is_some() {
            // The amounts are those of a message: its session spent them, whichever tool a part of it calls.
            let session = self.event.session;
            return session.and_then(|id| self.state.index.span(&self.state.spans, SpanKind::Session, id));
        }
        if self.is_span_event() {
            return self.own_span();
        }
        let state = &self.state;
        let newest = |kind: SpanKind, id: Option<&str>| id.and_then(|id| state.index.span(&state.spans, kind, id));
        let span = self.event.span;
        [SpanKind::Step, SpanKind::Session, SpanKind::Tool, SpanKind::Span]
            .into_iter()
            .filter_map(|kind| newest(kind, span))
            .max()
            .or_else(|| newest(SpanKind::Step, self.event.step))
            .or_else(|| newest(SpanKind::Session, self.event.session))
    }
}

/// How many ids are remembered whose usage may be said again. Lines of one message stand near each other.
const SAID: usize = 64;

/// What an id was said to have spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Said {
    id: String,
    tokens_in: u64,
    tokens_out: u64,
    cost_usd: f64,
}

impl Scratch {
    /// What is new of the amounts that belong to an id: what was said before for it is taken off. Less than before is
    /// nothing new.
    fn said_again(&mut self, id: &str, usage: Usage) -> Usage {
        let at = self.said.iter().position(|said| said.id == id);
        let before = at.and_then(|at| self.said.remove(at));
        let mut said = before.unwrap_or_else(|| Said { id: id.to_owned(), tokens_in: 0, tokens_out: 0, cost_usd: 0.0 });
        let new = Usage {
            tokens_in: usage.tokens_in.map(|amount| amount.saturating_sub(said.tokens_in)),
            tokens_out: usage.tokens_out.map(|amount| amount.saturating_sub(said.tokens_out)),
            cost_usd: usage.cost_usd.map(|amount| (amount - said.cost_usd).max(0.0)),
            ..usage
        };
        said.tokens_in = said.tokens_in.max(usage.tokens_in.unwrap_or(0));
        said.tokens_out = said.tokens_out.max(usage.tokens_out.unwrap_or(0));
        said.cost_usd = said.cost_usd.max(usage.cost_usd.unwrap_or(0.0));
        if self.said.len() == SAID {
            self.said.pop_front();
        }
        self.said.push_back(said);
        new
    }
}

/// An amount that can be spent: token counts stop at both ends, costs are plain numbers.
trait Amount: Copy + PartialEq {
    const ZERO: Self;
    fn plus(self, other: Self) -> Self;
    /// `self` moved by what lies between two totals.
    fn moved(self, from: Self, to: Self) -> Self;
}

impl Amount for u64 {
    const ZERO: Self = 0;
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other).min(i64::MAX as u64)
    }
    fn moved(self, from: Self, to: Self) -> Self {
        let moved = i128::from(self) + i128::from(to) - i128::from(from);
        u64::try_from(moved.clamp(0, i128::from(i64::MAX))).unwrap_or(0)
    }
}

impl Amount for f64 {
    const ZERO: Self = 0.0;
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn moved(self, from: Self, to: Self) -> Self {
        self + (to - from)
    }
}

/// What a total replaces when the event names a span.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Totals {
    OfTheSpan,
    OfTheRun,
}

/// Adds an increment to both, then lets a total replace the span's amount, and the run's by the difference.
fn spend<T: Amount>(
    run: &mut Known<T>,
    mut span: Option<&mut Option<T>>,
    add: Option<T>,
    total: Option<T>,
    totals: Totals,
    line: u64,
) {
    let spent = value(run).copied().unwrap_or(T::ZERO);
    if let Some(add) = add {
        set(run, spent.plus(add), line);
        if let Some(span) = span.as_deref_mut() {
            *span = Some(span.unwrap_or(T::ZERO).plus(add));
        }
    }
    let Some(total) = total else { return };
    match span.filter(|_| totals == Totals::OfTheSpan) {
        Some(span) => {
            let spent = value(run).copied().unwrap_or(T::ZERO);
            set(run, spent.moved(span.unwrap_or(T::ZERO), total), line);
            *span = Some(total);
        }
        None => {
            set(run, total, line);
        }
    }
}
