//! POST, PUT and PATCH: bodies in, `registry` does it, the object out.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{StatusCode, header};
use serde_json::Value;

use super::body::{self, Parsed};
use super::call::Call;
use super::{read, with_warnings};
use crate::answer::ApiError;
use crate::patch::{Operation, Patch};
use crate::registry::{self, FieldValidation, Intent, WriteOptions, Written};
use crate::resource::{Kind, Subresource};
use crate::store::Store;

const STRATEGIC: &str = "application/strategic-merge-patch+json";
const PATCH_TYPES: [&str; 4] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    STRATEGIC,
    "application/apply-patch+yaml",
];

pub(super) async fn create(
    store: &Arc<Store>,
    call: &Call,
    body: Body,
) -> Result<Response, ApiError> {
    match call.subresource {
        Some(Subresource::Binding) => return bind(store, call, body).await,
        Some(_) => return Err(ApiError::method_not_allowed()),
        None if call.name.is_some() => return Err(ApiError::method_not_allowed()),
        None => {}
    }
    let (value, options, warnings) = input(call, body).await?;
    let written = registry::create(store, &call.target(), value, Operation::Update, &options)?;
    respond(call, &written, warnings)
}

pub(super) async fn replace(
    store: &Arc<Store>,
    call: &Call,
    body: Body,
) -> Result<Response, ApiError> {
    let (value, options, warnings) = input(call, body).await?;
    if !value.is_object() {
        return Err(ApiError::bad_request("the body is not an object"));
    }
    let written = registry::update(store, &call.target(), Intent::Replace(value), &options)?;
    respond(call, &written, warnings)
}

pub(super) async fn patch(
    store: &Arc<Store>,
    call: &Call,
    body: Body,
) -> Result<Response, ApiError> {
    if call.subresource == Some(Subresource::Binding) {
        return Err(ApiError::method_not_allowed());
    }
    let options = call.write_options()?;
    let (patch, parsed_duplicates) = read_patch(call, body).await?;
    let warnings = duplicates(&options, &parsed_duplicates)?;
    if matches!(patch, Patch::Apply(_)) {
        if call.query.get("fieldManager").is_none() {
            return Err(ApiError::unprocessable(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ));
        }
    } else if options.force {
        return Err(ApiError::unprocessable(
            "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch",
        ));
    }
    let written = registry::update(store, &call.target(), Intent::Patch(&patch), &options)?;
    respond(call, &written, warnings)
}

/// Reads the patch that the content type announces.
pub(super) async fn read_patch(call: &Call, body: Body) -> Result<(Patch, Vec<String>), ApiError> {
    let kind = body::media_type(call.header(&header::CONTENT_TYPE)).to_owned();
    // Nobody wrote down how elements of custom lists are merged by a strategic patch.
    let supported: Vec<&str> = PATCH_TYPES
        .into_iter()
        .filter(|kind| call.resource.custom.is_none() || *kind != STRATEGIC)
        .collect();
    if !supported.contains(&kind.as_str()) {
        return Err(ApiError::unsupported_media_type(&supported));
    }
    let bytes = body::read(body).await?;
    let Parsed { value, duplicates } = if kind == "application/apply-patch+yaml" {
        body::yaml(&bytes)?
    } else {
        body::json(&bytes)?
    };
    let patch = match (kind.as_str(), value) {
        ("application/json-patch+json", Value::Array(operations)) => Patch::Json(operations),
        ("application/merge-patch+json", value @ Value::Object(_)) => Patch::Merge(value),
        (STRATEGIC, value @ Value::Object(_)) => Patch::Strategic(value),
        ("application/apply-patch+yaml", value @ Value::Object(_)) => Patch::Apply(value),
        _ => {
            return Err(ApiError::bad_request(format!(
                "error decoding patch: the body of a {kind} has the wrong type"
            )));
        }
    };
    Ok((patch, duplicates))
}

async fn input(call: &Call, body: Body) -> Result<(Value, WriteOptions, Vec<String>), ApiError> {
    let options = call.write_options()?;
    let content_type = call.header(&header::CONTENT_TYPE);
    // Refused before the body is read, and for protobuf without trying to parse it.
    let bytes = body::read(body).await?;
    let parsed = body::parse(content_type, &bytes)?;
    let warnings = duplicates(&options, &parsed.duplicates)?;
    Ok((parsed.value, options, warnings))
}

fn duplicates(options: &WriteOptions, paths: &[String]) -> Result<Vec<String>, ApiError> {
    let faults: Vec<String> = paths
        .iter()
        .map(|path| format!("duplicate field {path:?}"))
        .collect();
    match options.validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Strict if !faults.is_empty() => Err(ApiError::bad_request(format!(
            "strict decoding error: {}",
            faults.join(", ")
        ))),
        _ => Ok(faults),
    }
}

fn respond(
    call: &Call,
    written: &Written,
    mut warnings: Vec<String>,
) -> Result<Response, ApiError> {
    warnings.extend(written.warnings.iter().cloned());
    let status = if written.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(with_warnings(
        read::one(call, &written.object, status)?,
        &warnings,
    ))
}

/// `POST pods/x/binding`: the scheduler's way to put a Pod on a node.
async fn bind(store: &Arc<Store>, call: &Call, body: Body) -> Result<Response, ApiError> {
    let (binding, options, _) = input(call, body).await?;
    let node = binding["target"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut target = call.target();
    target.subresource = None;
    let current = store.lock().get(Kind::Pod, &target.key).cloned();
    let bound = current
        .as_ref()
        .and_then(|pod| pod.value["spec"]["nodeName"].as_str().map(str::to_owned));
    if let Some(bound) = bound {
        let why = format!(
            "pod {} is already assigned to node {bound:?}",
            target.key.name
        );
        return Err(ApiError::conflict(&call.resource, &target.key.name, &why));
    }
    registry::bind(store, &target, &node, &options)?;
    Ok(super::value_response(
        StatusCode::CREATED,
        &serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
        }),
    ))
}
