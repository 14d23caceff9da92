//! Reading the conditions that a request sets.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, header};

use super::problem::Refused;
use crate::precondition::Precondition;

/// `If-Match` and `If-None-Match`.
pub(super) struct Conditions(pub(super) Precondition);

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let value = |name: &HeaderName| match parts.headers.get(name).map(|value| value.to_str()) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(Refused::bad_request(format!("`{name}` is not text"))),
        };
        Precondition::parse(value(&header::IF_MATCH)?, value(&header::IF_NONE_MATCH)?)
            .map(Self)
            .map_err(|error| Refused::bad_request(error.to_string()))
    }
}
