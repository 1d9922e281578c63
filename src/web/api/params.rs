//! What a request asks for: the run's key and the parameters, each checked once, with a sentence for the person who
//! wrote it wrong. What was written is never repeated (spec T127).

use std::ops::RangeInclusive;

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::request::Parts;

use crate::reducer::time::{Micros, NaiveTime, parse_text};
use crate::web::address;
use crate::web::error::{ApiError, WebError};

/// The longest parameter that is looked at, in bytes.
const LONGEST: usize = 1024;

/// The run that the path names: one segment, decoded exactly once (spec 4.2).
#[derive(Debug)]
pub(super) struct Key(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        path_part(parts, state, "key").await.map(|segment| Key(address::key(segment)))
    }
}

/// The line that the path names, from 1.
#[derive(Debug)]
pub(super) struct LineNumber(pub(super) u64);

impl<S: Send + Sync> FromRequestParts<S> for LineNumber {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = path_part(parts, state, "line").await?;
        whole(&text)
            .filter(|line| *line > 0)
            .map(LineNumber)
            .ok_or_else(|| bad("The line must be a whole number from 1 on."))
    }
}

async fn path_part<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<String, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| bad("The address is not percent-encoded UTF-8."))?;
    let value = params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    value.ok_or(ApiError(WebError::Broken))
}

/// The parameters after `?`. Unknown names are passed over, empty values are none, of equal names the last counts.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| bad("The parameters after ? cannot be read."))?;
        if pairs.iter().any(|(_, value)| value.len() > LONGEST) {
            return Err(bad("A parameter is longer than 1024 bytes."));
        }
        Ok(Params(pairs))
    }
}

impl Params {
    /// Text as written.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().rev().find(|(key, _)| key == name)?;
        (!value.is_empty()).then(|| value.clone())
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match whole(&text).filter(|number| bounds.contains(number)) {
            Some(number) => Ok(Some(number)),
            None if *bounds.end() == u64::MAX => {
                Err(bad(&format!("{name} must be a whole number from {} on.", bounds.start())))
            }
            None => Err(bad(&format!("{name} must be a whole number from {} to {}.", bounds.start(), bounds.end()))),
        }
    }

    /// How many things to give.
    pub(super) fn limit(&self, default: u32, most: u32) -> Result<u32, ApiError> {
        let limit = self.number("limit", 1..=u64::from(most))?;
        Ok(limit.map_or(default, |limit| u32::try_from(limit).expect("within the bounds")))
    }

    /// `true` or `false`, also written `1` or `0`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(bad(&format!("{name} must be true or false."))),
        }
    }

    /// One of the words of the spec.
    pub(super) fn word<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        as_str: fn(T) -> &'static str,
    ) -> Result<Option<T>, ApiError> {
        Ok(self.words(name, all, as_str)?.pop())
    }

    /// Some of the words of the spec, separated by commas.
    pub(super) fn words<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        as_str: fn(T) -> &'static str,
    ) -> Result<Vec<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(Vec::new()) };
        let known = |word: &str| all.iter().copied().find(|value| as_str(*value) == word);
        text.split(',').map(known).collect::<Option<_>>().ok_or_else(|| {
            let words: Vec<_> = all.iter().map(|value| as_str(*value)).collect();
            bad(&format!("{name} must be one of {}.", words.join(", ")))
        })
    }

    /// A point in time as spec 1.4 reads it, or a day: then its first moment in UTC.
    pub(super) fn time(&self, name: &str) -> Result<Option<Micros>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let day = || text.parse::<jiff::civil::Date>().ok().and_then(|day| day.in_tz("UTC").ok());
        let time = match day() {
            Some(midnight) => Some(Micros(midnight.timestamp().as_microsecond())),
            None => parse_text(&text, NaiveTime::Utc),
        };
        time.map(Some).ok_or_else(|| bad(&format!("{name} must be a time such as 2026-06-02T23:19:37Z, or a day.")))
    }
}

/// Digits and nothing else: no sign, no space.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

pub(super) fn bad(sentence: &str) -> ApiError {
    ApiError(WebError::BadRequest(sentence.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::run::Status;

    fn params(query: &str) -> Params {
        let uri = format!("/api/runs?{query}").parse().expect("an address");
        Params(Query::try_from_uri(&uri).expect("parameters").0)
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
        match result.expect_err("refused") {
            ApiError(WebError::BadRequest(sentence)) => sentence,
            ApiError(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_are_digits_within_bounds() {
        for (query, expected) in [("", None), ("limit=", None), ("limit=1", Some(1)), ("limit=3&limit=5", Some(5))] {
            assert_eq!(params(query).number("limit", 1..=5).expect("a number"), expected, "{query}");
        }
        for query in
            ["limit=0", "limit=6", "limit=-1", "limit=%2B1", "limit=1.0", "limit=99999999999999999999", "limit=x"]
        {
            assert_eq!(refused(params(query).number("limit", 1..=5)), "limit must be a whole number from 1 to 5.");
        }
    }

    #[test]
    fn words_are_those_of_the_spec() {
        let words = |query: &str| params(query).words("status", Status::ALL, Status::as_str);
        assert_eq!(words("").expect("none"), []);
        assert_eq!(words("status=failed,timed_out").expect("two"), [Status::Failed, Status::TimedOut]);
        for query in ["status=nonsense", "status=failed,", "status=%3Cscript%3E"] {
            let sentence = refused(words(query));
            assert!(sentence.starts_with("status must be one of queued, running"), "{sentence}");
            assert!(!sentence.contains("script") && !sentence.contains("nonsense"), "nothing is repeated");
        }
    }

    #[test]
    fn a_day_is_its_first_moment() {
        let time = |query: &str| params(query).time("from");
        assert_eq!(time("from=1970-01-02").expect("a day"), Some(Micros(86_400_000_000)));
        assert_eq!(
            time("from=2026-06-02T23:19:37Z").expect("a time").map(Micros::to_rfc3339).as_deref(),
            Some("2026-06-02T23:19:37.000000Z")
        );
        assert!(refused(time("from=yesterday")).starts_with("from must be a time"));
    }
}
