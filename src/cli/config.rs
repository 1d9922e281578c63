//! The configuration file `wheelwatch.toml`: what may stand in it. Unknown keys are refused with file and line.
//!
//! It is checked once, at start; what is not said in it stays `None`, so that `settings` can put option, environment,
//! file and default in their order (spec 4.1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::error::CliError;
use super::options::{self, Naive};
use crate::reducer::dialect::data::{Dialect, Written};
use crate::reducer::verdict::{Limits, Override, Policy};

/// The name that is looked for.
const FILE_NAME: &str = "wheelwatch.toml";

/// Everything that the file can say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) state_dirs: Option<Vec<PathBuf>>,
    pub(super) port: Option<u16>,
    pub(super) cache: Option<PathBuf>,
    pub(super) log_name: Option<String>,
    pub(super) depth: Option<u8>,
    /// Files of dialects, from the directory of this file.
    #[serde(default)]
    dialects: Vec<PathBuf>,
    /// Dialects that stand here themselves.
    #[serde(default)]
    dialect: Vec<Written>,
    /// What both gave, in this order.
    #[serde(skip)]
    pub(super) own_dialects: Vec<Dialect>,
    pub(super) max_line: Option<Size>,
    pub(super) naive_time: Option<Naive>,
    pub(super) no_redact: Option<bool>,
    pub(super) poll: Option<bool>,
    pub(super) open: Option<bool>,
    attention_days: Option<Days>,
    #[serde(default)]
    limits: LimitsPart,
    #[serde(default)]
    phase: BTreeMap<String, LimitsPart>,
    #[serde(default)]
    workflow: BTreeMap<String, WorkflowPart>,
    #[serde(default)]
    pub(super) commands: crate::query::Commands,
}

/// Limits by the names of spec 2.6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsPart {
    abandon_limit: Option<Length>,
    heartbeat_limit: Option<Length>,
    silence_limit: Option<Length>,
    progress_limit: Option<Length>,
    queue_limit: Option<Length>,
    phase_limit: Option<Length>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkflowPart {
    #[serde(default)]
    limits: LimitsPart,
    #[serde(default)]
    phase: BTreeMap<String, LimitsPart>,
}

/// A duration as [`options::millis`] reads it, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Length(i64);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = options::millis(&String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        i64::try_from(millis).map(Length).map_err(D::Error::custom)
    }
}

/// Days from 0 to 3650.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days(i64);

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let days = i64::deserialize(deserializer)?;
        if (0..=3650).contains(&days) {
            Ok(Days(days))
        } else {
            Err(D::Error::custom(format!("{days} is not a number of days from 0 to 3650")))
        }
    }
}

/// A size as `--max-line` takes it, or a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) usize);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bytes(u64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Bytes(bytes) => bytes.to_string(),
            Written::Text(text) => text,
        };
        options::size(&text).map(Size).map_err(D::Error::custom)
    }
}

impl Config {
    /// Reads the file that was named, else the first that exists of the two usual places, else nothing.
    ///
    /// # Errors
    /// [`CliError::Config`] with the line of the first mistake; [`CliError::System`] when a named file cannot be read.
    pub(super) fn load(named: Option<&Path>) -> Result<Self, CliError> {
        let file = match named {
            Some(file) => file.to_owned(),
            None => match usual_places().into_iter().find(|place| place.is_file()) {
                Some(file) => file,
                None => return Ok(Self::default()),
            },
        };
        let text = std::fs::read_to_string(&file).map_err(|error| {
            CliError::Usage(format!("the configuration {} could not be read: {error}", file.display()))
        })?;
        let mut config = Self::parse(&file, &text)?;
        let beside = file.parent().unwrap_or(Path::new(""));
        for named in std::mem::take(&mut config.dialects) {
            config.own_dialects.push(super::dialect::read(&beside.join(named))?);
        }
        Ok(config)
    }

    /// Reads the text of a file; `file` is for the error.
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self, CliError> {
        let mut config: Self = toml::from_str(text).map_err(|error: toml::de::Error| CliError::Config {
            file: file.to_owned(),
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            reason: error.message().trim_end().replace('\n', "; "),
        })?;
        for written in std::mem::take(&mut config.dialect) {
            config.own_dialects.push(written.into_dialect(&file.display().to_string(), text)?);
        }
        Ok(config)
    }

