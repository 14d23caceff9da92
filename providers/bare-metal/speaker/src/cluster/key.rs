//! The keys that speakers know each other by, from the Secret that the controller makes.

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use landfall_bare_metal_l2::peers::Keys;
use landfall_bare_metal_resources::speaker::{KEY, NEXT, SECRET, SHORTEST_KEY};
use landfall_watch::{Health, watched_of};

const PART: &str = "key of the speakers";

/// Reads the keys whenever they change, and hands them to `take`. Those that are known stay when the
/// Secret is deleted or has none.
pub(super) async fn follow(
    client: Client,
    namespace: String,
    health: Health,
    mut take: impl FnMut(Keys),
) {
    let missing = || {
        format!(
            "Secret {namespace}/{SECRET} is not there yet; the controller makes it, if its \
             configuration has a bare-metal provider"
        )
    };
    health.trouble(PART, missing());
    let api = Api::<Secret>::namespaced(client, &namespace);
    let one = watcher::Config::default().fields(&format!("metadata.name={SECRET}"));
    let thin = |secret: &mut Secret| secret.metadata.managed_fields = None;
    let what = "the Secret of the speakers";
    let events = watched_of(api, one, what, health.clone(), Arc::default(), thin);
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        let secret = match event {
            Event::Apply(secret) | Event::InitApply(secret) if secret.name_any() == SECRET => {
                secret
            }
            Event::Delete(_) => {
                tracing::warn!("Secret {namespace}/{SECRET} was deleted; the key is used on");
                continue;
            }
            _ => continue,
        };
        match read(&secret) {
            Ok(keys) => {
                health.well(PART);
                tracing::info!("the keys were read");
                take(keys);
            }
            Err(error) => {
                let error = format!("Secret {namespace}/{SECRET}: {error}");
                tracing::error!(error, "no key can be read");
                health.trouble(PART, error);
            }
        }
    }
}

/// Why a Secret has no key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoKey {
    /// There is none, or it is too short.
    #[error(
        "`{KEY}` must have at least {SHORTEST_KEY} bytes; delete the Secret, and the controller makes a new one"
    )]
    Current,
    /// The other is too short.
    #[error("`{NEXT}` must have at least {SHORTEST_KEY} bytes, or be left out")]
    Other,
}

pub(crate) fn read(secret: &Secret) -> Result<Keys, NoKey> {
    let of = |name: &str| secret.data.as_ref()?.get(name).map(|it| it.0.as_slice());
    let current = of(KEY).filter(|it| it.len() >= SHORTEST_KEY);
    let current = current.ok_or(NoKey::Current)?;
    match of(NEXT) {
        Some(other) if other.len() < SHORTEST_KEY => Err(NoKey::Other),
        other => Ok(Keys::new(current, other)),
    }
}
