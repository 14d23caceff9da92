//! Calls that failed, and what they mean for a Service. Pure: time is an argument.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use landfall_mock_cloud_wire::{Problem, code};
use landfall_provider_api::Error;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::trouble::{self, Asked};

/// Characters of a body without a problem that are shown.
const SHOWN: usize = 200;

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server said no.
    Refused {
        asked: Asked,
        status: StatusCode,
        retry_after: Option<Duration>,
        /// `None` if what it said was no problem document.
        problem: Option<Box<Problem>>,
        /// The beginning of what it said.
        said: String,
    },
    /// Whether the call had an effect is not known.
    Lost {
        /// What was tried, on what, and what came back.
        message: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Failure {
    pub(crate) fn refused(
        asked: Asked,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let retry_after = headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| parse_retry_after(value, Timestamp::now()));
        Self::Refused {
            asked,
            status,
            retry_after,
            problem: serde_json::from_slice(body).ok(),
            said: String::from_utf8_lossy(body).chars().take(SHOWN).collect(),
        }
    }

    pub(crate) fn lost(
        message: String,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Lost {
            message,
            source: Box::new(source),
        }
    }

    /// The code of the problem, if the server told one.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused {
                problem: Some(problem),
                ..
            } => Some(problem.code()),
            _ => None,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::Lost { .. } => None,
        }
    }

    /// What it means for a Service. `field` names the field of the Service that a pointer into the
    /// body comes from.
    pub(crate) fn into_error(self, field: impl Fn(&str) -> String) -> Error {
        let (asked, status, retry_after, problem, said) = match self {
            Self::Lost { message, source } => {
                return Error::Unavailable {
                    message,
                    source: Some(source),
                };
            }
            Self::Refused {
                asked,
                status,
                retry_after,
                problem,
                said,
            } => (asked, status, retry_after, problem, said),
        };
        let detail = problem
            .as_ref()
            .map_or(said.as_str(), |p| p.detail.as_str());
        let message = trouble::refused(&asked, status, detail, problem.is_some());
        match (status, problem) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Error::Unauthorized(message),
            (StatusCode::TOO_MANY_REQUESTS, _) => Error::Throttled {
                after: retry_after,
                message,
            },
            (StatusCode::SERVICE_UNAVAILABLE, _) if retry_after.is_some() => Error::Throttled {
                after: retry_after,
                message,
            },
            (StatusCode::CONFLICT, Some(problem))
                if [code::POOL_EXHAUSTED, code::QUOTA_EXCEEDED].contains(&problem.code()) =>
            {
                Error::Exhausted(problem.detail)
            }
            (
                StatusCode::BAD_REQUEST
                | StatusCode::CONFLICT
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY,
                Some(problem),
            ) => invalid(*problem, field),
            _ => Error::unavailable(message),
        }
    }
}

fn invalid(problem: Problem, field: impl Fn(&str) -> String) -> Error {
    let Problem { detail, errors, .. } = problem;
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else {
        return Error::Invalid {
            field: field(""),
            message: detail,
        };
    };
    let others = errors.map(|error| format!("; {}: {}", field(&error.field), error.message));
    Error::Invalid {
        field: field(&first.field),
        message: first.message + &others.collect::<String>(),
    }
}

/// Seconds or a date (RFC 9110 §10.2.3); nothing if it is neither.
fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use landfall_mock_cloud_wire::FieldError;

    use super::*;

    fn error(status: u16, retry_after: Option<&str>, body: &str) -> Error {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, value.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let asked = Asked {
            cloud: "http://cloud".to_owned(),
            call: "PUT /v1/load-balancers/a".to_owned(),
        };
        Failure::refused(asked, status, &headers, body.as_bytes())
            .into_error(|pointer| format!("spec{pointer}"))
    }

    fn problem(status: u16, code: &str) -> String {
        serde_json::to_string(&Problem::new(status, code, "", "because")).unwrap()
    }

    #[test]
    fn every_refusal_says_what_to_do_next() {
        for (status, retry_after, body, reason) in [
            (401, None, problem(401, code::UNAUTHORIZED), "Unauthorized"),
            (403, None, "<html>".into(), "Unauthorized"),
            (429, None, String::new(), "Throttled"),
            (429, Some("7"), String::new(), "Throttled"),
            (503, Some("7"), String::new(), "Throttled"),
            (503, None, String::new(), "ProviderUnavailable"),
            (503, Some("soon"), String::new(), "ProviderUnavailable"),
            (500, Some("7"), String::new(), "ProviderUnavailable"),
            (502, None, problem(502, "x"), "ProviderUnavailable"),
            (409, None, problem(409, code::POOL_EXHAUSTED), "Exhausted"),
            (409, None, problem(409, code::QUOTA_EXCEEDED), "Exhausted"),
            (409, None, problem(409, code::ADDRESS_TAKEN), "Invalid"),
            (409, None, "taken".into(), "ProviderUnavailable"),
            (400, None, problem(400, code::INVALID), "Invalid"),
            (413, None, problem(413, code::TOO_LARGE), "Invalid"),
            (
                404,
                None,
                problem(404, "no-such-path"),
                "ProviderUnavailable",
            ),
            (301, None, String::new(), "ProviderUnavailable"),
        ] {
            let found = error(status, retry_after, &body);
            assert_eq!(found.reason(), reason, "{status} {body}: {found}");
        }
    }

    #[test]
    fn a_message_says_what_came_back_from_where_and_what_to_do() {
        for (status, body, expected) in [
            (
                500,
                "<h1>oops</h1>".to_owned(),
                "the mock cloud at http://cloud answered 500 Internal Server Error to PUT \
                 /v1/load-balancers/a: <h1>oops</h1>",
            ),
            (
                404,
                "not found".to_owned(),
                "the mock cloud at http://cloud answered 404 Not Found to PUT \
                 /v1/load-balancers/a: not found; is `url` that of a mock cloud?",
            ),
            (
                401,
                problem(401, code::UNAUTHORIZED),
                "the mock cloud at http://cloud rejects the token (401 Unauthorized: because); \
                 `tokenFile`, which is read at the start, must hold the token that the mock cloud \
                 was given as --token-file",
            ),
        ] {
            assert_eq!(error(status, None, &body).to_string(), expected);
        }
        let long = error(500, None, &"x".repeat(10_000)).to_string();
        assert!(long.len() < 500);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let errors = ["/a", "/b"].map(|field| FieldError {
            field: field.into(),
            message: "is wrong".into(),
        });
        let problem = Problem::new(400, code::INVALID, "", "").at(errors.into());
        let found = error(400, None, &serde_json::to_string(&problem).unwrap());
        assert_eq!(found.to_string(), "spec/a: is wrong; spec/b: is wrong");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(parse_retry_after(value, now), expected, "{value}");
        }
    }
}