    /// The limits of the file over the built-in ones; which override goes over which the policy decides.
    pub(super) fn policy(&self) -> Policy {
        let mut overrides: Vec<Override> =
            self.phase.iter().map(|(phase, part)| part.as_override(None, Some(phase))).collect();
        for (workflow, part) in &self.workflow {
            overrides.push(part.limits.as_override(Some(workflow), None));
            overrides.extend(part.phase.iter().map(|(phase, part)| part.as_override(Some(workflow), Some(phase))));
        }
        Policy {
            limits: self.limits.over(Limits::default()),
            overrides,
            attention_days: self.attention_days.map_or(Policy::default().attention_days, |days| days.0),
        }
    }
}

/// The limits of a policy with some of them set otherwise, each as `name=value` with the names of the file; what the file
/// says of a workflow or phase stays.
///
/// # Errors
/// [`CliError::Usage`] that says what is allowed.
pub(super) fn set(policy: &Policy, said: &[String]) -> Result<Policy, CliError> {
    let mut text = String::from("[limits]\n");
    for one in said {
        let wrong = || CliError::Usage(format!("--set {one:?} is not a limit and its value, such as silence_limit=5m"));
        let (name, value) = one.split_once('=').ok_or_else(wrong)?;
        let (name, value) = (name.trim(), value.trim());
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if !is_name || !value.chars().all(|c| c.is_ascii_alphanumeric() || " .".contains(c)) {
            return Err(wrong());
        }
        text.push_str(&format!("{name} = \"{value}\"\n"));
    }
    let config = Config::parse(Path::new("--set"), &text).map_err(|error| match error {
        CliError::Config { reason, .. } => CliError::Usage(format!("--set: {reason}")),
        other => other,
    })?;
    Ok(Policy { limits: config.limits.over(policy.limits), ..policy.clone() })
}

impl LimitsPart {
    fn over(self, base: Limits) -> Limits {
        let pick = |said: Option<Length>, base: i64| said.map_or(base, |length| length.0);
        Limits {
            abandon_ms: pick(self.abandon_limit, base.abandon_ms),
            heartbeat_ms: pick(self.heartbeat_limit, base.heartbeat_ms),
            silence_ms: pick(self.silence_limit, base.silence_ms),
            progress_ms: pick(self.progress_limit, base.progress_ms),
            queue_ms: pick(self.queue_limit, base.queue_ms),
            phase_ms: self.phase_limit.map(|length| length.0).or(base.phase_ms),
        }
    }

    /// Phases are named as the fold names them: trimmed and in lower case (spec 2.2 rule 4).
    fn as_override(self, workflow: Option<&str>, phase: Option<&str>) -> Override {
        let millis = |said: Option<Length>| said.map(|length| length.0);
        Override {
            workflow: workflow.map(str::to_owned),
            phase: phase.map(|phase| phase.trim().to_lowercase()),
            abandon_ms: millis(self.abandon_limit),
            heartbeat_ms: millis(self.heartbeat_limit),
            silence_ms: millis(self.silence_limit),
            progress_ms: millis(self.progress_limit),
            queue_ms: millis(self.queue_limit),
            phase_ms: millis(self.phase_limit),
        }
    }
}

