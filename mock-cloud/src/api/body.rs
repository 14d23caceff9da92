//! Reading what a request brings: ids in paths, JSON bodies, queries. What is of no use becomes a
//! problem that says where.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use landfall_mock_cloud_wire::{FieldError, code};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::Segment;

use super::LARGEST_BODY;
use super::problem::Refused;
use crate::id::Id;
use crate::specification::pointer;

/// The `{id}` of a path.
pub(super) struct PathId(pub(super) Id);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refused::bad_request(rejection.body_text()))?;
        text.parse()
            .map(Self)
            .map_err(|error| Refused::bad_request(format!("{text:?}: {error}")))
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        if !is_json(request.headers()) {
            return Err(Refused::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "Not JSON",
                "send the body with `Content-Type: application/json`",
            ));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(unreadable)?;
        parse(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

fn unreadable(rejection: BytesRejection) -> Refused {
    let text = rejection.body_text();
    if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
        Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            code::TOO_LARGE,
            "Body too large",
            format!("send at most {LARGEST_BODY} bytes"),
        )
    } else {
        Refused::bad_request(text)
    }
}

/// Reads a body; the first place that has the wrong shape is named.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    // serde would take an array for an object without names.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Refused::bad_fields(vec![FieldError {
            field: String::new(),
            message: "must be an object, and not an array".to_owned(),
        }]));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().clone();
        let error = error.into_inner();
        match error.classify() {
            Category::Data => Refused::bad_fields(vec![FieldError {
                field: pointer_to(&path),
                message: error.to_string(),
            }]),
            Category::Io | Category::Syntax | Category::Eof => malformed(&error),
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Refused {
    Refused::bad_request(format!("the body is not JSON: {error}"))
}

fn pointer_to(path: &serde_path_to_error::Path) -> String {
    let parts: Vec<String> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            // Names of variants are not part of the JSON's structure here, and what could not be
            // told is left out.
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    pointer(parts.iter().map(String::as_str))
}
