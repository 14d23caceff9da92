//! `/v1/load-balancers`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use landfall_mock_cloud_wire::{LoadBalancer, LoadBalancerList, LoadBalancerSpec, Problem};

use super::Api;
use super::attend::Outcome;
use super::body::{Body, PathId};
use super::problem::{Problems, Refused};
use crate::book::Put;
use crate::specification;

type Answer<T> = Result<(StatusCode, Extension<Outcome>, T), Refused>;

fn answer<T>(status: StatusCode, outcome: &str, body: T) -> (StatusCode, Extension<Outcome>, T) {
    (status, Extension(Outcome(outcome.to_owned())), body)
}

/// Makes a load balancer exactly this.
///
/// Idempotent: the same again changes nothing, but tries again every listener that failed. An
/// address once given is kept for life. What stays is not disturbed; connections through targets
/// and ports that go have time to end.
#[utoipa::path(
    put, path = "/v1/load-balancers/{id}", operation_id = "PutLoadBalancer",
    params(("id" = String, Path, description = "The client's name for it: 1 to 255 of `a-z`, `0-9`, \
        `.`, `_` and `-`, the first one a letter or a digit.")),
    request_body = LoadBalancerSpec,
    responses(
        (status = 201, body = LoadBalancer, description = "It is new."),
        (status = 200, body = LoadBalancer, description = "It was there, and is exactly this now."),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "`pool-exhausted`, `address-taken` or `address-fixed`; the first two with \
            `Retry-After` if an address will be free when connections to it have ended.",
         headers(("Retry-After" = u64, description = "Seconds."))),
        (status = 413, body = Problem, content_type = "application/problem+json",
         description = "The body is larger than 1 MiB."),
        (status = 415, body = Problem, content_type = "application/problem+json",
         description = "The body is not `application/json`."),
        Problems,
    ),
)]
pub(super) async fn put(
    State(api): State<Api>,
    PathId(id): PathId,
    Body(spec): Body<LoadBalancerSpec>,
) -> Answer<Json<LoadBalancer>> {
    let errors = specification::errors(&spec);
    if !errors.is_empty() {
        return Err(Refused::bad_fields(errors));
    }
    let (put, load_balancer) = api.cloud.put(id, spec).await?;
    let (status, outcome) = match put {
        Put::Made => (StatusCode::CREATED, "Made"),
        Put::Changed => (StatusCode::OK, "Changed"),
        Put::Unchanged => (StatusCode::OK, "Unchanged"),
    };
    Ok(answer(status, outcome, Json(load_balancer)))
}

/// Reads a load balancer.
#[utoipa::path(
    get, path = "/v1/load-balancers/{id}", operation_id = "GetLoadBalancer",
    params(("id" = String, Path, description = "The client's name for it.")),
    responses(
        (status = 200, body = LoadBalancer, description = "As it is now."),
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "There is none."),
        Problems,
    ),
)]
pub(super) async fn read(State(api): State<Api>, PathId(id): PathId) -> Answer<Json<LoadBalancer>> {
    let load_balancer = api.cloud.get(id).await?;
    Ok(answer(StatusCode::OK, "Read", Json(load_balancer)))
}

/// Lists load balancers, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/load-balancers", operation_id = "ListLoadBalancers",
    params(("tag" = Option<Vec<String>>, Query, description = "`KEY=VALUE`; repeated, all must match.")),
    responses(
        (status = 200, body = LoadBalancerList, description = "All that match."),
        Problems,
    ),
)]
pub(super) async fn list(
    State(api): State<Api>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Answer<Json<LoadBalancerList>> {
    let Query(query) = query.map_err(|rejection| Refused::bad_request(rejection.body_text()))?;
    let tags = query.into_iter().map(tag).collect::<Result<_, _>>()?;
    let items = api.cloud.list(tags).await?;
    Ok(answer(
        StatusCode::OK,
        "Read",
        Json(LoadBalancerList { items }),
    ))
}

fn tag((parameter, value): (String, String)) -> Result<(String, String), Refused> {
    if parameter != "tag" {
        let unknown = format!("query parameter `{parameter}` is unknown; there is `tag=KEY=VALUE`");
        return Err(Refused::bad_request(unknown));
    }
    match value.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Refused::bad_request(format!(
            "`tag={value}` has no value; write `tag=KEY=VALUE`"
        ))),
    }
}

/// Deletes a load balancer.
///
/// When this is answered, its address no longer answers. Connections have time to end; only then
/// can the address be another's.
#[utoipa::path(
    delete, path = "/v1/load-balancers/{id}", operation_id = "DeleteLoadBalancer",
    params(("id" = String, Path, description = "The client's name for it.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "There was none."),
        Problems,
    ),
)]
pub(super) async fn delete(State(api): State<Api>, PathId(id): PathId) -> Answer<()> {
    api.cloud.delete(id).await?;
    Ok(answer(StatusCode::NO_CONTENT, "Deleted", ()))
}
