//! `/admin`: what was called, and what is to go wrong.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode};
use landfall_mock_cloud_wire::{FieldError, Interval};
use serde::Deserialize;

use super::Api;
use super::body::Body;
use super::problem::{Problems, Refused};
use crate::book::Quota;
use crate::faults::{Fault, FaultList, FaultRule};
use crate::journal::{CallFilter, CallList};
use crate::operation::Operation;
use crate::token::Token;

/// Which calls are asked for; all must match.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CallQuery {
    /// Only calls of this operation.
    operation: Option<Operation>,
    /// Only calls that named this load balancer.
    id: Option<String>,
    /// Only calls that came in after the one with this sequence number.
    #[serde(default)]
    after: u64,
}

/// Tells which calls came in, in their order. Calls under `/admin` do not count.
#[utoipa::path(
    get, path = "/admin/calls", operation_id = "ListCalls", params(CallQuery),
    responses((status = 200, body = CallList, description = "Those asked for."), Problems),
)]
pub(super) async fn calls(
    State(api): State<Api>,
    query: Result<Query<CallQuery>, QueryRejection>,
) -> Result<Json<CallList>, Refused> {
    let Query(query) = query.map_err(|rejection| Refused::bad_request(rejection.body_text()))?;
    let filter = CallFilter {
        operation: query.operation,
        id: query.id,
        after: query.after,
    };
    Ok(Json(api.desk.calls(filter).await?))
}

/// Forgets all calls.
#[utoipa::path(
    delete, path = "/admin/calls", operation_id = "ForgetCalls",
    responses((status = 204, description = "All are forgotten."), Problems),
)]
pub(super) async fn forget_calls(State(api): State<Api>) -> Result<StatusCode, Refused> {
    api.desk.forget_calls().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Orders that calls go wrong.
#[utoipa::path(
    post, path = "/admin/faults", operation_id = "AddFault", request_body = FaultRule,
    responses((status = 201, body = FaultRule, description = "It is in force."), Problems),
)]
pub(super) async fn add_fault(
    State(api): State<Api>,
    Body(rule): Body<FaultRule>,
) -> Result<(StatusCode, Json<FaultRule>), Refused> {
    let errors = errors(&rule.fault);
    if !errors.is_empty() {
        return Err(Refused::bad_fields(errors));
    }
    if matches!(rule.fault, Fault::StaleReads {}) {
        let now = api.cloud.list(Vec::new()).await?;
        api.stale.send_replace(now.into());
    }
    api.desk.add_fault(rule.clone()).await?;
    if matches!(rule.fault, Fault::Outage {}) {
        api.cloud.end_streams().await?;
    }
    Ok((StatusCode::CREATED, Json(rule)))
}

fn errors(fault: &Fault) -> Vec<FieldError> {
    let Fault::Error {
        status,
        retry_after,
        ..
    } = fault
    else {
        return Vec::new();
    };
    let error = |field: &str, message: &str| FieldError {
        field: field.to_owned(),
        message: message.to_owned(),
    };
    let status =
        (!(400..=599).contains(status)).then(|| error("/fault/status", "must be 400 to 599"));
    let unfit = |value: &String| HeaderValue::from_str(value).is_err();
    let retry_after = retry_after
        .as_ref()
        .is_some_and(unfit)
        .then(|| error("/fault/retryAfter", "must be what an HTTP header can hold"));
    status.into_iter().chain(retry_after).collect()
}

/// Tells which faults are in force.
#[utoipa::path(
    get, path = "/admin/faults", operation_id = "ListFaults",
    responses((status = 200, body = FaultList, description = "Oldest first."), Problems),
)]
pub(super) async fn faults(State(api): State<Api>) -> Result<Json<FaultList>, Refused> {
    Ok(Json(api.desk.faults().await?))
}

/// Ends all faults.
#[utoipa::path(
    delete, path = "/admin/faults", operation_id = "ClearFaults",
    responses((status = 204, description = "None is in force."), Problems),
)]
pub(super) async fn clear_faults(State(api): State<Api>) -> Result<StatusCode, Refused> {
    api.desk.clear_faults().await?;
    api.cleared.send_replace(());
    Ok(StatusCode::NO_CONTENT)
}

/// Sets what there may be at most from now on. What is there stays.
#[utoipa::path(
    put, path = "/admin/quota", operation_id = "SetQuota", request_body = Quota,
    responses((status = 204, description = "It is in force."), Problems),
)]
pub(super) async fn set_quota(
    State(api): State<Api>,
    Body(quota): Body<Quota>,
) -> Result<StatusCode, Refused> {
    api.cloud.set_quota(quota).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How long it takes to provision a load balancer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Provisioning {
    /// Time until a new load balancer has its address and listens.
    duration: Interval,
}

/// Sets how long it takes from now on until a new load balancer is there.
#[utoipa::path(
    put, path = "/admin/provisioning", operation_id = "SetProvisioning",
    request_body = Provisioning,
    responses((status = 204, description = "It is in force."), Problems),
)]
pub(super) async fn set_provisioning(
    State(api): State<Api>,
    Body(provisioning): Body<Provisioning>,
) -> Result<StatusCode, Refused> {
    api.cloud.set_provisioning(provisioning.duration.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A bearer token.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// The secret.
    token: String,
}

/// Exchanges the token of the API; the one before is not taken any more.
#[utoipa::path(
    put, path = "/admin/token", operation_id = "SetToken", request_body = NewToken,
    responses((status = 204, description = "It is in force."), Problems),
)]
pub(super) async fn set_token(
    State(api): State<Api>,
    Body(new): Body<NewToken>,
) -> Result<StatusCode, Refused> {
    api.token.send_replace(Token::new(new.token));
    Ok(StatusCode::NO_CONTENT)
}

/// Lets the token of the API expire: none is taken until another is set. Streams of changes end.
#[utoipa::path(
    delete, path = "/admin/token", operation_id = "ExpireToken",
    responses((status = 204, description = "It has expired."), Problems),
)]
pub(super) async fn expire_token(State(api): State<Api>) -> Result<StatusCode, Refused> {
    api.token.send_replace(Token::new(String::new()));
    api.cloud.end_streams().await?;
    Ok(StatusCode::NO_CONTENT)
}
