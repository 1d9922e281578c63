//! What a command can end with, and the exit code of it (spec 4.1).

use std::path::PathBuf;

use crate::app::AppError;
use crate::ingest::IngestError;
use crate::reducer::dialect::data::DialectError;
use crate::store::StoreError;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Something was asked for that makes no sense (exit 2).
    #[error("{0}")]
    Usage(String),
    /// The configuration file or `.env` was refused (exit 2).
    #[error("{file}:{line}: {reason}")]
    Config {
        /// The file as it was found.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what is allowed.
        reason: String,
    },
    /// A dialect was refused (exit 2).
    #[error(transparent)]
    Dialect(#[from] DialectError),
    /// There is no such run (exit 1).
    #[error("there is no run {key:?}{hint}")]
    UnknownRun {
        /// As asked for.
        key: String,
        /// What there is instead, or nothing.
        hint: String,
    },
    /// Serving failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// The cache said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source said no.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Standard output could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] std::io::Error),
    /// Something else of the system failed while doing what the text says.
    #[error("{doing}: {source}")]
    System {
        /// Fits before a colon: `the demo directory could not be made`.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CliError {
    /// The exit code: 2 usage or refused configuration, 3 the cache is in use, 4 port in use, 1 the rest.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            CliError::Usage(_) | CliError::Config { .. } | CliError::Dialect(_) => 2,
            CliError::Store(error) | CliError::App(AppError::Store(error)) => store_code(error),
            CliError::Ingest(error) | CliError::App(AppError::Ingest(error)) => ingest_code(error),
            CliError::App(AppError::Port { .. }) => 4,
            // As a shell would say of a program that SIGPIPE ended.
            CliError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 141,
            CliError::UnknownRun { .. }
            | CliError::App(AppError::System(_))
            | CliError::Output(_)
            | CliError::System { .. } => 1,
        }
    }

    /// Whether the reader of our output went away, which is nothing to complain about.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, CliError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

fn store_code(error: &StoreError) -> u8 {
    match error {
        StoreError::InUse { .. } | StoreError::Making { .. } => 3,
        StoreError::BelowStateDir { .. } | StoreError::Foreign { .. } | StoreError::Io { .. } => 2,
        StoreError::OldSqlite { .. } | StoreError::Sql(_) | StoreError::Anew | StoreError::Stopped => 1,
    }
}

fn ingest_code(error: &IngestError) -> u8 {
    match error {
        IngestError::Pattern { .. } => 2,
        IngestError::Store(error) => store_code(error),
        IngestError::Read { .. } | IngestError::UnknownRun(_) | IngestError::Threads(_) => 1,
    }
}
