//! How a command ends when it cannot do what it was asked.

use std::fmt::Display;
use std::process::ExitCode;

/// Why a command ended without doing what it was asked. Its text is the whole message.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What the caller gave cannot be used: a flag, a file, an address. Status 2.
    #[error("{0}")]
    Usage(String),
    /// Something failed later. Status 1.
    #[error("{0}")]
    Run(String),
}

impl Failure {
    /// A flag or file that cannot be used.
    pub fn usage(message: impl Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// Something that failed while running.
    pub fn run(message: impl Display) -> Self {
        Self::Run(message.to_string())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Run(_) => ExitCode::FAILURE,
        }
    }
}
