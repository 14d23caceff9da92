//! LIST: selection, revisions, pages. A page after the first shows the revision of the first:
//! the log is undone back to it, or the answer is 410.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::accept::Format;
use super::call::Call;
use super::read::{metadata_only, object_json};
use super::{json_response, value_response};
use crate::answer::ApiError;
use crate::registry::to_served;
use crate::selector::Selection;
use crate::store::{Key, Object, Store};
use crate::tables::{self, Include};

/// Where the next page starts.
#[derive(Serialize, Deserialize)]
struct Continue {
    revision: u64,
    namespace: String,
    name: String,
}

/// What a list found.
struct Page {
    objects: Vec<Arc<Object>>,
    revision: u64,
    next: Option<Continue>,
    remaining: usize,
}

pub(super) fn list(store: &Arc<Store>, call: &Call) -> Result<Response, ApiError> {
    let format = Format::negotiate(call.header(&header::ACCEPT))?;
    let selection = call.selection()?;
    let page = find(store, call, &selection)?;
    let mut metadata = json!({ "resourceVersion": page.revision.to_string() });
    if let Some(next) = &page.next {
        let token = serde_json::to_vec(next).expect("two strings and a number are JSON");
        metadata["continue"] = json!(URL_SAFE_NO_PAD.encode(token));
        metadata["remainingItemCount"] = json!(page.remaining);
    }
    Ok(match format {
        Format::Json => json_response(StatusCode::OK, plain(call, &page.objects, &metadata)),
        Format::Metadata => {
            let items: Vec<Value> = page
                .objects
                .iter()
                .map(|object| metadata_only(&object.value))
                .collect();
            let list = json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": items,
            });
            value_response(StatusCode::OK, &list)
        }
        Format::Table => {
            let served: Vec<_> = page
                .objects
                .iter()
                .map(|object| to_served(&call.resource, &object.value))
                .collect();
            let include = Include::parse(call.query.get("includeObject"));
            let rows = served.iter().map(AsRef::as_ref);
            let table = tables::table(&call.resource, rows, include, &metadata, true);
            value_response(StatusCode::OK, &table)
        }
    })
}

/// Puts the list together from the objects' own JSON.
fn plain(call: &Call, objects: &[Arc<Object>], metadata: &Value) -> Vec<u8> {
    let mut text = format!(
        "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{metadata},\"items\":[",
        call.resource.list_kind,
        call.resource.api_version(),
    )
    .into_bytes();
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(&object_json(&call.resource, object));
    }
    text.extend_from_slice(b"]}");
    text
}

fn find(store: &Store, call: &Call, selection: &Selection) -> Result<Page, ApiError> {
    let kind = call.resource.storage;
    let limit = usize::try_from(call.query.number("limit")?.unwrap_or(0)).unwrap_or(0);
    let start = call.query.get("continue").map(token).transpose()?;
    let asked = revision(call)?;
    let state = store.lock();
    let current = state.revision();
    if let Some(asked) = asked.filter(|asked| *asked > current) {
        return Err(ApiError::future_revision(asked, current));
    }
    let exact = call.query.get("resourceVersionMatch") == Some("Exact");
    let at = match &start {
        Some(start) => Some(start.revision),
        None => asked.filter(|_| exact),
    };
    let objects: Vec<Arc<Object>> = match at.filter(|at| *at != current) {
        Some(at) => state
            .list_at(kind, at)
            .ok_or_else(|| expired(start.is_some(), at, state.compacted(kind)))?
            .into_iter()
            .filter(|object| selection.matches(&object.value))
            .collect(),
        None => match selection.only() {
            Some(key) => state.get(kind, &key).into_iter(),
            None => None.into_iter(),
        }
        .cloned()
        .chain(
            state
                .list(kind, selection.namespace())
                .filter(|_| selection.only().is_none())
                .cloned(),
        )
        .filter(|object| selection.matches(&object.value))
        .collect(),
    };
    drop(state);
    Ok(cut(objects, at.unwrap_or(current), start, limit))
}

/// The page of at most `limit` objects that comes after `start`.
fn cut(
    mut objects: Vec<Arc<Object>>,
    revision: u64,
    start: Option<Continue>,
    limit: usize,
) -> Page {
    if let Some(start) = start {
        let last = Key::new(start.namespace, start.name);
        objects.retain(|object| object.key() > last);
    }
    let mut remaining = 0;
    let mut next = None;
    if limit > 0 && objects.len() > limit {
        remaining = objects.len() - limit;
        objects.truncate(limit);
        next = objects.last().map(|last| Continue {
            revision,
            namespace: last.namespace().to_owned(),
            name: last.name().to_owned(),
        });
    }
    Page {
        objects,
        revision,
        next,
        remaining,
    }
}

fn expired(continued: bool, asked: u64, compacted: u64) -> ApiError {
    if continued {
        ApiError::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
        )
    } else {
        ApiError::expired(format!("too old resource version: {asked} ({compacted})"))
    }
}

fn token(text: &str) -> Result<Continue, ApiError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| ApiError::bad_request("continue key is not valid"))
}

/// The resourceVersion of the query; "0" means whatever is at hand, which is the newest.
pub(super) fn revision(call: &Call) -> Result<Option<u64>, ApiError> {
    let Some(text) = call.query.get("resourceVersion") else {
        return Ok(None);
    };
    let revision: u64 = text.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "invalid resource version {text:?}: must be a number"
        ))
    })?;
    Ok((revision > 0).then_some(revision))
}
