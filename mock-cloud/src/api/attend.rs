//! What every call goes through before and after its handler: its token, the journal, and the
//! faults that were ordered for it.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::stream;

use super::problem::Refused;
use super::{Api, carries};
use crate::faults::{Fault, LostAnswer, Verdict};
use crate::operation::Operation;

/// What a call came to, for the journal; goes with the response.
#[derive(Debug, Clone)]
pub(super) struct Outcome(pub(super) String);

/// Goes with a request of which only so many listeners are to be made or left.
#[derive(Debug, Clone, Copy)]
pub(super) struct HalfWay(pub(super) usize);

/// Goes with a request that is to be answered with what was there some time ago.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stale;

/// Lets only those pass who have the admin token.
pub(super) async fn require_admin(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Response {
    if carries(request.headers(), &api.admin_token) {
        next.run(request).await
    } else {
        Refused::unauthorized("admin token").into_response()
    }
}

/// Journals a call, lets it pass if it has the token, and lets go wrong what is to go wrong.
pub(super) async fn attend(
    State(api): State<Api>,
    path: MatchedPath,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let operation = operation(request.method(), path.as_str());
    let id = parameters.as_ref().ok().and_then(id);
    let authorized = carries(request.headers(), &api.token.borrow());
    let (visit, faults) = match api.desk.check_in(operation, id, authorized).await {
        Ok(visit) => visit,
        Err(closed) => return Refused::from(closed).into_response(),
    };
    let response = if authorized {
        suffer(&api, faults, request, next).await
    } else {
        Refused::unauthorized("token").into_response()
    };
    let result = response
        .extensions()
        .get::<Outcome>()
        .map_or_else(|| "Answered".to_owned(), |outcome| outcome.0.clone());
    visit.check_out(response.status().as_u16(), result);
    response
}

fn operation(method: &Method, path: &str) -> Operation {
    match (method, path.ends_with("/{id}")) {
        (&Method::PUT, _) => Operation::PutLoadBalancer,
        (&Method::DELETE, _) => Operation::DeleteLoadBalancer,
        (_, false) if path.ends_with("/changes") => Operation::WatchChanges,
        (_, false) if path.ends_with("/capabilities") => Operation::GetCapabilities,
        (_, true) => Operation::GetLoadBalancer,
        (_, false) => Operation::ListLoadBalancers,
    }
}

fn id(parameters: &RawPathParams) -> Option<String> {
    let mut parameters = parameters.iter();
    parameters.find_map(|(name, value)| (name == "id").then(|| value.to_owned()))
}

/// Carries a call out, or not, as the faults that were ordered for it say.
async fn suffer(api: &Api, faults: Vec<Verdict>, mut request: Request, next: Next) -> Response {
    for Verdict { fault, wait } in faults {
        match fault {
            Fault::Latency { duration } => {
                let pause = tokio::time::sleep(duration.0);
                // Nobody waits for an answer of a server that stops.
                api.stop.run_until_cancelled(pause).await;
            }
            Fault::Hang {} => {
                let mut cleared = api.cleared.subscribe();
                // The sender is at hand as long as there is an API.
                api.stop.run_until_cancelled(cleared.changed()).await;
            }
            Fault::Error {
                status,
                code,
                retry_after,
            } => return ordered(status, &code, retry_after.as_deref()),
            Fault::Throttle { .. } => {
                return ordered(429, "throttled", Some(&wait.to_string()));
            }
            Fault::Outage {} => return ordered(503, "outage", None),
            Fault::LostAfterChange { answer } => return lost(&next.run(request).await, answer),
            Fault::HalfWay { listeners } => {
                request.extensions_mut().insert(HalfWay(listeners));
            }
            Fault::StaleReads {} => {
                request.extensions_mut().insert(Stale);
            }
        }
    }
    next.run(request).await
}

fn ordered(status: u16, code: &str, retry_after: Option<&str>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Refused::new(status, code, "A fault", "this fault was ordered")
        .retry_after(retry_after.and_then(|value| HeaderValue::from_str(value).ok()))
        .into_response()
}

/// Loses an answer, but not what it came to.
fn lost(answer: &Response, instead: LostAnswer) -> Response {
    let outcome = answer.extensions().get::<Outcome>().cloned();
    let mut response = match instead {
        LostAnswer::BadGateway => Refused::new(
            StatusCode::BAD_GATEWAY,
            "answer-lost",
            "Answer lost",
            "this fault was ordered",
        )
        .into_response(),
        LostAnswer::Cut => {
            let end = Err::<Bytes, _>(io::Error::other("this fault was ordered"));
            let body = Body::from_stream(stream::iter([end]));
            (answer.status(), body).into_response()
        }
    };
    if let Some(outcome) = outcome {
        response.extensions_mut().insert(outcome);
    }
    response
}
