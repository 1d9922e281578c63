//! Option, environment, file, default: put together in this order and checked once (spec 4.1).

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::config::Config;
use super::dialect;
use super::error::CliError;
use super::options::{Naive, Options};
use crate::ingest::{Root, Source, canonical, default_depth};
use crate::query::Commands;
use crate::reducer::dialect::Reading;
use crate::reducer::line::MAX_LINE;
use crate::reducer::time::NaiveTime;
use crate::reducer::verdict::Policy;

/// The port when nobody says another.
pub(super) const PORT: u16 = 7468;

const LOG_NAME: &str = "run.log";
const STATE_DIR: &str = "state";

/// The environment variables that name state directories, several separated as in `PATH`. The first that is set counts.
pub(super) const STATE_DIR_VARIABLES: [&str; 2] = ["WHEELWATCH_STATE_DIR", "REPO_RECALL_RUN_STATE_DIR"];

/// Everything that a command needs to know.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) source: Source,
    pub(super) cache: PathBuf,
    pub(super) policy: Policy,
    pub(super) commands: Commands,
    pub(super) port: u16,
    pub(super) open: bool,
}

impl Settings {
    /// Puts together what the command line (with the environment, which clap has read) and the file say.
    ///
    /// # Errors
    /// [`CliError::Usage`] and [`CliError::Config`], both exit 2.
    pub(super) fn resolve(options: &Options, named: &[PathBuf]) -> Result<Self, CliError> {
        let config = Config::load(options.config.as_deref())?;
        let named = if named.is_empty() { from_environment() } else { named.to_vec() };
        Self::combine(options, named, config)
    }

    /// For the demo: its own directory and cache, and otherwise what the options say. Nothing is read from a file.
    pub(super) fn of_demo(options: &Options, cache: PathBuf, state: PathBuf) -> Self {
        Self {
            source: Source {
                roots: roots(&[state]),
                log_name: LOG_NAME.into(),
                depth: default_depth(LOG_NAME),
                reading: Reading { redact: !options.no_redact.unwrap_or(false), ..Reading::default() },
                poll: options.poll.unwrap_or(false),
            },
            cache,
            policy: Policy::default(),
            commands: Commands::default(),
            port: options.port.unwrap_or(PORT),
            open: options.open.unwrap_or(false),
        }
    }

    fn combine(options: &Options, named: Vec<PathBuf>, config: Config) -> Result<Self, CliError> {
        let policy = config.policy();
        let directories = [named, config.state_dirs.unwrap_or_default(), vec![PathBuf::from(STATE_DIR)]]
            .into_iter()
            .find(|list| !list.is_empty())
            .unwrap_or_default();
        let naive_time = match options.naive_time.or(config.naive_time) {
            None | Some(Naive::Utc) => NaiveTime::Utc,
            Some(Naive::Local) => NaiveTime::Local,
        };
        let max_line = options.max_line.or(config.max_line.map(|size| size.0)).unwrap_or(MAX_LINE);
        let redact = !options.no_redact.or(config.no_redact).unwrap_or(false);
        // Files of the command line go before those of the configuration.
        let mut dialects = options.dialect.iter().map(|file| dialect::read(file)).collect::<Result<Vec<_>, _>>()?;
        dialects.extend(config.own_dialects);
        let log_name = options.log_name.clone().or(config.log_name).unwrap_or_else(|| LOG_NAME.into());
        let source = Source {
            roots: roots(&directories),
            depth: options.depth.or(config.depth).map_or_else(|| default_depth(&log_name), usize::from),
            log_name,
            reading: Reading { max_line, naive_time, redact, dialects: dialects.into() },
            poll: options.poll.or(config.poll).unwrap_or(false),
        };
        let cache = match options.cache.clone().or(config.cache) {
            Some(file) => file,
            None => cache_directory()?.join(cache_name(&source)),
        };
        Ok(Self {
            source,
            cache,
            policy,
            commands: config.commands,
            port: options.port.or(config.port).unwrap_or(PORT),
            open: options.open.or(config.open).unwrap_or(false),
        })
    }

    /// What is watched, for people: the directories and the pattern.
    pub(super) fn watched(&self) -> String {
        let directories: Vec<_> = self.source.roots.iter().map(|root| root.path.display().to_string()).collect();
        format!("{} ({})", directories.join(", "), self.source.log_name)
    }
}

fn from_environment() -> Vec<PathBuf> {
    let set = |name: &&str| std::env::var_os(name).filter(|value| !value.is_empty());
    STATE_DIR_VARIABLES.iter().find_map(set).map_or_else(Vec::new, |value| split(&value))
}

