//! Answers the questions of every surface: rows of the cache joined with the one verdict.
//!
//! Pages, JSON and command line all ask here, so that the same run has the same word everywhere (spec 2.6). It must
//! never know HTTP or HTML, and holds no rule of its own: `reducer::verdict` and `reducer::attention` decide.

use std::collections::HashMap;
use std::sync::Arc;

mod banner;
mod commands;
pub mod document;
mod history;
mod judged;
mod queue;
mod stats;
#[cfg(test)]
mod tests;

pub use banner::{Banner, Item, Pill};
pub use commands::{ANSWERED, Act, Command, Commands, approvals};
pub use history::{History, Past, PastPlace};
pub use judged::{Judged, Summary};
pub use queue::{QueuePlace, Queued, queued};
pub use stats::{Day, Stats};

use crate::reducer::excerpt::Asked;
use crate::reducer::run::{RunState, Status, value};
use crate::reducer::span::SpanKind;
use crate::reducer::time::Micros;
use crate::reducer::verdict::{Learned, Policy, Word};
use crate::reducer::wheel::{self, Hold};
use crate::store::reader::{Cuts, Entries, Lists, Reader, RunFilter, Shown};
use crate::store::{Part, RunRecord, StoreError};
use judged::LookUps;

/// How many rows are asked for at once where all are walked through.
const BATCH: u32 = 500;

/// Asks the cache, with a policy. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Query {
    /// The cache.
    pub reader: Reader,
    /// The limits.
    pub policy: Arc<Policy>,
}

/// One page of judged runs.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct JudgedPage {
    pub runs: Vec<Arc<Judged>>,
    /// Over all pages.
    pub total: u64,
    /// To ask for the next page with, as [`RunFilter::after`]; `None` on the last.
    pub next: Option<String>,
}

fn put(judged: &mut Judged, mut shown: Shown) -> Shown {
    let state = Arc::make_mut(&mut judged.record.state);
    state.spans = std::mem::take(&mut shown.spans.spans);
    state.markers = std::mem::take(&mut shown.markers);
    state.artifacts = std::mem::take(&mut shown.artifacts);
    shown
}

impl Query {
    /// How one run is going, with all its lists.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when the cache cannot be read, as of every question here.
    pub fn run(&self, key: &str, now: Micros) -> Result<Option<Judged>, StoreError> {
        self.reader.run(key, Lists::All)?.map(|record| self.judge(record, now)).transpose()
    }

