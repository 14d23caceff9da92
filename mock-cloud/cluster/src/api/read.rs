//! GET of one object, and how single objects are written into any response.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::accept::Format;
use super::call::Call;
use super::{json_response, value_response};
use crate::answer::ApiError;
use crate::registry::to_served;
use crate::resource::{Resource, Subresource};
use crate::store::{Object, Store};
use crate::tables::{self, Include};

pub(super) fn get(store: &Arc<Store>, call: &Call) -> Result<Response, ApiError> {
    if matches!(
        call.subresource,
        Some(Subresource::Binding | Subresource::Finalize)
    ) {
        return Err(ApiError::method_not_allowed());
    }
    let target = call.target();
    let found = store
        .lock()
        .get(call.resource.storage, &target.key)
        .cloned();
    let object = found.ok_or_else(|| ApiError::not_found(&call.resource, &target.key.name))?;
    one(call, &object, StatusCode::OK)
}

/// One object as the whole response.
pub(super) fn one(call: &Call, object: &Object, status: StatusCode) -> Result<Response, ApiError> {
    let value = match Format::negotiate(call.header(&header::ACCEPT))? {
        Format::Json => return Ok(json_response(status, json_body(&call.resource, object))),
        Format::Metadata => metadata_only(&object.value),
        Format::Table => {
            let include = Include::parse(call.query.get("includeObject"));
            let served = to_served(&call.resource, &object.value);
            tables::table(
                &call.resource,
                std::iter::once(&*served),
                include,
                &json!({ "resourceVersion": object.revision.to_string() }),
                true,
            )
        }
    };
    Ok(value_response(status, &value))
}

fn json_body(resource: &Resource, object: &Object) -> Body {
    Body::from(object_json(resource, object))
}

/// An object's JSON as a resource serves it.
pub(super) fn object_json(resource: &Resource, object: &Object) -> bytes::Bytes {
    match to_served(resource, &object.value) {
        std::borrow::Cow::Borrowed(_) => object.json(),
        std::borrow::Cow::Owned(value) => value.to_string().into(),
    }
}

/// `PartialObjectMetadata` of an object.
pub(super) fn metadata_only(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}
