//! Logs: events with fields, on standard error.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::Failure;

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The flags about logs that every command has.
#[derive(Debug, Clone, Args)]
pub struct LogOptions {
    /// Form of the log lines on standard error
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        global = true
    )]
    pub log_format: LogFormat,

    // kube's client logs each failed request; whoever made it logs it with what it was for.
    /// Least level that is logged (error, warn, info, debug, trace), or a list of TARGET=LEVEL
    #[arg(
        long,
        default_value = "info,kube_client=off",
        value_name = "FILTER",
        global = true
    )]
    pub log_level: String,
}

impl LogOptions {
    /// Starts logging for the process; once.
    pub(crate) fn start(&self) -> Result<(), Failure> {
        let filter = EnvFilter::try_new(&self.log_level)
            .map_err(|error| Failure::usage(format!("--log-level {}: {error}", self.log_level)))?;
        let logs = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            // With standard error closed there is nobody to tell.
            .log_internal_errors(false)
            .with_ansi(io::stderr().is_terminal());
        let started = match self.log_format {
            LogFormat::Text => logs.try_init(),
            LogFormat::Json => logs.json().flatten_event(true).try_init(),
        };
        started.map_err(|error| Failure::run(format!("cannot start logging: {error}")))
    }
}