fn split(value: &OsString) -> Vec<PathBuf> {
    std::env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// The state directories with their labels, none twice. One alone has no label (spec 1.1); of several each has its own
/// name, and a number behind it where two would be the same.
fn roots(directories: &[PathBuf]) -> Vec<Root> {
    let mut seen = Vec::new();
    let mut roots: Vec<Root> = Vec::new();
    for path in directories {
        let real = canonical(path);
        if seen.contains(&real) {
            continue;
        }
        let name = label(&real);
        let taken = |label: &str| roots.iter().any(|root| root.label == label);
        let label = (1..)
            .map(|n| if n == 1 { name.clone() } else { format!("{name}-{n}") })
            .find(|label| !taken(label))
            .unwrap_or_default();
        roots.push(Root { label, path: path.clone() });
        seen.push(real);
    }
    if let [only] = roots.as_mut_slice() {
        only.label.clear();
    }
    roots
}

/// The directory's own name, in the letters of a run key (spec 1.1).
fn label(path: &Path) -> String {
    let Some(name) = path.file_name() else { return "root".into() };
    name.as_encoded_bytes().iter().fold(String::new(), |mut label, &byte| {
        if byte.is_ascii_alphanumeric() || b"._~-".contains(&byte) {
            label.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(label, "%{byte:02X}");
        }
        label
    })
}

/// One file per set of state directories and way of reading them: what another way made is of no use.
fn cache_name(source: &Source) -> String {
    format!("{}.db", source.fingerprint())
}

fn cache_directory() -> Result<PathBuf, CliError> {
    use etcetera::BaseStrategy;
    let said = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let usual = || etcetera::choose_base_strategy().ok().map(|strategy| strategy.cache_dir());
    // A relative place would depend on where the program is started, and might be a state directory.
    let place = said.filter(|path| path.is_absolute()).or_else(|| usual().filter(|path| path.is_absolute()));
    let text = "there is no home directory, so no place for the cache is known; name a file with --cache";
    place.map(|directory| directory.join("wheelwatch")).ok_or_else(|| CliError::Usage(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn combine(options: &Options, named: &[&str], file: &str) -> Settings {
        let config = Config::parse(Path::new("wheelwatch.toml"), file).expect("a right file");
        let options = Options { cache: options.cache.clone().or(Some("cache.db".into())), ..options.clone() };
        Settings::combine(&options, named.iter().map(PathBuf::from).collect(), config).expect("right settings")
    }

    #[test]
    fn an_option_goes_before_the_file_and_the_file_before_the_default() {
        let file = "port = 1000\nlog_name = \"file.log\"\nstate_dirs = [\"from-file\"]\n";
        let options = Options { port: Some(2000), depth: Some(9), ..Options::default() };
        let settings = combine(&options, &[], file);
        assert_eq!((settings.port, settings.source.depth), (2000, 9));
        assert_eq!(settings.source.log_name, "file.log");
        assert_eq!(settings.source.directories(), [PathBuf::from("from-file")]);
        assert_eq!(combine(&options, &["named"], file).source.directories(), [PathBuf::from("named")]);

        let settings = combine(&Options::default(), &[], "");
        assert_eq!((settings.port, settings.source.depth, settings.source.poll), (PORT, 4, false));
        assert_eq!(settings.source.log_name, "run.log");
        assert_eq!(settings.source.reading.max_line, MAX_LINE);
        assert_eq!(settings.source.directories(), [PathBuf::from("state")]);
    }

    #[test]
    fn several_state_directories_have_labels_of_their_own() {
        let labels = |named: &[&str]| -> Vec<String> {
            combine(&Options::default(), named, "").source.roots.into_iter().map(|root| root.label).collect()
        };
        let cases: &[(&[&str], &[&str])] = &[
            (&["/no/state"], &[""]),
            (&["/no/a", "/no/b"], &["a", "b"]),
            (&["/no/x/state", "/no/y/state", "/no/z/state"], &["state", "state-2", "state-3"]),
            (&["/no/a b", "/no/c"], &["a%20b", "c"]),
            (&["/no/a", "/no/a/"], &[""]),
            (&["/", "/no/a"], &["root", "a"]),
        ];
        for (named, expected) in cases {
            assert_eq!(labels(named), *expected, "{named:?}");
        }
    }

    #[test]
    fn the_cache_of_another_set_or_another_reading_is_another_file() {
        let name = |options: &Options, named: &[&str]| cache_name(&combine(options, named, "").source);
        let plain = Options::default();
        let first = name(&plain, &["/no/a", "/no/b"]);
        assert_eq!(first, name(&plain, &["/no/b", "/no/a"]));
        assert_ne!(first, name(&plain, &["/no/a"]));
        assert_ne!(first, name(&Options { log_name: Some("*.jsonl".into()), ..plain.clone() }, &["/no/a", "/no/b"]));
        assert_ne!(first, name(&Options { max_line: Some(1), ..plain }, &["/no/a", "/no/b"]));
    }

    #[test]
    fn a_list_of_directories_is_written_as_in_path() {
        assert_eq!(split(&"/a:/b::".into()), [PathBuf::from("/a"), PathBuf::from("/b")]);
    }
}
