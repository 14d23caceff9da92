//! `/v1/load-balancers`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::{Extension, Json};
use landfall_mock_cloud_wire::{LoadBalancer, LoadBalancerList, LoadBalancerSpec, Problem};

use super::Api;
use super::attend::{HalfWay, Outcome, Stale};
use super::body::{Body, PathId};
use super::precondition::Conditions;
use super::problem::{Problems, Refused};
use crate::book::Put;
use crate::cloud;
use crate::specification;

type Answer<T> = Result<(StatusCode, Extension<Outcome>, T), Refused>;

/// A load balancer with its entity tag in the header.
type Tagged = (HeaderMap, Json<LoadBalancer>);

fn answer<T>(status: StatusCode, outcome: &str, body: T) -> (StatusCode, Extension<Outcome>, T) {
    (status, Extension(Outcome(outcome.to_owned())), body)
}

fn tagged(load_balancer: LoadBalancer) -> Tagged {
    let etag = HeaderValue::from_str(&load_balancer.etag);
    let headers = etag.into_iter().map(|etag| (header::ETAG, etag)).collect();
    (headers, Json(load_balancer))
}

/// The error that a fault wants once only a part was done.
fn half_way() -> Refused {
    Refused::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "half-way",
        "Only a part was done",
        "this fault was ordered",
    )
}

/// Makes a load balancer exactly this.
///
/// Idempotent: the same again changes nothing, but tries again every listener that failed. An
/// address once given is kept for life. What stays is not disturbed; connections through targets
/// and ports that go have time to end. Where its targets have yet to be checked for the first time,
/// the answer waits for that, up to 250 ms. With `If-Match` it is changed only if it is the one that the
/// client has seen, and with `If-None-Match: *` only made.
#[utoipa::path(
    put, path = "/v1/load-balancers/{id}", operation_id = "PutLoadBalancer",
    params(
        ("id" = String, Path, description = "The client's name for it: 1 to 255 of `a-z`, `0-9`, \
            `.`, `_` and `-`, the first one a letter or a digit."),
        ("If-Match" = Option<String>, Header, description = "Entity tags that it may have."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be none."),
    ),
    request_body = LoadBalancerSpec,
    responses(
        (status = 201, body = LoadBalancer, description = "It is new."),
        (status = 200, body = LoadBalancer, description = "It was there, and is exactly this now."),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "`pool-exhausted`, `address-taken` or `address-fixed`; the first two with \
            `Retry-After` if an address will be free when connections to it have ended.",
         headers(("Retry-After" = u64, description = "Seconds."))),
        (status = 412, body = Problem, content_type = "application/problem+json",
         description = "It is not as `If-Match` or `If-None-Match` wants it."),
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
    Conditions(conditions): Conditions,
    half: Option<Extension<HalfWay>>,
    Body(mut spec): Body<LoadBalancerSpec>,
) -> Answer<Tagged> {
    check(&spec)?;
    if let Some(Extension(HalfWay(listeners))) = half {
        spec.listeners.truncate(listeners);
        api.cloud.put(id, spec, conditions).await?;
        return Err(half_way());
    }
    let (put, load_balancer) = api.cloud.put(id, spec, conditions).await?;
    let (status, outcome) = match put {
        Put::Made => (StatusCode::CREATED, "Made"),
        Put::Changed => (StatusCode::OK, "Changed"),
        Put::Unchanged => (StatusCode::OK, "Unchanged"),
    };
    Ok(answer(status, outcome, tagged(load_balancer)))
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
pub(super) async fn read(
    State(api): State<Api>,
    PathId(id): PathId,
    stale: Option<Extension<Stale>>,
) -> Answer<Tagged> {
    let load_balancer = if stale.is_some() {
        let name = id.to_string();
        let before = api
            .stale
            .borrow()
            .iter()
            .find(|one| one.id == name)
            .cloned();
        before.ok_or(cloud::Error::NotFound(id))?
    } else {
        api.cloud.get(id).await?
    };
    Ok(answer(StatusCode::OK, "Read", tagged(load_balancer)))
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
    stale: Option<Extension<Stale>>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Answer<Json<LoadBalancerList>> {
    let Query(query) = query.map_err(|rejection| Refused::bad_request(rejection.body_text()))?;
    let tags = query.into_iter().map(tag).collect::<Result<Vec<_>, _>>()?;
    let items = if stale.is_some() {
        let before = api.stale.borrow();
        let matches = |one: &&LoadBalancer| {
            let has = |(key, value): &(String, String)| one.tags.get(key) == Some(value);
            tags.iter().all(has)
        };
        before.iter().filter(matches).cloned().collect()
    } else {
        api.cloud.list(tags).await?
    };
    Ok(answer(
        StatusCode::OK,
        "Read",
        Json(LoadBalancerList { items }),
    ))
}

/// Refuses a specification that cannot be, with every error.
pub(super) fn check(spec: &LoadBalancerSpec) -> Result<(), Refused> {
    let errors = specification::errors(spec);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Refused::bad_fields(errors))
    }
}

pub(super) fn tag((parameter, value): (String, String)) -> Result<(String, String), Refused> {
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
    params(
        ("id" = String, Path, description = "The client's name for it."),
        ("If-Match" = Option<String>, Header, description = "Entity tags that it may have."),
    ),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, body = Problem, content_type = "application/problem+json",
         description = "It is not as `If-Match` wants it."),
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "There was none."),
        Problems,
    ),
)]
pub(super) async fn delete(
    State(api): State<Api>,
    PathId(id): PathId,
    Conditions(conditions): Conditions,
    half: Option<Extension<HalfWay>>,
) -> Answer<()> {
    if let Some(Extension(HalfWay(listeners))) = half {
        let mut spec = LoadBalancerSpec::from(api.cloud.get(id.clone()).await?);
        spec.listeners.truncate(listeners);
        api.cloud.put(id, spec, conditions).await?;
        return Err(half_way());
    }
    api.cloud.delete(id, conditions).await?;
    Ok(answer(StatusCode::NO_CONTENT, "Deleted", ()))
}
