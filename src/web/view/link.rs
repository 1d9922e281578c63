//! Our own URLs: run pages, lines, and lists with their filters. Keys become segments in `web::address`.

pub use crate::web::address::encode;
use crate::web::address::segment;

/// The page of a run.
#[must_use]
pub fn run(key: &str) -> String {
    ["/runs/", &segment(key)].concat()
}

/// The page of a run as it was after a line (spec 2.4).
#[must_use]
pub fn run_at(key: &str, line: u64) -> String {
    format!("/runs/{}?at={line}", segment(key))
}

/// The raw line: where every evidence link leads.
#[must_use]
pub fn line(key: &str, line: u64) -> String {
    format!("/runs/{}/lines/{line}", segment(key))
}

/// A line in its place in the timeline.
#[must_use]
pub fn in_timeline(key: &str, line: u64) -> String {
    format!("/runs/{}?line={line}#L{line}", segment(key))
}

/// A run beside another one.
#[must_use]
pub fn compare(key: &str, with: &str) -> String {
    self::with(&format!("{}/compare", run(key)), &[("with", with)])
}

/// The page of an artifact, by its place in the run's list from 1.
#[must_use]
pub fn artifact(key: &str, place: u64) -> String {
    format!("/runs/{}/artifacts/{place}", segment(key))
}

/// What an artifact holds.
#[must_use]
pub fn artifact_content(key: &str, place: usize) -> String {
    format!("/api/runs/{}/artifacts/{place}", segment(key))
}

/// A path with parameters; pairs with an empty value are left out.
#[must_use]
pub fn with(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut url = path.to_owned();
    let mut separator = '?';
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        url.push(separator);
        url.push_str(name);
        url.push('=');
        url.push_str(&encode(value));
        separator = '&';
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_segment() {
        for (key, url) in
            [("run-1", "/runs/run-1"), ("a/b", "/runs/a%2Fb"), ("%FF%22x", "/runs/%25FF%2522x"), ("..x", "/runs/..x")]
        {
            assert_eq!(run(key), url);
        }
    }

    #[test]
    fn parameters_are_encoded_and_empty_ones_left_out() {
        assert_eq!(with("/runs", &[("q", "a&b=c"), ("phase", ""), ("sort", "cost")]), "/runs?q=a%26b%3Dc&sort=cost");
        assert_eq!(with("/runs", &[("q", "")]), "/runs");
    }
}
