//! The options of every command, each with its environment variable. What they mean together is in `settings`.

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};

/// Options that every command has. `None` means: not said here, ask the configuration file, else the default.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Options {
    /// Port on 127.0.0.1; 0 takes any free one [default: 7468]
    #[arg(long, global = true, env = "WHEELWATCH_PORT", hide_env_values = true, value_name = "PORT")]
    pub(super) port: Option<u16>,

    /// Cache file [default: one file per set of state directories, in your cache directory]
    #[arg(long, global = true, env = "WHEELWATCH_CACHE", hide_env_values = true, value_name = "FILE")]
    pub(super) cache: Option<PathBuf>,

    /// Configuration file [default: ./wheelwatch.toml, else wheelwatch/wheelwatch.toml in your configuration directory]
    #[arg(long, global = true, env = "WHEELWATCH_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Name of the logs, or a glob such as '*.jsonl' [default: run.log]
    #[arg(
        long,
        global = true,
        env = "WHEELWATCH_LOG_NAME",
        hide_env_values = true,
        value_name = "NAME",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(super) log_name: Option<String>,

    /// How many directories deep a log may lie [default: 4; 16 with a glob as log name]
    #[arg(
        long,
        global = true,
        env = "WHEELWATCH_DEPTH",
        hide_env_values = true,
        value_name = "N",
        value_parser = clap::value_parser!(u8).range(0..=64)
    )]
    pub(super) depth: Option<u8>,

    /// Dialect file, asked before the built-in ones; several times, or several separated with a colon
    #[arg(
        long,
        global = true,
        env = "WHEELWATCH_DIALECT",
        hide_env_values = true,
        value_name = "FILE",
        value_delimiter = ':'
    )]
    pub(super) dialect: Vec<PathBuf>,

    /// Longest line that is read, in bytes or with a unit (64KiB, 8MiB) [default: 8MiB]
    #[arg(
        long,
        global = true,
        env = "WHEELWATCH_MAX_LINE",
        hide_env_values = true,
        value_name = "SIZE",
        value_parser = size
    )]
    pub(super) max_line: Option<usize>,

    /// What a time without an offset means [default: utc]
    #[arg(long, global = true, env = "WHEELWATCH_NAIVE_TIME", hide_env_values = true, value_name = "ZONE")]
    pub(super) naive_time: Option<Naive>,

    /// Show and keep credentials as they stand in the logs, instead of masking what looks like one
    #[arg(
        long,
        global = true,
        env = "WHEELWATCH_NO_REDACT",
        hide_env_values = true,
        value_name = "YES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub(super) no_redact: Option<bool>,

    /// Do not use the file watcher, only the scan every two seconds
    #[arg(
        long,
        global = true,
        env = "WHEELWATCH_POLL",
        hide_env_values = true,
        value_name = "YES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub(super) poll: Option<bool>,

    /// Open the dashboard in the browser
    #[arg(
        long,
        global = true,
        env = "WHEELWATCH_OPEN",
        hide_env_values = true,
        value_name = "YES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub(super) open: Option<bool>,

    /// Say more on standard error: -v what it does, -vv details, -vvv everything
    #[arg(
        short,
        long,
        global = true,
        env = "WHEELWATCH_VERBOSE",
        hide_env_values = true,
        action = clap::ArgAction::Count
    )]
    pub(super) verbose: u8,
}

/// `--naive-time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Naive {
    Utc,
    // The zone of this machine. No doc comments here: they would make every help text twice as long.
    Local,
}

/// A number of bytes: digits, alone or with k, M, G (of 1024) and an optional `B` or `iB`.
///
/// # Errors
/// A sentence that says what is allowed; also for 0 and for more than 1 GiB.
pub(super) fn size(text: &str) -> Result<usize, String> {
    const MOST: usize = 1 << 30;
    let wrong = || format!("{text:?} is not a size from 1 to 1GiB, such as 1000, 64KiB or 8MiB");
    let text_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(text_end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let shift = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err(wrong()),
    };
    let number: usize = digits.parse().map_err(|_| wrong())?;
    let bytes = number.checked_mul(1 << shift).ok_or_else(wrong)?;
    if (1..=MOST).contains(&bytes) { Ok(bytes) } else { Err(wrong()) }
}

/// A duration such as `10m`, `1h 30m` or `45s`, in milliseconds; more than none and at most ten years.
///
/// # Errors
/// A sentence that says what is allowed.
pub(super) fn millis(text: &str) -> Result<u64, String> {
    const TEN_YEARS_MS: i128 = 10 * 366 * 24 * 3_600_000;
    let wrong = || format!("{text:?} is not a duration such as \"45s\", \"10m\" or \"1h 30m\"");
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let millis = duration.as_millis();
    if (1..=TEN_YEARS_MS).contains(&millis) { u64::try_from(millis).map_err(|_| wrong()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn a_size_is_digits_and_an_optional_unit() {
        let cases: &[(&str, Option<usize>)] = &[
            ("1", Some(1)),
            ("1000", Some(1000)),
            ("64KiB", Some(64 << 10)),
            ("64k", Some(64 << 10)),
            ("8MiB", Some(8 << 20)),
            ("8 mb", Some(8 << 20)),
            ("1G", Some(1 << 30)),
            ("0", None),
            ("2G", None),
            ("-1", None),
            ("", None),
            ("MiB", None),
            ("8.5M", None),
            ("8X", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size(text).ok(), *expected, "{text:?}");
        }
    }
}
