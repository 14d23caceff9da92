//! The query string, parsed once.

use http::Uri;

use crate::answer::ApiError;
use crate::registry::{FieldValidation, WriteOptions};

/// Name and value pairs, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(super) fn parse(uri: &Uri) -> Result<Self, ApiError> {
        let axum::extract::Query(pairs) =
            axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
                .map_err(|error| ApiError::bad_request(error.to_string()))?;
        Ok(Self { pairs })
    }

    /// The first value of a name; empty counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Whether a flag is set, in any of Go's spellings of true.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.boolean(name) == Some(true)
    }

    /// A flag that can also be absent.
    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name)
            .map(|value| matches!(value, "1" | "true" | "True" | "TRUE" | "t"))
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    ApiError::bad_request(format!("invalid value {text:?} of parameter {name}"))
                })
            })
            .transpose()
    }

    /// Whether everything but the storing is wanted.
    pub(super) fn dry_run(&self) -> Result<bool, ApiError> {
        match self.get("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => Err(ApiError::bad_request(format!(
                "dryRun: Unsupported value: {other:?}: supported values: \"All\""
            ))),
        }
    }

    /// What the parameters of a write say. The manager of a client that names none is the first
    /// part of its user agent, as on the real server.
    pub(super) fn write_options(&self, user_agent: &str) -> Result<WriteOptions, ApiError> {
        let validation = match self.get("fieldValidation") {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                return Err(ApiError::unprocessable(format!(
                    "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: {other:?}: supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""
                )));
            }
        };
        let agent = user_agent.split('/').next().unwrap_or_default();
        Ok(WriteOptions {
            dry_run: self.dry_run()?,
            manager: self.get("fieldManager").unwrap_or(agent).to_owned(),
            validation,
            force: self.flag("force"),
        })
    }
}
