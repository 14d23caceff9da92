//! What a write does: decode, identity, defaults, validation, allocation, comparison, storing.
//! One path for HTTP requests and for the controllers of this crate. It knows no HTTP beyond the
//! codes of its refusals, and each write is one critical section of the store's lock.

mod create;
mod definitions;
mod delete;
mod deployments;
mod endpoint_slices;
mod events;
mod metadata;
mod pods;
mod secrets;
mod strategy;
mod update;

use std::sync::Arc;

use serde_json::Value;

pub(crate) use self::create::create;
pub(crate) use self::delete::{DeleteOptions, Deleted, Propagation, delete};
pub(crate) use self::events::{to_served, to_stored};
pub(crate) use self::pods::{bind, set_condition};
pub(crate) use self::update::{Intent, update};
use crate::answer::ApiError;
use crate::patch::Patch;
use crate::resource::{Resource, Subresource};
use crate::schema::{self, Shape};
use crate::store::{Key, Object};

/// What to do about unknown and duplicate fields (`fieldValidation`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// Drop them silently.
    Ignore,
    /// Drop them and say so in a Warning header.
    #[default]
    Warn,
    /// Refuse them.
    Strict,
}

/// How a write is meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteOptions {
    /// Do everything but store.
    pub(crate) dry_run: bool,
    /// Who writes.
    pub(crate) manager: String,
    /// Unknown fields.
    pub(crate) validation: FieldValidation,
    /// Whether an apply may take fields from others.
    pub(crate) force: bool,
}

impl WriteOptions {
    /// For a controller of this crate.
    pub(crate) fn internal(manager: &str) -> Self {
        Self {
            manager: manager.to_owned(),
            ..Self::default()
        }
    }
}

/// What a write is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The resource that it came through.
    pub(crate) resource: Arc<Resource>,
    /// Namespace (or empty) and name (empty for a create).
    pub(crate) key: Key,
    /// Part of the object.
    pub(crate) subresource: Option<Subresource>,
}

impl Target {
    /// The main resource of one object.
    pub(crate) fn new(resource: Arc<Resource>, key: Key) -> Self {
        Self {
            resource,
            key,
            subresource: None,
        }
    }

    /// The same object through a sub-resource.
    pub(crate) fn through(mut self, subresource: Subresource) -> Self {
        self.subresource = Some(subresource);
        self
    }
}

/// What came of a write.
#[derive(Debug)]
pub(crate) struct Written {
    /// The object, in its stored form.
    pub(crate) object: Arc<Object>,
    /// Whether it is new.
    pub(crate) created: bool,
    /// For Warning headers.
    pub(crate) warnings: Vec<String>,
}

/// Where a body came from, which decides how its faults are told.
#[derive(Clone, Copy, Debug)]
enum Origin<'a> {
    Body,
    Patch(&'a Patch),
}

/// Decodes a served object; returns warnings about fields that it dropped.
fn decode(
    shape: Shape<'_>,
    value: &mut Value,
    validation: FieldValidation,
    origin: Origin<'_>,
) -> Result<Vec<String>, ApiError> {
    let refused = |why: &str| match origin {
        Origin::Patch(patch) => ApiError::invalid_patch(&patch.body(), why),
        Origin::Body => {
            let (kind, version) = shape.name();
            ApiError::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a {kind}: {why}"
            ))
        }
    };
    if !value.is_object() {
        return Err(refused("json: cannot unmarshal into an object"));
    }
    let unknown = schema::prune(shape, value).map_err(|why| refused(&why))?;
    let faults: Vec<String> = unknown
        .iter()
        .map(|path| format!("unknown field {path:?}"))
        .collect();
    match validation {
        FieldValidation::Strict if !faults.is_empty() => Err(refused(&format!(
            "strict decoding error: {}",
            faults.join(", ")
        ))),
        FieldValidation::Warn => Ok(faults),
        _ => Ok(Vec::new()),
    }
}

/// Now, as RFC 3339 in UTC with whole seconds (`metav1.Time`).
pub(crate) fn now() -> String {
    timestamp(0)
}

/// Some seconds from now.
pub(crate) fn timestamp(seconds: i64) -> String {
    let second = jiff::Timestamp::now().as_second() + seconds;
    jiff::Timestamp::from_second(second)
        .expect("a time this century is in range")
        .to_string()
}