fn usual_places() -> Vec<PathBuf> {
    use etcetera::BaseStrategy;
    let mut places = vec![PathBuf::from(FILE_NAME)];
    if let Ok(strategy) = etcetera::choose_base_strategy() {
        places.push(strategy.config_dir().join("wheelwatch").join(FILE_NAME));
    }
    places
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, CliError> {
        Config::parse(Path::new("wheelwatch.toml"), text)
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_line() {
        let cases = [
            ("prot = 1\n", 1, "unknown field `prot`"),
            ("port = 7468\n\n[limits]\nsilence = \"5m\"\n", 4, "unknown field `silence`"),
            ("[limits]\nsilence_limit = \"soon\"\n", 2, "\"soon\" is not a duration"),
            ("[limits]\nsilence_limit = \"0s\"\n", 2, "\"0s\" is not a duration"),
            ("[limits]\nsilence_limit = \"-5m\"\n", 2, "\"-5m\" is not a duration"),
            ("port = 70000\n", 1, "70000"),
            ("max_line = \"8 parsecs\"\n", 1, "is not a size"),
            ("attention_days = -1\n", 1, "-1 is not a number of days"),
            ("[workflow.nightly]\nlimit = 1\n", 2, "unknown field `limit`"),
            ("[commands]\nretry = \"luca retry {what}\"\n", 2, "{what}"),
            ("[commands]\nrestart = \"x\"\n", 2, "unknown field `restart`"),
            ("port = \n", 1, ""),
        ];
        for (text, expected_line, part) in cases {
            let Err(CliError::Config { line, reason, .. }) = parse(text) else { panic!("{text:?} was taken") };
            assert_eq!(line, expected_line, "{text:?}: {reason}");
            assert!(reason.contains(part), "{text:?}: {reason}");
        }
    }

    #[test]
    fn a_workflow_or_phase_takes_what_it_does_not_say_from_all() {
        let policy = parse(
            "attention_days = 3\n[limits]\nsilence_limit = \"5m\"\n[phase.Build]\nphase_limit = \"1h 30m\"\n\
             [workflow.nightly.limits]\nprogress_limit = \"2h\"\n[workflow.nightly.phase.build]\nphase_limit = \"4h\"\n",
        )
        .expect("a right file")
        .policy();
        let of = |workflow, phase| {
            let limits = policy.limits_for(workflow, phase);
            (limits.silence_ms, limits.progress_ms, limits.phase_ms)
        };
        assert_eq!(of(None, None), (300_000, 1_800_000, None));
        assert_eq!(of(Some("nightly"), None), (300_000, 7_200_000, None));
        assert_eq!(of(None, Some("build")), (300_000, 1_800_000, Some(5_400_000)));
        assert_eq!(of(Some("nightly"), Some("build")), (300_000, 7_200_000, Some(14_400_000)));
        assert_eq!(policy.attention_days, 3);
    }

    #[test]
    fn a_limit_that_is_set_goes_over_the_file() {
        let policy = parse("[limits]\nsilence_limit = \"5m\"\nqueue_limit = \"1m\"").expect("a right file").policy();
        let said = ["silence_limit=90s", " phase_limit = 1h 30m"].map(String::from);
        let limits = set(&policy, &said).expect("right limits").limits;
        assert_eq!((limits.silence_ms, limits.queue_ms, limits.phase_ms), (90_000, 60_000, Some(5_400_000)));
        for (said, part) in [
            ("silence=5m", "unknown field `silence`"),
            ("silence_limit", "such as silence_limit=5m"),
            ("silence_limit=soon", "\"soon\" is not a duration"),
            ("silence_limit=5m\"\nport=\"1", "is not a limit"),
            ("=5m", "is not a limit"),
        ] {
            let error = set(&policy, &[said.to_owned()]).expect_err(said);
            assert_eq!(error.exit_code(), 2, "{said}");
            assert!(error.to_string().contains(part), "{said}: {error}");
        }
    }

    #[test]
    fn an_empty_file_changes_nothing() {
        let config = parse("").expect("an empty file");
        assert_eq!(config, Config::default());
        assert_eq!(config.policy(), Policy::default());
    }

    #[test]
    fn every_key_is_taken() {
        let config = parse(
            "state_dirs = [\"a\", \"b\"]\nport = 0\ncache = \"c.db\"\nlog_name = \"*.jsonl\"\ndepth = 2\n\
             max_line = 1000\nnaive_time = \"local\"\nno_redact = true\npoll = true\nopen = false\n\
             [commands]\nretry = \"luca retry {run}\"\n",
        )
        .expect("a right file");
        assert_eq!(config.max_line, Some(Size(1000)));
        assert_eq!((config.naive_time, config.no_redact), (Some(Naive::Local), Some(true)));
        assert_eq!(config.state_dirs.map(|dirs| dirs.len()), Some(2));
    }
}
