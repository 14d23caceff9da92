//! DELETE of one object and of a selection.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::call::Call;
use super::{body, json_response, read, value_response};
use crate::answer::ApiError;
use crate::registry::{self, DeleteOptions, Deleted, Propagation, Target};
use crate::resource::Kind;
use crate::store::{Object, Store};

pub(super) async fn one(store: &Arc<Store>, call: &Call, body: Body) -> Result<Response, ApiError> {
    if call.subresource.is_some() {
        return Err(ApiError::method_not_allowed());
    }
    let options = options(call, body).await?;
    let deleted = registry::delete(store, &call.target(), &options)?;
    let object = deleted.object();
    let whole = matches!(deleted, Deleted::Waiting(_))
        || matches!(call.resource.storage, Kind::Service | Kind::Pod);
    if whole {
        return read::one(call, object, StatusCode::OK);
    }
    Ok(value_response(StatusCode::OK, &success(call, object)))
}

pub(super) async fn collection(
    store: &Arc<Store>,
    call: &Call,
    body: Body,
) -> Result<Response, ApiError> {
    let options = options(call, body).await?;
    let selection = call.selection()?;
    let (found, revision) = {
        let state = store.lock();
        let found: Vec<Arc<Object>> = state
            .list(call.resource.storage, selection.namespace())
            .filter(|object| selection.matches(&object.value))
            .cloned()
            .collect();
        (found, state.revision())
    };
    for object in &found {
        match registry::delete(
            store,
            &Target::new(call.resource.clone(), object.key()),
            &options,
        ) {
            // Gone meanwhile is what was asked for.
            Err(error) if error.code != 404 => return Err(error),
            _ => {}
        }
    }
    let items: Vec<Value> = found
        .iter()
        .map(|object| registry::to_served(&call.resource, &object.value).into_owned())
        .collect();
    let list = json!({
        "kind": call.resource.list_kind,
        "apiVersion": call.resource.api_version(),
        "metadata": { "resourceVersion": revision.to_string() },
        "items": items,
    });
    Ok(json_response(StatusCode::OK, list.to_string()))
}

fn success(call: &Call, object: &Object) -> Value {
    let mut details = json!({
        "name": object.name(),
        "kind": call.resource.plural,
        "uid": object.uid(),
    });
    if !call.resource.group.is_empty() {
        details["group"] = json!(call.resource.group);
    }
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    })
}

/// The body's `DeleteOptions`, or the query's where there is no body.
async fn options(call: &Call, body: Body) -> Result<DeleteOptions, ApiError> {
    let bytes = body::read(body).await?;
    let value = if bytes.is_empty() {
        json!({
            "gracePeriodSeconds": call.query.number("gracePeriodSeconds")?,
            "propagationPolicy": call.query.get("propagationPolicy"),
        })
    } else {
        body::parse(call.header(&header::CONTENT_TYPE), &bytes)?.value
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let propagation = match value["propagationPolicy"].as_str() {
        None if value["orphanDependents"] == true => Some(Propagation::Orphan),
        None => None,
        Some("Background") => Some(Propagation::Background),
        Some("Foreground") => Some(Propagation::Foreground),
        Some("Orphan") => Some(Propagation::Orphan),
        Some(other) => {
            return Err(ApiError::unprocessable(format!(
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: {other:?}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            )));
        }
    };
    let dry_run = value["dryRun"]
        .as_array()
        .is_some_and(|list| list.iter().any(|stage| stage == "All"));
    Ok(DeleteOptions {
        dry_run: dry_run || call.query.dry_run()?,
        uid: text(&value["preconditions"]["uid"]),
        resource_version: text(&value["preconditions"]["resourceVersion"]),
        grace: value["gracePeriodSeconds"].as_i64(),
        propagation,
    })
}
