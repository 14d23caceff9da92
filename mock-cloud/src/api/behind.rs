//! `/admin/load-balancers`: changes behind the client's back.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use landfall_mock_cloud_wire::{FieldError, LoadBalancer, LoadBalancerSpec, Problem};
use serde::Deserialize;
use serde_json::Value;

use super::Api;
use super::body::{Body, PathId};
use super::load_balancers::check;
use super::problem::{Problems, Refused};

/// How it is done.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    /// Whether the stream of changes stays silent about it.
    #[serde(default)]
    quietly: bool,
}

/// Alters a load balancer behind its client's back: what a PUT says, as a merge patch (RFC 7396).
/// The journal does not tell of it.
#[utoipa::path(
    patch, path = "/admin/load-balancers/{id}", operation_id = "AlterLoadBalancer",
    params(("id" = String, Path, description = "The client's name for it."), How),
    request_body = Value,
    responses(
        (status = 200, body = LoadBalancer, description = "As it is now."),
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "There is none."),
        Problems,
    ),
)]
pub(super) async fn alter(
    State(api): State<Api>,
    PathId(id): PathId,
    how: Result<Query<How>, QueryRejection>,
    Body(patch): Body<Value>,
) -> Result<Json<LoadBalancer>, Refused> {
    let Query(how) = how.map_err(|rejection| Refused::bad_request(rejection.body_text()))?;
    let before = LoadBalancerSpec::from(api.cloud.get(id.clone()).await?);
    let mut after = serde_json::to_value(before)
        .expect("a specification is maps with text keys, which JSON can hold");
    merge(&mut after, patch);
    let spec: LoadBalancerSpec = serde_json::from_value(after).map_err(|error| {
        Refused::bad_fields(vec![FieldError {
            field: String::new(),
            message: error.to_string(),
        }])
    })?;
    check(&spec)?;
    Ok(Json(api.cloud.alter(id, spec, how.quietly).await?))
}

/// Deletes a load balancer behind its client's back. The journal does not tell of it.
#[utoipa::path(
    delete, path = "/admin/load-balancers/{id}", operation_id = "RemoveLoadBalancer",
    params(("id" = String, Path, description = "The client's name for it."), How),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "There was none."),
        Problems,
    ),
)]
pub(super) async fn remove(
    State(api): State<Api>,
    PathId(id): PathId,
    how: Result<Query<How>, QueryRejection>,
) -> Result<StatusCode, Refused> {
    let Query(how) = how.map_err(|rejection| Refused::bad_request(rejection.body_text()))?;
    api.cloud.remove(id, how.quietly).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// RFC 7396 §2.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merge;

    #[test]
    fn a_merge_patch_replaces_adds_and_removes() {
        let mut target = json!({"a": "b", "c": {"d": "e", "f": "g"}, "h": [1, 2]});
        merge(
            &mut target,
            json!({"a": "z", "c": {"f": null}, "h": [3], "i": {"j": null}}),
        );
        assert_eq!(
            target,
            json!({"a": "z", "c": {"d": "e"}, "h": [3], "i": {}})
        );
    }
}