    /// How one run is going, with its open spans and markers only.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn run_open(&self, key: &str, now: Micros) -> Result<Option<Judged>, StoreError> {
        self.reader.run(key, Lists::Open)?.map(|record| self.judge(record, now)).transpose()
    }

    /// The same, with all its phases.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn run_with_phases(&self, key: &str, now: Micros) -> Result<Option<Judged>, StoreError> {
        self.reader.run(key, Lists::Phases)?.map(|record| self.judge(record, now)).transpose()
    }

    /// The same, with all its markers.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn run_with_markers(&self, key: &str, now: Micros) -> Result<Option<Judged>, StoreError> {
        self.reader.run(key, Lists::Markers)?.map(|record| self.judge(record, now)).transpose()
    }

    /// The same, with some entries of its lists.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn run_entries(&self, key: &str, cuts: &Cuts, now: Micros) -> Result<Option<(Judged, Entries)>, StoreError> {
        let Some((record, entries)) = self.reader.entries(key, Lists::Open, cuts)? else { return Ok(None) };
        Ok(Some((self.judge(record, now)?, entries)))
    }

    /// Gives a run with its open spans and markers the entries of its lists that a page shows, and says what is true of all of them.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn show(&self, judged: &mut Judged, asked: &Asked) -> Result<Shown, StoreError> {
        let shown = self.reader.shown(&judged.record, asked)?;
        Ok(put(judged, shown.unwrap_or_else(|| Shown::of(&judged.record.state, asked))))
    }

    /// The same of a run of the past, that has all artifacts, and all spans and markers or a part of them.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn show_then(&self, judged: &mut Judged, part: Option<&Part>, asked: &Asked) -> Result<Shown, StoreError> {
        let shown = match part {
            Some(part) => self.reader.shown_then(&judged.record, part, asked)?,
            None => None,
        };
        Ok(put(judged, shown.unwrap_or_else(|| Shown::of(&judged.record.state, asked))))
    }

    /// The newest runs of a workflow, or without any, that hold a text, at most so many.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn of_workflow(
        &self,
        workflow: Option<&str>,
        text: Option<&str>,
        limit: u32,
        now: Micros,
    ) -> Result<Vec<Judged>, StoreError> {
        let records = self.reader.of_workflow(workflow, text, limit)?;
        records.into_iter().map(|record| self.judge(record, now)).collect()
    }

    /// Whether there is a run with this key.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn is_known(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.reader.run(key, Lists::None)?.is_some())
    }

    /// How a run was going when its log ended with `line`; `state` is the state after that line (spec 2.4).
    ///
    /// Everything is derived against the time of that line; where it has none, against the last one before it.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn run_at(&self, key: &str, line: u64, state: RunState, now: Micros) -> Result<Option<Judged>, StoreError> {
        let Some(record) = self.reader.run(key, Lists::None)? else { return Ok(None) };
        let of_line = self.reader.line(key, line)?.and_then(|row| row.time);
        let moment = of_line.or(value(&state.run.last_life_at).copied()).or(record.modified).unwrap_or(now);
        // Nobody knew then of the run that retries it.
        let record = RunRecord { state: state.into(), modified: Some(moment), retried_by: None, ..record };
        self.judge(record, moment).map(Some)
    }

    /// The verdict and attention of a record that is already at hand. Of an open run it must have the open spans and
    /// markers ([`Lists::Open`]).
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn judge(&self, record: RunRecord, now: Micros) -> Result<Judged, StoreError> {
        let judged = Judged::of(record, LookUps::default(), &self.policy, now);
        // Ended and abandoned runs are most of all runs, and nothing that is looked up changes their verdict.
        if !judged.is_active() {
            return Ok(judged);
        }
        match self.look_up(&judged, now)? {
            found if found == LookUps::default() => Ok(judged),
            found => Ok(Judged::of(judged.record, found, &self.policy, now)),
        }
    }

    /// How many runs have each word.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn verdicts(&self, now: Micros) -> Result<Vec<(Word, u64)>, StoreError> {
        let open = self.open(now)?;
        let all = self.reader.totals()?.runs;
        let count = |word: &Word| match word {
            Word::Ended => all.saturating_sub(open.len() as u64),
            word => open.iter().filter(|run| run.verdict.word == *word).count() as u64,
        };
        Ok(Word::ALL.iter().map(|word| (*word, count(word))).collect())
    }

    /// One page of runs. A verdict filter is answered from the open runs (ended ones are `ended`).
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn runs(&self, filter: &RunFilter, verdict: Option<Word>, now: Micros) -> Result<JudgedPage, StoreError> {
        self.runs_beside(None, filter, verdict, now)
    }

    /// The same beside a banner of the same moment, whose verdicts of open runs hold here too.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn runs_beside(
        &self,
        banner: Option<&Banner>,
        filter: &RunFilter,
        verdict: Option<Word>,
        now: Micros,
    ) -> Result<JudgedPage, StoreError> {
        let only = |open| RunFilter { open: Some(open), ..filter.clone() };
        match (verdict, filter.open) {
            (None, _) => self.page(banner, filter, now),
            (Some(Word::Ended), None | Some(false)) => self.page(banner, &only(false), now),
            (Some(word), None | Some(true)) if word != Word::Ended => self.open_page(banner, &only(true), word, now),
            (Some(_), _) => Ok(JudgedPage::default()),
        }
    }

    /// The open runs that are not abandoned, most recently started first.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn active(&self, now: Micros) -> Result<Vec<Judged>, StoreError> {
        let mut active = self.open(now)?;
        active.retain(Judged::is_active);
        active.sort_by(Judged::by_start);
        Ok(active)
    }

    /// Active runs, attention and pill from one look at the cache: what every page needs at once.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn banner(&self, now: Micros) -> Result<Banner, StoreError> {
        let since = now.plus_millis(self.policy.attention_ms().saturating_neg());
        let ended_badly = self.reader.ended_badly(since)?.into_iter().map(|record| self.judge(record, now));
        let mut banner = Banner::of(self.open(now)?, ended_badly.collect::<Result<_, _>>()?);
        if banner.active.is_empty() {
            banner.last_ended = self.reader.last_ended()?.map(Box::new);
        }
        Ok(banner)
    }

    /// Everything a person should look at, newest first, then key; its length is the one number.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn attention(&self, now: Micros) -> Result<Vec<Item>, StoreError> {
        Ok(self.banner(now)?.attention)
    }

    /// What the pill shows.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn pill(&self, now: Micros) -> Result<Pill, StoreError> {
        Ok(self.banner(now)?.pill())
    }

    /// The numbers of the runs that began on the last so many days, today's included; days are those of UTC.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn stats(&self, days: u32, now: Micros) -> Result<Stats, StoreError> {
        let first = stats::first_day(days, now);
        Ok(Stats::of(first, days, &self.reader.tallies(first, now)?))
    }

    /// What was learned of a phase of this run from earlier runs of the same workflow (spec 2.6).
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn learned(&self, record: &RunRecord, phase: &str) -> Result<Option<Learned>, StoreError> {
        let run = &record.state.run;
        // Earlier means by first event (spec 2.7): a run without any is later than none.
        let Some(began) = value(&run.first_event_at) else { return Ok(None) };
        self.reader.learned(value(&run.workflow).map(String::as_str), phase, Some(*began))
    }

    /// Who held the wheel over time. The record must have its handoffs ([`Lists::All`], [`Query::show`]).
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn wheel(&self, record: &RunRecord) -> Result<Vec<Hold>, StoreError> {
        let held_at = match wheel::passed_on(&record.state) {
            Some(line) => self.reader.line(&record.key, line)?.and_then(|row| row.time),
            None => None,
        };
        Ok(wheel::lane(&record.state, held_at))
    }

    fn open(&self, now: Micros) -> Result<Vec<Judged>, StoreError> {
        self.reader.open_runs()?.into_iter().map(|record| self.judge(record, now)).collect()
    }

    fn look_up(&self, judged: &Judged, now: Micros) -> Result<LookUps, StoreError> {
        let record = &judged.record;
        let run = &record.state.run;
        let in_phase = record.state.spans.iter().any(|span| span.kind == SpanKind::Phase && span.is_open());
        let hangs_on_it = in_phase && judged.hangs_on_learned(&self.policy, now);
        let learned = match value(&run.phase).filter(|_| hangs_on_it) {
            Some(phase) => self.learned(record, phase)?,
            None => None,
        };
        let status_at = match run.status.as_ref().filter(|fact| fact.value == Status::NeedsHuman) {
            Some(fact) => self.reader.line(&record.key, fact.line)?.and_then(|row| row.time),
            None => None,
        };
        Ok(LookUps { learned, status_at })
    }

    fn page(&self, banner: Option<&Banner>, filter: &RunFilter, now: Micros) -> Result<JudgedPage, StoreError> {
        let page = self.reader.runs(filter)?;
        let judge = |record| match banner.and_then(|banner| banner.known(&record)) {
            Some(known) => Ok(Arc::clone(known)),
            None => self.judge(record, now).map(Arc::new),
        };
        let runs = page.runs.into_iter().map(judge).collect::<Result<_, _>>()?;
        Ok(JudgedPage { runs, total: page.total, next: page.next })
    }

    /// One page of the open runs that have this word. The cache orders and filters them; the word is derived, so all of
    /// them are walked through.
    fn open_page(
        &self,
        banner: Option<&Banner>,
        filter: &RunFilter,
        word: Word,
        now: Micros,
    ) -> Result<JudgedPage, StoreError> {
        let open = match banner {
            Some(banner) => banner.open().to_vec(),
            None => self.open(now)?.into_iter().map(Arc::new).collect(),
        };
        let with_word = open.into_iter().filter(|judged| judged.verdict.word == word);
        let mut wanted: HashMap<String, Arc<Judged>> =
            with_word.map(|judged| (judged.record.key.clone(), judged)).collect();
        let mut page = JudgedPage { total: self.count(filter, &wanted)?, ..JudgedPage::default() };
        let mut ask = RunFilter { limit: BATCH, ..filter.clone() };
        // Where the last row of this page stands: the question that gave it, and which of its rows it is.
        let mut place: Option<RunFilter> = None;
        loop {
            let rows = self.reader.runs(&ask)?;
            for (row, rank) in rows.runs.iter().zip(1..) {
                let Some(judged) = wanted.remove(&row.key) else { continue };
                if page.runs.len() >= filter.limit.max(1) as usize {
                    // There is a further one: the cache knows how to go on behind the last row of this page.
                    page.next = place.map(|ask| self.reader.runs(&ask)).transpose()?.and_then(|rows| rows.next);
                    return Ok(page);
                }
                page.runs.push(judged);
                place = Some(RunFilter { limit: rank, ..ask.clone() });
            }
            match rows.next {
                Some(next) => ask.after = Some(next),
                None => return Ok(page),
            }
        }
    }

    fn count(&self, filter: &RunFilter, wanted: &HashMap<String, Arc<Judged>>) -> Result<u64, StoreError> {
        let mut ask = RunFilter { limit: BATCH, after: None, ..filter.clone() };
        let mut total = 0;
        loop {
            let rows = self.reader.runs(&ask)?;
            total += rows.runs.iter().filter(|row| wanted.contains_key(&row.key)).count() as u64;
            match rows.next {
                Some(next) => ask.after = Some(next),
                None => return Ok(total),
            }
        }
    }
}
