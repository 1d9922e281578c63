//! What the stream has to ask the cache: the versions to begin with, and how all runs are going.
//!
//! Behind a trait, so that the hub can be tested without a cache.

use std::collections::hash_map::DefaultHasher;
use std::future::Future;
use std::hash::{Hash, Hasher};

use crate::store::reader::{RunFilter, Sort};
use crate::web::error::WebError;
use crate::web::{Web, now};

/// How many runs a snapshot lists at most: those with the newest sign of life.
pub(super) const LISTED: u32 = 500;

/// The runs that changed last, and how many there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions {
    /// Keys and versions, the newest first, at most [`LISTED`].
    pub(super) runs: Vec<(String, u64)>,
    /// All runs.
    pub(super) total: u64,
}

/// How all runs are going at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The one number.
    pub(super) attention: usize,
    /// A hash over every verdict and attention entry: another one means that some page looks different now.
    pub(super) fingerprint: u64,
}

/// Who answers these questions.
pub(super) trait Outlook: Send + Sync + 'static {
    /// The versions to begin with.
    fn versions(&self) -> impl Future<Output = Result<Versions, WebError>> + Send;
    /// The present judgement.
    fn judgement(&self) -> impl Future<Output = Result<Judgement, WebError>> + Send;
}

impl Outlook for Web {
    async fn versions(&self) -> Result<Versions, WebError> {
        self.ask(|web| {
            let filter = RunFilter { sort: Sort::LastLife, limit: LISTED, ..RunFilter::default() };
            let page = web.query.reader.runs(&filter)?;
            let runs = page.runs.into_iter().map(|run| (run.key, run.version)).collect();
            Ok(Versions { runs, total: page.total })
        })
        .await
    }

    async fn judgement(&self) -> Result<Judgement, WebError> {
        self.ask(|web| {
            let now = now();
            let mut hash = DefaultHasher::new();
            let banner = web.query.banner(now)?;
            for item in &banner.attention {
                (&item.run.record.key, item.entry.reason, item.entry.line).hash(&mut hash);
            }
            for run in &banner.active {
                (&run.record.key, run.verdict.word, run.verdict.rule).hash(&mut hash);
            }
            Ok(Judgement { attention: banner.attention.len(), fingerprint: hash.finish() })
        })
        .await
    }
}
