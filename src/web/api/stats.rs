//! `GET /api/stats`: the numbers of the overview.

use std::ops::RangeInclusive;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::params::Params;
use crate::query::{Day, Stats};
use crate::web::error::ApiError;
use crate::web::{Web, now};

/// How many days may be asked for.
const DAYS: RangeInclusive<u64> = 1..=366;

/// Days when none are asked for (spec 3.2).
const DEFAULT: u32 = 14;

/// `{days: [{day, runs, failed}], runs, ended, failed, failure_rate, median_ms, p90_ms, queue_depth}`: of the runs
/// that began on the last `days` days of UTC, today's included. `failure_rate` is from 0 to 1, of those that ended;
/// `queue_depth` is how many items of `/api/queue` there are now.
pub(super) async fn stats(State(web): State<Web>, params: Params) -> Result<Response, ApiError> {
    let days = params.number("days", DAYS)?.map_or(DEFAULT, |days| u32::try_from(days).expect("within the bounds"));
    let now = now();
    let (stats, depth) =
        web.ask(move |web| Ok((web.query.stats(days, now)?, web.query.banner(now)?.queue().len()))).await?;
    Ok(super::json(&answer(&stats, depth)))
}

fn answer(stats: &Stats, queue_depth: usize) -> Value {
    let day = |day: &Day| json!({ "day": day.date(), "runs": day.runs, "failed": day.failed });
    json!({
        "days": stats.days.iter().map(day).collect::<Vec<_>>(),
        "runs": stats.runs,
        "ended": stats.ended,
        "failed": stats.failed,
        "failure_rate": stats.failure_rate(),
        "median_ms": stats.median_ms,
        "p90_ms": stats.p90_ms,
        "queue_depth": queue_depth,
    })
}
