//! `GET /api/runs`: one page of summaries.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::params::Params;
use crate::query::Summary;
use crate::reducer::run::Status;
use crate::reducer::verdict::Word;
use crate::store::reader::{RunFilter, Sort};
use crate::web::error::ApiError;
use crate::web::{Web, now};

/// `{runs: [summary], total, next}` (spec 4.2).
pub(super) async fn runs(State(web): State<Web>, params: Params) -> Result<Response, ApiError> {
    let verdict = params.word("verdict", Word::ALL, Word::as_str)?;
    let filter = filter(&params)?;
    let now = now();
    let answer = web.ask(move |web| {
        let page = web.query.runs(&filter, verdict, now)?;
        let runs = page.runs.iter().map(|run| run.summary(now)).collect();
        Ok(super::json(&Answer { next: page.next, runs, total: page.total }))
    });
    Ok(answer.await?)
}

#[derive(Serialize)]
struct Answer {
    next: Option<String>,
    runs: Vec<Summary>,
    total: u64,
}

fn filter(params: &Params) -> Result<RunFilter, ApiError> {
    const SORTS: &[Sort] = &[Sort::Started, Sort::LastLife, Sort::Duration, Sort::Cost, Sort::Status];
    Ok(RunFilter {
        status: params.words("status", Status::ALL, Status::as_str)?,
        open: None,
        workflow: params.text("workflow"),
        phase: params.text("phase"),
        source: params.text("source"),
        text: params.text("q"),
        from: params.time("from")?,
        to: params.time("to")?,
        sort: params.word("sort", SORTS, sort_word)?.unwrap_or_default(),
        after: params.text("after"),
        limit: params.limit(50, 1000)?,
    })
}

fn sort_word(sort: Sort) -> &'static str {
    match sort {
        Sort::Started => "started",
        Sort::LastLife => "last_life",
        Sort::Duration => "duration",
        Sort::Cost => "cost",
        Sort::Status => "status",
    }
}
