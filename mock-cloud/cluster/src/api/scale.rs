//! `/scale`: autoscaling/v1 Scale as a view on `spec.replicas` of a Deployment.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::{body, value_response, write};
use crate::answer::{ApiError, FieldError};
use crate::patch::Patch;
use crate::registry::{self, Intent};
use crate::schema::{self, Shape};
use crate::selector::selector_text;
use crate::store::{Object, Store};

pub(super) async fn scale(
    store: &Arc<Store>,
    call: &Call,
    body: Body,
) -> Result<Response, ApiError> {
    let target = call.target();
    let found = || {
        let state = store.lock();
        state.get(call.resource.storage, &target.key).cloned()
    };
    let current = found().ok_or_else(|| ApiError::not_found(&call.resource, &target.key.name))?;
    let wanted = match call.method {
        Method::GET => return Ok(value_response(StatusCode::OK, &view(&current))),
        Method::PUT => {
            let bytes = body::read(body).await?;
            body::parse(call.header(&http::header::CONTENT_TYPE), &bytes)?.value
        }
        Method::PATCH => match write::read_patch(call, body).await?.0 {
            Patch::Apply(config) => config,
            patch => patch.patched(&call.resource, &view(&current))?,
        },
        _ => return Err(ApiError::method_not_allowed()),
    };
    let replicas = replicas(call, wanted, &current)?;
    let options = call.write_options()?;
    let change = |object: &mut Value| object["spec"]["replicas"] = json!(replicas);
    let mut main = target;
    main.subresource = None;
    let written = registry::update(store, &main, Intent::Change(&change), &options)?;
    Ok(value_response(StatusCode::OK, &view(&written.object)))
}

fn replicas(call: &Call, mut wanted: Value, current: &Object) -> Result<i64, ApiError> {
    schema::prune(Shape::Scale, &mut wanted)
        .map_err(|why| ApiError::bad_request(format!("Scale cannot be handled: {why}")))?;
    let version = wanted["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    if !version.is_empty() && version != current.revision.to_string() {
        return Err(ApiError::modified(&call.resource, current.name()));
    }
    let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or_default();
    if replicas < 0 {
        let fault = FieldError::invalid(
            "spec.replicas",
            replicas,
            "must be greater than or equal to 0",
        );
        return Err(ApiError::invalid(&call.resource, current.name(), &[fault]));
    }
    Ok(replicas)
}

fn view(object: &Object) -> Value {
    let (metadata, value) = (&object.value["metadata"], &object.value);
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": { "replicas": value["spec"]["replicas"].as_i64().unwrap_or_default() },
        "status": {
            "replicas": value["status"]["replicas"].as_i64().unwrap_or_default(),
            "selector": selector_text(&value["spec"]["selector"]),
        },
    })
}
