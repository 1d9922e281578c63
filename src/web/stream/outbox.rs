//! Which run is announced when: coalesces changes to at most about ten messages a second per run.
//!
//! Pure: `now` is an argument.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// What a quiet run may say at once; afterwards one message per [`EACH`].
const BURST: u32 = 20;
/// How long a run that changes all the time waits between two messages: nine a second.
const EACH: Duration = Duration::from_millis(111);
/// More runs than this waiting at once are announced by one `resync`.
const MOST_WAITING: usize = 256;
/// How long after a `resync` the next one may come.
const RESYNC_EACH: Duration = Duration::from_secs(1);
/// More allowances than this are swept of those that are full again.
const MOST_ALLOWANCES: usize = 1024;

/// What may be sent now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Runs and their newest versions, by key.
    pub(super) runs: Vec<(String, u64)>,
    /// Too much changed to say it run by run.
    pub(super) resync: bool,
    /// When to ask again, if something still waits.
    pub(super) again: Option<Instant>,
}

/// Changes that are not announced yet, and what each run may still say.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: BTreeMap<String, u64>,
    /// Too many waited; nothing is known of which.
    overflowed: bool,
    last_resync: Option<Instant>,
    /// Per run the moment from which on its allowance is full. Each message moves it on by [`EACH`].
    full_at: HashMap<String, Instant>,
}

impl Outbox {
    /// Notes a change. Of several changes of a run the last counts.
    pub(super) fn changed(&mut self, key: String, version: u64) {
        if self.overflowed {
            return;
        }
        self.waiting.insert(key, version);
        if self.waiting.len() > MOST_WAITING {
            self.overflow();
        }
    }

    /// Notes that changes were missed.
    pub(super) fn overflow(&mut self) {
        self.waiting.clear();
        self.overflowed = true;
    }

    /// Takes what may be sent at `now`.
    pub(super) fn take(&mut self, now: Instant) -> Due {
        let mut due = Due::default();
        if self.overflowed {
            match self.last_resync.map(|last| last + RESYNC_EACH).filter(|next| *next > now) {
                Some(next) => due.again = Some(next),
                None => {
                    (due.resync, self.overflowed, self.last_resync) = (true, false, Some(now));
                }
            }
            return due;
        }
        let full_at = &mut self.full_at;
        self.waiting.retain(|key, version| {
            let full = full_at.entry(key.clone()).or_insert(now);
            *full = (*full).max(now);
            let allowed = now + EACH * (BURST - 1);
            if *full > allowed {
                let next = now + (*full - allowed);
                due.again = Some(due.again.map_or(next, |other| other.min(next)));
                return true;
            }
            *full += EACH;
            due.runs.push((key.clone(), *version));
            false
        });
        if self.full_at.len() > MOST_ALLOWANCES {
            self.full_at.retain(|_, full| *full > now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_change_of_a_quiet_run_goes_at_once_with_its_newest_version() {
        let now = Instant::now();
        let mut outbox = Outbox::default();
        outbox.changed(String::from("a"), 1);
        outbox.changed(String::from("b"), 4);
        outbox.changed(String::from("a"), 2);
        let due = outbox.take(now);
        assert_eq!(due.runs, [(String::from("a"), 2), (String::from("b"), 4)]);
        assert_eq!(due.again, None);
        assert_eq!(outbox.take(now), Due::default());
    }

    #[test]
    fn a_flood_of_one_run_becomes_about_ten_messages_a_second_and_the_last_version_arrives() {
        let start = Instant::now();
        let mut outbox = Outbox::default();
        let (mut sent, mut newest) = (0, 0);
        for milli in 0..20_000_u64 {
            outbox.changed(String::from("a"), milli);
            let due = outbox.take(start + MILLI * u32::try_from(milli).expect("small"));
            sent += due.runs.len();
            newest = due.runs.last().map_or(newest, |(_, version)| *version);
        }
        assert!((180..=201).contains(&sent), "{sent} messages in 20 s");
        assert!(newest < 19_999);
        let mut now = start + MILLI * 20_000;
        while let Some(again) = outbox.take(now).again {
            assert!(again > now && again - now <= EACH);
            now = again;
            outbox.changed(String::from("a"), 20_000);
        }
        assert_eq!(outbox.take(now), Due::default());
    }

    #[test]
    fn a_flood_of_one_run_does_not_hold_back_another() {
        let now = Instant::now();
        let mut outbox = Outbox::default();
        for version in 0..100 {
            outbox.changed(String::from("loud"), version);
            outbox.take(now);
        }
        outbox.changed(String::from("quiet"), 1);
        let due = outbox.take(now);
        assert_eq!(due.runs, [(String::from("quiet"), 1)]);
        assert!(due.again.is_some_and(|again| again > now));
    }

    #[test]
    fn too_many_runs_become_one_resync_a_second() {
        let now = Instant::now();
        let mut outbox = Outbox::default();
        let flood = |outbox: &mut Outbox| (0..5000).for_each(|n| outbox.changed(n.to_string(), 1));
        flood(&mut outbox);
        assert!(outbox.take(now).resync);
        flood(&mut outbox);
        let due = outbox.take(now + MILLI);
        assert!(!due.resync && due.runs.is_empty());
        assert_eq!(due.again, Some(now + RESYNC_EACH));
        assert!(outbox.take(now + RESYNC_EACH).resync);
        assert_eq!(outbox.take(now + RESYNC_EACH), Due::default());
    }

    #[test]
    fn allowances_of_runs_that_are_quiet_again_are_forgotten() {
        let mut now = Instant::now();
        let mut outbox = Outbox::default();
        for n in 0..10_000 {
            outbox.changed(n.to_string(), 1);
            outbox.take(now);
            now += MILLI;
        }
        assert!(outbox.full_at.len() <= MOST_ALLOWANCES + 1);
    }
}
