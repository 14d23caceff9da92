//! Which path means what: health, discovery, or a call on a resource.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::query::Query;
use super::{discovery, openapi};
use crate::answer::ApiError;
use crate::registry::{Target, WriteOptions};
use crate::resource::{self, Resource, Subresource};
use crate::selector::Selection;
use crate::store::{Key, Store};

/// What a path leads to.
pub(super) enum Route {
    /// `/healthz` and its like.
    Health,
    /// A document.
    Static(Value),
    /// A resource.
    Call(Box<Call>),
}

/// A request on a resource.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) query: Query,
    pub(super) resource: Arc<Resource>,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<Subresource>,
}

impl Call {
    /// A header as text, or empty.
    pub(super) fn header(&self, name: &http::header::HeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The object that it names.
    pub(super) fn target(&self) -> Target {
        let key = Key::new(
            self.namespace.clone().unwrap_or_default(),
            self.name.clone().unwrap_or_default(),
        );
        let mut target = Target::new(self.resource.clone(), key);
        target.subresource = self.subresource;
        target
    }

    /// The objects that it selects.
    pub(super) fn selection(&self) -> Result<Selection, ApiError> {
        Selection::parse(
            &self.resource,
            self.namespace.as_deref(),
            self.query.get("labelSelector"),
            self.query.get("fieldSelector"),
        )
    }

    /// How it wants to write.
    pub(super) fn write_options(&self) -> Result<WriteOptions, ApiError> {
        self.query
            .write_options(self.header(&http::header::USER_AGENT))
    }
}

/// Takes a request's path apart.
pub(super) fn route(store: &Store, parts: &Parts) -> Result<Route, ApiError> {
    let path = decode(parts.uri.path());
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let value = match segments.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => return Ok(Route::Health),
        [] => discovery::paths(&store.served()),
        ["version"] => discovery::version(),
        ["api"] => discovery::core_versions(),
        ["apis"] => discovery::groups(&store.served()),
        ["apis", group] => {
            discovery::group(&store.served(), group).ok_or_else(ApiError::no_such_path)?
        }
        ["api", version] => {
            discovery::resources(&store.served(), "", version).ok_or_else(ApiError::no_such_path)?
        }
        ["apis", group, version] => discovery::resources(&store.served(), group, version)
            .ok_or_else(ApiError::no_such_path)?,
        ["openapi", "v3"] => openapi::index(&store.served()),
        ["openapi", "v3", "api", version] => {
            openapi::document(&store.served(), "", version).ok_or_else(ApiError::no_such_path)?
        }
        ["openapi", "v3", "apis", group, version] => {
            openapi::document(&store.served(), group, version).ok_or_else(ApiError::no_such_path)?
        }
        ["api", version, rest @ ..] => return call(store, parts, "", version, rest),
        ["apis", group, version, rest @ ..] => return call(store, parts, group, version, rest),
        _ => return Err(ApiError::no_such_path()),
    };
    Ok(Route::Static(value))
}

fn call(
    store: &Store,
    parts: &Parts,
    group: &str,
    version: &str,
    rest: &[&str],
) -> Result<Route, ApiError> {
    let find = |plural: &str| {
        let found = store.find(group, version, plural);
        found.ok_or_else(ApiError::no_such_path)
    };
    let (resource, namespace, tail) = match rest {
        // `namespaces/x/status` is the namespace itself, `namespaces/x/pods` what is in it.
        ["namespaces", namespace, plural, tail @ ..]
            if resource::find(group, version, "namespaces")
                .and_then(|namespaces| namespaces.subresource(plural))
                .is_none() =>
        {
            let resource = find(plural)?;
            if !resource.namespaced {
                return Err(ApiError::no_such_path());
            }
            (resource, Some((*namespace).to_owned()), tail)
        }
        [plural, tail @ ..] => (find(plural)?, None, tail),
        [] => return Err(ApiError::no_such_path()),
    };
    let (name, subresource) = match tail {
        [] => (None, None),
        [name] => (Some((*name).to_owned()), None),
        [name, part] => {
            let part = resource
                .subresource(part)
                .ok_or_else(ApiError::no_such_path)?;
            (Some((*name).to_owned()), Some(part))
        }
        _ => return Err(ApiError::no_such_path()),
    };
    if resource.namespaced && namespace.is_none() && (name.is_some() || parts.method != Method::GET)
    {
        return Err(ApiError::no_such_path());
    }
    Ok(Route::Call(Box::new(Call {
        method: parts.method.clone(),
        headers: parts.headers.clone(),
        query: Query::parse(&parts.uri)?,
        resource,
        namespace,
        name,
        subresource,
    })))
}

/// Percent-decodes a path.
fn decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = hex {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
