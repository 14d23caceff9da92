//! Why a provider did not do what it was asked, and what to do next.

use std::time::Duration;

/// Why a provider call failed. Its text names what failed and what to do, for a condition and an
/// event on the Service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Service asks for what this provider cannot give; only a change of it helps.
    #[error("{field}: {message}")]
    Invalid {
        /// Path in the Service: `spec.loadBalancerIP`.
        field: String,
        /// What is wrong with it and what would be right.
        message: String,
    },
    /// Nothing is left to give; something must be released or added first.
    #[error("{0}")]
    Exhausted(String),
    /// The provider does not accept our credentials, or not for this.
    #[error("{0}")]
    Unauthorized(String),
    /// What bears the cluster's name there belongs to another cluster.
    #[error(
        "the cluster name {name} is taken there by a cluster with UID {uid}: give this one another \
         clusterName, or, if that was this cluster before it was restored, start with \
         --adopt-cluster-uid {uid}"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// UID of the cluster that has it.
        uid: String,
    },
    /// The provider asks for fewer calls.
    #[error("the provider asks for fewer calls: {message}")]
    Throttled {
        /// How long it asks us to wait, if it says.
        after: Option<Duration>,
        /// What it said.
        message: String,
    },
    /// The provider cannot be reached, failed, or made no sense.
    #[error("{message}")]
    Unavailable {
        /// What was tried, on what, and what came back.
        message: String,
        /// What lies beneath, if anything more is known.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nothing until the Service, the nodes, or the provider changes.
    WhenChanged,
    /// Again, after a delay that grows with each failure.
    BackOff,
    /// Again, not before this long.
    After(Duration),
}

impl Error {
    /// The provider cannot be used now; nothing more is known.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            source: None,
        }
    }

    /// What to do next.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Invalid { .. } | Self::Exhausted(_) | Self::NameTaken { .. } => {
                Retry::WhenChanged
            }
            Self::Throttled {
                after: Some(after), ..
            } => Retry::After(*after),
            Self::Unauthorized(_) | Self::Throttled { .. } | Self::Unavailable { .. } => {
                Retry::BackOff
            }
        }
    }

    /// CamelCase reason for a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "Invalid",
            Self::Exhausted(_) => "Exhausted",
            Self::Unauthorized(_) => "Unauthorized",
            Self::NameTaken { .. } => "ClusterNameTaken",
            Self::Throttled { .. } => "Throttled",
            Self::Unavailable { .. } => "ProviderUnavailable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_to_do_next() {
        let throttled = |after| Error::Throttled {
            after,
            message: String::new(),
        };
        let invalid = Error::Invalid {
            field: "spec.loadBalancerIP".into(),
            message: "is not in the pool".into(),
        };
        let second = Duration::from_secs(1);
        for (error, retry) in [
            (invalid, Retry::WhenChanged),
            (Error::Exhausted(String::new()), Retry::WhenChanged),
            (Error::Unauthorized(String::new()), Retry::BackOff),
            (throttled(None), Retry::BackOff),
            (throttled(Some(second)), Retry::After(second)),
            (Error::unavailable(""), Retry::BackOff),
        ] {
            assert_eq!(error.retry(), retry, "{error:?}");
        }
    }
}
