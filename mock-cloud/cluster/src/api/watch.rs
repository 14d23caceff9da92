//! WATCH: a stream of one kind's events from a revision on. A watcher is a cursor in the event
//! log and nothing else, so a slow one holds no memory: when the log has moved past its cursor
//! it gets 410 and lists again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::{StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::accept::Format;
use super::call::Call;
use super::collection::revision;
use super::json_response;
use super::read::{metadata_only, object_json};
use crate::answer::ApiError;
use crate::registry::to_served;
use crate::resource::Resource;
use crate::selector::Selection;
use crate::store::{Change, Event, Object, Store};
use crate::tables::{self, Include};

/// How often a bookmark is sent on a quiet watch, as on the real server.
const BOOKMARK_INTERVAL: Duration = Duration::from_mins(1);
/// When a watch ends whose client named no time (`--min-request-timeout` and some).
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(40);
/// Events taken from the log at once, so that no reader holds the lock long.
const BATCH: usize = 256;

struct Watch {
    store: Arc<Store>,
    resource: Arc<Resource>,
    selection: Selection,
    renderer: Renderer,
    initial: Option<Vec<Arc<Object>>>,
    /// Whether the end of the initial events is marked.
    marks_end: bool,
    bookmarks: bool,
    cursor: u64,
    changed: Receiver<u64>,
    next_bookmark: Instant,
    deadline: Instant,
    shutdown: CancellationToken,
    ended: bool,
}

pub(super) fn watch(
    store: &Arc<Store>,
    call: &Call,
    shutdown: CancellationToken,
) -> Result<Response, ApiError> {
    let format = Format::negotiate(call.header(&header::ACCEPT))?;
    let selection = call.selection()?;
    let asked = revision(call)?;
    let stream_list = initial_events(call)?;
    let kind = call.resource.storage;
    let state = store.lock();
    let current = state.revision();
    if stream_list == Some(true)
        && let Some(asked) = asked.filter(|asked| *asked > current)
    {
        return Err(ApiError::future_revision(asked, current));
    }
    // Without a revision a watch starts with what there is, unless the client said otherwise.
    let replay = stream_list.unwrap_or(asked.is_none());
    let initial = replay.then(|| {
        state
            .list(kind, selection.namespace())
            .filter(|object| selection.matches(&object.value))
            .cloned()
            .collect()
    });
    let cursor = if replay {
        current
    } else {
        asked.unwrap_or(current)
    };
    let changed = state.changes(kind);
    drop(state);
    let bookmarks = call.query.flag("allowWatchBookmarks");
    let now = Instant::now();
    let watch = Watch {
        store: store.clone(),
        resource: call.resource.clone(),
        selection,
        renderer: Renderer::new(call, format),
        initial,
        marks_end: stream_list == Some(true) && bookmarks,
        bookmarks,
        cursor,
        changed,
        next_bookmark: now + BOOKMARK_INTERVAL,
        deadline: now + timeout(call)?,
        shutdown,
        ended: false,
    };
    let chunks = stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((Ok::<_, Infallible>(chunk), watch))
    });
    Ok(json_response(StatusCode::OK, Body::from_stream(chunks)))
}

fn timeout(call: &Call) -> Result<Duration, ApiError> {
    let asked = call.query.number("timeoutSeconds")?;
    Ok(asked
        .filter(|seconds| *seconds > 0)
        .map_or(DEFAULT_TIMEOUT, Duration::from_secs))
}

