//! Answers that are not a success.

use std::time::{Duration, Instant};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use landfall_mock_cloud_wire::{FieldError, PROBLEM_TYPE, Problem, code};

use super::attend::Outcome;
use crate::book;
use crate::cloud;
use crate::desk::Closed;
use crate::specification::pointer;

/// A call that is answered with a problem document.
#[derive(Debug)]
pub(super) struct Refused {
    problem: Box<Problem>,
    retry_after: Option<HeaderValue>,
}

/// The problems that any call may be answered with, for the description of the API.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "it only describes; answers are made by Refused")]
pub(super) enum Problems {
    /// The path, the query or the body is not valid; `errors` names every field.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
    /// No bearer token, or not the right one.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The mock cloud is about to stop, or a fault was ordered.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

impl Refused {
    pub(super) fn new(
        status: StatusCode,
        code: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            problem: Box::new(Problem::new(status.as_u16(), code, title, detail)),
            retry_after: None,
        }
    }

    /// The path or the query is of no use.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            code::INVALID,
            "Not a valid call",
            detail,
        )
    }

    /// Parts of the body are of no use; at least one is named.
    pub(super) fn bad_fields(errors: Vec<FieldError>) -> Self {
        let text = |error: &FieldError| format!("{} {}", error.field, error.message);
        let detail = errors.iter().map(text).collect::<Vec<_>>().join("; ");
        let mut refused = Self::bad_request(detail);
        refused.problem = Box::new(refused.problem.at(errors));
        refused
    }

    /// The token is missing or wrong. `which` token the path needs.
    pub(super) fn unauthorized(which: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            code::UNAUTHORIZED,
            "Not authorized",
            format!("send the {which} as `Authorization: Bearer TOKEN`"),
        )
    }

    /// What stands in `Retry-After`, word for word.
    #[must_use]
    pub(super) fn retry_after(mut self, value: Option<HeaderValue>) -> Self {
        self.retry_after = value;
        self
    }

    fn stopping() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::STOPPING,
            "Stopping",
            Closed.to_string(),
        )
    }

    fn conflict(code: &str, title: &str, refusal: &book::Refusal) -> Self {
        Self::new(StatusCode::CONFLICT, code, title, refusal.to_string())
    }

    fn at_requested_address(mut self, index: usize) -> Self {
        let error = FieldError {
            field: pointer(["requestedAddresses", &index.to_string()]),
            message: self.problem.detail.clone(),
        };
        self.problem = Box::new(self.problem.at(vec![error]));
        self
    }
}

impl From<Closed> for Refused {
    fn from(_: Closed) -> Self {
        Self::stopping()
    }
}

impl From<cloud::Error> for Refused {
    fn from(error: cloud::Error) -> Self {
        match error {
            cloud::Error::Refused(refusal) => refusal.into(),
            cloud::Error::Stopping => Self::stopping(),
            cloud::Error::Precondition { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                code::PRECONDITION_FAILED,
                "Not as the client thinks",
                error.to_string(),
            ),
            cloud::Error::NotFound(_) => Self::new(
                StatusCode::NOT_FOUND,
                code::NOT_FOUND,
                "No such load balancer",
                error.to_string(),
            ),
        }
    }
}

impl From<book::Refusal> for Refused {
    fn from(refusal: book::Refusal) -> Self {
        use book::Refusal;
        match refusal {
            Refusal::PoolExhausted { free_at, .. } => {
                Self::conflict(code::POOL_EXHAUSTED, "Pool exhausted", &refusal)
                    .retry_after(free_at.map(seconds_until))
            }
            Refusal::OutsidePool { index, .. } => {
                Self::bad_request(refusal.to_string()).at_requested_address(index)
            }
            Refusal::Taken { index, free_at, .. } => {
                Self::conflict(code::ADDRESS_TAKEN, "Address taken", &refusal)
                    .retry_after(free_at.map(seconds_until))
                    .at_requested_address(index)
            }
            Refusal::NoFamily { index, .. } => {
                let error = FieldError {
                    field: pointer(["families", &index.to_string()]),
                    message: refusal.to_string(),
                };
                Self::bad_fields(vec![error])
            }
            Refusal::Quota { .. } => {
                Self::conflict(code::QUOTA_EXCEEDED, "Quota used up", &refusal)
            }
            Refusal::Fixed { index, .. } => {
                Self::conflict(code::ADDRESS_FIXED, "Address fixed", &refusal)
                    .at_requested_address(index)
            }
        }
    }
}

/// `Retry-After` in whole seconds (RFC 9110 §10.2.3), never too early.
fn seconds_until(time: Instant) -> HeaderValue {
    let left = time.saturating_duration_since(Instant::now()) + Duration::from_secs(1);
    HeaderValue::from(left.as_secs())
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status)
            .expect("a problem is made from a status or from a fault, whose status was checked");
        let outcome = Extension(Outcome(self.problem.code().to_owned()));
        let mut response = (status, outcome, Json(self.problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        if let Some(retry_after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, retry_after);
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"mock-cloud\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
