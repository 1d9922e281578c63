//! What limits would have said while a past run was going on: which rule would have flagged it, when, and for how long.
//!
//! A run is replayed line by line. Between two lines only the passing of a limit can change the verdict, so it is judged
//! right after each line and at each moment at which a limit passes before the next: no clock is sampled, and no flag
//! is missed, however short. It must never know where logs are, nor the present: the end of the story is an argument.

use std::collections::BTreeMap;

use super::marker::Marker;
use super::run::{RunState, Status, value};
use super::span::{Span, SpanKind};
use super::time::Micros;
use super::verdict::{Learned, Observed, Policy, Rule, judge, moments};

/// One stretch of time for which a rule would have flagged the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The rule.
    pub rule: Rule,
    /// The last line that was there when it began.
    pub line: u64,
    /// When it began, by the log's own times.
    pub at: Micros,
    /// When it ended: by a line, by another verdict, or with the story.
    pub until: Micros,
    /// It ended only with the story: no further line came.
    pub lasts: bool,
}

impl Flag {
    /// How long it lasted, in milliseconds.
    #[must_use]
    pub fn millis(&self) -> i64 {
        self.until.millis_since(self.at).unwrap_or(0)
    }
}

/// What is known of phases from earlier runs of the same workflow: the state asks, and the phase.
pub type Lessons<'a> = dyn Fn(&RunState, &str) -> Option<Learned> + 'a;

/// A past run on its way from line to line.
///
/// The present is taken to be the newest time that the log has said so far, so a log says nothing before its first time.
pub struct Rehearsal<'a> {
    policy: &'a Policy,
    lessons: &'a Lessons<'a>,
    /// The open ones, by their numbers.
    spans: BTreeMap<u32, Span>,
    markers: BTreeMap<u32, Marker>,
    /// Of the phase that a line set.
    learned: Option<(u64, Option<Learned>)>,
    open: Option<Flag>,
    flags: Vec<Flag>,
    judged: bool,
}

impl<'a> Rehearsal<'a> {
    /// Starts before the first line.
    #[must_use]
    pub fn new(policy: &'a Policy, lessons: &'a Lessons<'a>) -> Self {
        let (spans, markers) = (BTreeMap::new(), BTreeMap::new());
        Self { policy, lessons, spans, markers, learned: None, open: None, flags: Vec::new(), judged: false }
    }

    /// Judges the state after a line, and at every moment until the next line comes; `next` is the time of that line,
    /// when it has one. Takes the state's changes: they say which spans and markers are open.
    pub fn line(&mut self, state: &mut RunState, next: Option<Micros>) {
        self.follow(state);
        // Without a time nobody can say how long anything takes.
        let Some(life) = value(&state.run.last_life_at).copied() else { return };
        self.judged = true;
        if state.run.is_ended() {
            return self.turn(Rule::Ended, life, state);
        }
        let learned = self.learned(state);
        let spans: Vec<Span> = self.spans.values().cloned().collect();
        let markers: Vec<Marker> = self.markers.values().cloned().collect();
        let observed = Observed {
            run: &state.run,
            health: &state.health,
            spans: &spans,
            markers: &markers,
            has_work: state.counters.work_spans > 0,
            learned,
            status_at: None,
            modified: Some(life),
            now: life,
        };
        let passing = next.filter(|next| *next > life).map(|next| (next, moments(&observed, self.policy)));
        let mut present = vec![life];
        if let Some((next, mut moments)) = passing {
            moments.retain(|at| *at > life && *at < next);
            moments.sort_unstable();
            moments.dedup();
            present.append(&mut moments);
        }
        for now in present {
            let rule = judge(&Observed { now, ..observed }, self.policy).rule;
            self.turn(rule, now, state);
        }
    }

    /// The end of the story: the state after the last line, and up to when no further line came.
    #[must_use]
    pub fn end(mut self, state: &mut RunState, until: Micros) -> Rehearsed {
        self.line(state, Some(until));
        if let Some(flag) = self.open.take() {
            self.flags.push(Flag { until: until.max(flag.at), lasts: true, ..flag });
        }
        let status = value(&state.run.status).copied();
        Rehearsed { flags: self.flags, judged: self.judged, end: status.filter(|status| status.is_ended()) }
    }

    /// The rule that holds from now on.
    fn turn(&mut self, rule: Rule, now: Micros, state: &RunState) {
        if self.open.as_ref().is_some_and(|flag| flag.rule == rule) {
            return;
        }
        self.flags.extend(self.open.take().map(|flag| Flag { until: now.max(flag.at), ..flag }));
        if !matches!(rule, Rule::Healthy | Rule::Ended) {
            self.open = Some(Flag { rule, line: state.health.last_line, at: now, until: now, lasts: false });
        }
    }

    /// Keeps what is open beside the state, whose lists may be long.
    fn follow(&mut self, state: &mut RunState) {
        let changes = state.take_changes();
        for n in changes.spans {
            match state.spans.get(n as usize).filter(|span| span.is_open()) {
                Some(span) => self.spans.insert(n, span.clone()),
                None => self.spans.remove(&n),
            };
        }
        for n in changes.markers {
            match state.markers.get(n as usize).filter(|marker| marker.is_open()) {
                Some(marker) => self.markers.insert(n, marker.clone()),
                None => self.markers.remove(&n),
            };
        }
    }

    fn learned(&mut self, state: &RunState) -> Option<Learned> {
        let phase = state.run.phase.as_ref()?;
        self.spans.values().find(|span| span.kind == SpanKind::Phase)?;
        match self.learned {
            Some((line, learned)) if line == phase.line => learned,
            _ => {
                let learned = (self.lessons)(state, &phase.value);
                self.learned = Some((phase.line, learned));
                learned
            }
        }
    }
}

/// What came of rehearsing one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsed {
    /// In the order in which they ended.
    pub flags: Vec<Flag>,
    /// The log has times; without any it could not be judged.
    pub judged: bool,
    /// How the run ended; `None` when no end was seen.
    pub end: Option<Status>,
}

/// What a rule would have done to many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that it would have flagged at least once.
    pub runs: u64,
    /// How often in all.
    pub flags: u64,
    /// Runs of which every flag of this rule ended by itself: lines came again.
    pub went_on: u64,
    /// The longest flag, in milliseconds.
    pub longest_ms: i64,
    /// The flagged runs by how they ended; `None` is those without an end.
    pub ends: BTreeMap<Option<Status>, u64>,
}

/// What each rule would have done; rules that flagged nothing are not in it.
#[must_use]
pub fn tally<'r>(runs: impl IntoIterator<Item = &'r Rehearsed>) -> BTreeMap<Rule, Tally> {
    let mut tallies: BTreeMap<Rule, Tally> = BTreeMap::new();
    for run in runs {
        let mut of_run: BTreeMap<Rule, Vec<&Flag>> = BTreeMap::new();
        for flag in &run.flags {
            of_run.entry(flag.rule).or_default().push(flag);
        }
        for (rule, flags) in of_run {
            let tally = tallies.entry(rule).or_default();
            tally.runs += 1;
            tally.flags += flags.len() as u64;
            tally.went_on += u64::from(flags.iter().all(|flag| !flag.lasts));
            tally.longest_ms = flags.iter().map(|flag| flag.millis()).max().unwrap_or(0).max(tally.longest_ms);
            *tally.ends.entry(run.end).or_default() += 1;
        }
    }
    tallies
}

#[cfg(test)]
mod tests;