/// `sendInitialEvents`, with the rules of KEP-3157.
fn initial_events(call: &Call) -> Result<Option<bool>, ApiError> {
    let send = call.query.boolean("sendInitialEvents");
    let matching = call.query.get("resourceVersionMatch");
    let refused = |why: &str| {
        Err(ApiError::unprocessable(format!(
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: {why}"
        )))
    };
    match (send, matching) {
        (Some(_), Some("NotOlderThan")) | (None, None) => Ok(send),
        (Some(_), _) => {
            refused("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        }
        (None, Some(_)) => refused(
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    }
}

impl Watch {
    /// The next bytes, or `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(initial) = self.initial.take() {
            let mut chunk = Vec::new();
            for object in &initial {
                self.renderer.event("ADDED", object, &mut chunk);
            }
            if self.marks_end {
                self.renderer.bookmark(self.cursor, true, &mut chunk);
            }
            if !chunk.is_empty() {
                return Some(chunk.into());
            }
        }
        loop {
            if self.ended {
                return None;
            }
            self.changed.borrow_and_update();
            if let Some(chunk) = self.drain() {
                return Some(chunk);
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                () = tokio::time::sleep_until(self.deadline) => return None,
                () = tokio::time::sleep_until(self.next_bookmark), if self.bookmarks => {
                    // Other kinds' writes moved the revision on; the bookmark names the newest.
                    if let Some(chunk) = self.drain() {
                        return Some(chunk);
                    }
                    self.next_bookmark = Instant::now() + BOOKMARK_INTERVAL;
                    let mut chunk = Vec::new();
                    self.renderer.bookmark(self.cursor, false, &mut chunk);
                    return Some(chunk.into());
                }
                // An error means that the kind is no longer served; what happened until then was
                // shown, since an unseen change comes before it.
                changed = self.changed.changed() => changed.ok()?,
            }
        }
    }

    /// Renders what is new in the log; `None` when nothing of it concerns this watch.
    fn drain(&mut self) -> Option<Bytes> {
        let kind = self.resource.storage;
        loop {
            let (events, current, compacted) = {
                let state = self.store.lock();
                let events = state.events_after(kind, self.cursor, BATCH);
                (events, state.revision(), state.compacted(kind))
            };
            let Some(events) = events else {
                self.ended = true;
                let why = format!("too old resource version: {} ({compacted})", self.cursor);
                let status = ApiError::expired(why).to_value();
                return Some(line("ERROR", status.to_string().as_bytes()).into());
            };
            let Some(last) = events.last() else {
                self.cursor = self.cursor.max(current);
                return None;
            };
            self.cursor = last.object.revision;
            let mut chunk = Vec::new();
            for event in &events {
                self.render(event, &mut chunk);
            }
            if !chunk.is_empty() {
                return Some(chunk.into());
            }
        }
    }

    /// What an event is to this selector: an object may enter and leave it.
    fn render(&mut self, event: &Event, chunk: &mut Vec<u8>) {
        let matches = |object: &Object| self.selection.matches(&object.value);
        let before = event.previous.as_deref().is_some_and(matches);
        let after = event.change != Change::Deleted && matches(&event.object);
        match (before, after) {
            (false, true) => self.renderer.event("ADDED", &event.object, chunk),
            (true, true) => self.renderer.event("MODIFIED", &event.object, chunk),
            (true, false) if event.change == Change::Deleted => {
                self.renderer.event("DELETED", &event.object, chunk);
            }
            (true, false) => {
                // It left: the client sees it as it last knew it, at the new revision.
                let Some(previous) = &event.previous else {
                    return;
                };
                let mut value = previous.value.clone();
                let revision = event.object.revision;
                value["metadata"]["resourceVersion"] = json!(revision.to_string());
                let left = Object::new(value, revision, previous.managers.clone());
                self.renderer.event("DELETED", &left, chunk);
            }
            (false, false) => {}
        }
    }
}

struct Renderer {
    resource: Arc<Resource>,
    format: Format,
    include: Include,
    columns_sent: bool,
}

impl Renderer {
    fn new(call: &Call, format: Format) -> Self {
        Self {
            resource: call.resource.clone(),
            format,
            include: Include::parse(call.query.get("includeObject")),
            columns_sent: false,
        }
    }

    fn event(&mut self, change: &str, object: &Object, chunk: &mut Vec<u8>) {
        let json = match self.format {
            Format::Json => object_json(&self.resource, object),
            Format::Metadata => metadata_only(&object.value).to_string().into(),
            Format::Table => {
                let served = to_served(&self.resource, &object.value);
                let metadata = json!({ "resourceVersion": object.revision.to_string() });
                let columns = !std::mem::replace(&mut self.columns_sent, true);
                let rows = std::iter::once(&*served);
                tables::table(&self.resource, rows, self.include, &metadata, columns)
                    .to_string()
                    .into()
            }
        };
        chunk.extend_from_slice(&line(change, &json));
    }

    fn bookmark(&mut self, revision: u64, end_of_initial: bool, chunk: &mut Vec<u8>) {
        let mut metadata = json!({ "resourceVersion": revision.to_string() });
        if end_of_initial {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = match self.format {
            Format::Json => json!({
                "kind": self.resource.kind,
                "apiVersion": self.resource.api_version(),
                "metadata": metadata,
            }),
            Format::Metadata => metadata_only(&json!({ "metadata": metadata })),
            Format::Table => {
                let rows = std::iter::empty::<&Value>();
                tables::table(&self.resource, rows, self.include, &metadata, false)
            }
        };
        chunk.extend_from_slice(&line("BOOKMARK", object.to_string().as_bytes()));
    }
}

/// One frame: `{"type":…,"object":…}` and a newline.
fn line(change: &str, object: &[u8]) -> Vec<u8> {
    let mut line = format!("{{\"type\":\"{change}\",\"object\":").into_bytes();
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    line
}
