//! `/v1/changes`: what happens, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::{Extension, response::Response};
use futures::{Stream, StreamExt, future, stream};
use landfall_mock_cloud_wire::{FreedCapacity, LoadBalancerChange, ServingChange, event};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Api;
use super::attend::Outcome;
use super::load_balancers::tag;
use super::problem::{Problems, Refused};
use crate::changes::{Change, Resumed, What};
use crate::cloud::Watch;

/// From one sign of life to the next while nothing happens.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Tells what happens, for as long as the client listens.
///
/// Server-sent events: `changed` and `deleted` with a `LoadBalancerChange`, `serving` with a
/// `ServingChange`, `freed-capacity` with a `FreedCapacity`, and `reset`. Each has an id; a client that sends the last one as
/// `Last-Event-ID` goes on where it was. Where that is not known any more, the first event is
/// `reset`, and it must look at everything. A stream without `Last-Event-ID` begins with an id and
/// no event.
#[utoipa::path(
    get, path = "/v1/changes", operation_id = "WatchChanges",
    params(
        ("tag" = Option<Vec<String>>, Query,
         description = "`KEY=VALUE`; repeated, all must match, before the change or after."),
        ("Last-Event-ID" = Option<String>, Header, description = "Where to go on."),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = LoadBalancerChange,
         description = "Events, without an end."),
        Problems,
    ),
)]
pub(super) async fn watch(
    State(api): State<Api>,
    headers: HeaderMap,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(query) = query.map_err(|rejection| Refused::bad_request(rejection.body_text()))?;
    let tags = query.into_iter().map(tag).collect::<Result<Vec<_>, _>>()?;
    let last = headers
        .get("last-event-id")
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let is_new = last.is_none();
    let watch = api.cloud.watch(last).await?;
    let stopped = api.stop.cancelled_owned();
    let events = events(watch, is_new, tags).take_until(stopped);
    let keep_alive = KeepAlive::new().interval(SIGN_OF_LIFE);
    let outcome = Extension(Outcome("Watching".to_owned()));
    Ok((outcome, Sse::new(events).keep_alive(keep_alive)).into_response())
}

fn events(
    watch: Watch,
    is_new: bool,
    tags: Vec<(String, String)>,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let Watch {
        epoch,
        last,
        missed,
        changes,
    } = watch;
    let id = move |sequence: u64| format!("{epoch}-{sequence}");
    let here = Event::default().id(id(last));
    let (first, missed) = match missed {
        Resumed::With(missed) => (is_new.then_some(here), missed),
        Resumed::Lost => (Some(here.event(event::RESET).data("{}")), Vec::new()),
    };
    let missed = stream::iter(missed).map(Some);
    let told = missed.chain(follow(changes)).filter_map(move |change| {
        let told = match change {
            Some(change) if !change.what.concerns(&tags) => None,
            Some(change) => Some(told(&change).id(id(change.sequence))),
            None => Some(Event::default().event(event::RESET).data("{}")),
        };
        future::ready(told)
    });
    stream::iter(first).chain(told).map(Ok)
}

/// What comes, until the cloud ends the stream; `None` where so much came at once that some of it
/// was lost.
fn follow(changes: Receiver<Arc<Change>>) -> impl Stream<Item = Option<Arc<Change>>> {
    stream::unfold(changes, async |mut changes| match changes.recv().await {
        Ok(change) => Some((Some(change), changes)),
        Err(RecvError::Lagged(_)) => Some((None, changes)),
        Err(RecvError::Closed) => None,
    })
}

fn told(change: &Change) -> Event {
    let (name, data) = match &change.what {
        What::Changed { id, tags, etag, .. } => {
            let data = LoadBalancerChange {
                id: id.to_string(),
                tags: tags.clone(),
                etag: Some(etag.clone()),
            };
            (event::CHANGED, serde_json::to_string(&data))
        }
        What::Deleted { id, tags } => {
            let data = LoadBalancerChange {
                id: id.to_string(),
                tags: tags.clone(),
                etag: None,
            };
            (event::DELETED, serde_json::to_string(&data))
        }
        What::Serving { id, tags, serving } => {
            let data = ServingChange {
                id: id.to_string(),
                tags: tags.clone(),
                serving: serving.clone(),
            };
            (event::SERVING, serde_json::to_string(&data))
        }
        What::FreedCapacity { addresses } => {
            let addresses = addresses.clone();
            let data = FreedCapacity { addresses };
            (event::FREED_CAPACITY, serde_json::to_string(&data))
        }
    };
    let data = data.expect("an event is maps with text keys, which JSON can hold");
    Event::default().event(name).data(data)
}
