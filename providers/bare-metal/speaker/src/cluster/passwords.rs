//! The passwords of sessions with routers, from the Secrets that their objects name.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use landfall_watch::{Health, watched_of};
use tokio::task::{AbortHandle, JoinSet};

use super::routing::{Key, SecretName};
use super::shared::Shared;

/// The key of a Secret of type `kubernetes.io/basic-auth` that the password is under.
const PASSWORD: &str = "password";
/// Bytes of the longest password: what `TCP_MD5SIG` takes (RFC 2385 leaves it open).
const LONGEST: usize = 80;

/// The watches of Secrets, one for each: a speaker reads none that no router needs.
#[derive(Debug, Default)]
pub(super) struct Passwords {
    watches: JoinSet<()>,
    followed: BTreeMap<SecretName, AbortHandle>,
}

impl Passwords {
    /// Follows the Secrets that are needed now, and no others any more.
    pub(super) fn follow(
        &mut self,
        shared: &Arc<Shared>,
        client: &Client,
        namespace: &str,
        health: &Health,
    ) {
        let needed = shared.read(|view| view.routing.secrets());
        self.followed.retain(|name, watch| {
            let is_needed = needed.contains(name);
            if !is_needed {
                watch.abort();
                shared.change_quietly(|view| view.routing.forget_secret(name));
            }
            is_needed
        });
        for name in needed {
            self.followed.entry(name.clone()).or_insert_with(|| {
                let namespace = name.0.as_deref().unwrap_or(namespace).to_owned();
                let (shared, client) = (shared.clone(), client.clone());
                let following = follow(name, namespace, shared, client, health.clone());
                self.watches.spawn(following)
            });
        }
    }
}

async fn follow(
    name: SecretName,
    namespace: String,
    shared: Arc<Shared>,
    client: Client,
    health: Health,
) {
    let shown = format!("Secret {namespace}/{}", name.1);
    let put = |key: Key| {
        let name = name.clone();
        shared.change(|view| view.routing.put_secret(name, key));
    };
    let missing = || Key::Missing(format!("{shown} is not there"));
    let api = Api::<Secret>::namespaced(client, &namespace);
    let one = watcher::Config::default().fields(&format!("metadata.name={}", name.1));
    let thin = |secret: &mut Secret| secret.metadata.managed_fields = None;
    let what = "a Secret with the password of a BGPPeer";
    let events = watched_of(api, one, what, health, Arc::default(), thin);
    let mut events = std::pin::pin!(events);
    let mut is_there = false;
    while let Some(event) = events.next().await {
        match event {
            Event::Apply(secret) | Event::InitApply(secret) if secret.name_any() == name.1 => {
                is_there = true;
                put(read(&secret).map_or_else(
                    |why| Key::Missing(format!("{shown}: {why}")),
                    |password| Key::Known(password.into()),
                ));
            }
            Event::Init => is_there = false,
            Event::InitDone if !is_there => put(missing()),
            // A session that is up keeps its password: whoever replaces a Secret by deleting it first
            // does not lose it.
            Event::Delete(_) => {
                tracing::warn!("{shown} was deleted; its password is used on");
            }
            _ => {}
        }
    }
}

/// Why a Secret has no password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPassword {
    /// There is none.
    #[error("it has no key `{PASSWORD}`; a Secret of type kubernetes.io/basic-auth is needed")]
    Missing,
    /// It is empty, or too long.
    #[error("`{PASSWORD}` must have from 1 to {LONGEST} bytes")]
    Length,
}

pub(crate) fn read(secret: &Secret) -> Result<Vec<u8>, NoPassword> {
    let password = secret.data.as_ref().and_then(|it| it.get(PASSWORD));
    let password = password.ok_or(NoPassword::Missing)?;
    match password.0.len() {
        1..=LONGEST => Ok(password.0.clone()),
        _ => Err(NoPassword::Length),
    }
}
