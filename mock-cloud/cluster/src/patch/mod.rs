//! The four kinds of PATCH, as functions from a stored object to the wanted one. They know the
//! shape of lists from `schema`; they never store, default or validate.

mod apply;
mod json;
mod managers;
mod strategic;

use serde_json::Value;

pub(crate) use self::apply::{apply, relevant};
pub(crate) use self::managers::{Manager, Managers, Operation};
use crate::answer::ApiError;
use crate::resource::Resource;
use crate::schema::Place;

/// A parsed patch body.
#[derive(Debug, Clone)]
pub(crate) enum Patch {
    /// RFC 6902.
    Json(Vec<Value>),
    /// RFC 7386.
    Merge(Value),
    /// Kubernetes' merge by key.
    Strategic(Value),
    /// Server-side apply.
    Apply(Value),
}

impl Patch {
    /// The object that this patch makes of `current`. An apply is not made here: it needs the
    /// field managers.
    pub(crate) fn patched(&self, resource: &Resource, current: &Value) -> Result<Value, ApiError> {
        let mut object = current.clone();
        match self {
            Self::Json(operations) => json::patch(&mut object, operations)?,
            Self::Merge(patch) => json_patch::merge(&mut object, patch),
            Self::Strategic(patch) => {
                strategic::merge(&mut object, patch, &Place::root(resource))?;
                // The real server merges into a typed object, whose type is not for a patch to say.
                for field in ["apiVersion", "kind"] {
                    object[field] = current[field].clone();
                }
            }
            Self::Apply(_) => {}
        }
        Ok(object)
    }

    /// The body, for messages.
    pub(crate) fn body(&self) -> Value {
        match self {
            Self::Json(operations) => Value::Array(operations.clone()),
            Self::Merge(body) | Self::Strategic(body) | Self::Apply(body) => body.clone(),
        }
    }
}
