//! The key by which speakers know each other's heartbeats: a Secret of the controller's namespace, made
//! where there is none. What stands there is never changed, and never told to anybody.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ObjectReference, Secret};
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};
use landfall_events::{Events, Kind, Told};
use landfall_watch::explain;
use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};

/// The name of the Secret.
pub const SECRET: &str = "landfall-speaker";
/// Where the key stands in it.
const KEY: &str = "key";
/// Bytes of a key: as many as HMAC-SHA-256 makes use of.
const LENGTH: usize = 32;
/// From one look to the next: somebody may have deleted it.
const ROUND: Duration = Duration::from_secs(10);

/// What is wrong.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("there are no random numbers to make a key of")]
    NoRandomness,
    #[error("{}", explain(.0))]
    Api(#[from] kube::Error),
}

/// Keeps the Secret in a namespace there.
pub(crate) async fn keep(client: Client, namespace: String) {
    let (events, write_events) = Events::new(&client);
    let keeping = async {
        let secrets = Api::<Secret>::namespaced(client, &namespace);
        // What was told last, so that it is told once.
        let mut told = None;
        loop {
            let (fault, about) = match look(&secrets).await {
                Ok(secret) => (fault(&secret), Some(secret)),
                Err(trouble) => (Some(trouble.to_string()), None),
            };
            if fault != told {
                if let Some(fault) = &fault {
                    tell(&events, &namespace, about.as_ref(), fault);
                } else {
                    tracing::info!(namespace, "the Secret {SECRET} is in order");
                }
                told = fault;
            }
            tokio::time::sleep(ROUND).await;
        }
    };
    tokio::join!(keeping, write_events);
}

/// The Secret as it is, made if there is none.
async fn look(secrets: &Api<Secret>) -> Result<Secret, Trouble> {
    if let Some(secret) = secrets.get_opt(SECRET).await? {
        return Ok(secret);
    }
    let made = secrets.create(&PostParams::default(), &new()?).await;
    match made {
        // Somebody else was faster.
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            Ok(secrets.get(SECRET).await?)
        }
        made => Ok(made?),
    }
}

fn new() -> Result<Secret, Trouble> {
    let mut key = vec![0; LENGTH];
    let filled = SystemRandom::new().fill(&mut key);
    filled.map_err(|Unspecified| Trouble::NoRandomness)?;
    let mut secret = Secret {
        data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(key))])),
        ..Secret::default()
    };
    secret.metadata.name = Some(SECRET.to_owned());
    Ok(secret)
}

/// What is wrong with a Secret; it is somebody's, and left as it is.
fn fault(secret: &Secret) -> Option<String> {
    let key = secret.data.as_ref().and_then(|data| data.get(KEY));
    let lacks = match key {
        None => "has no key named",
        Some(key) if key.0.is_empty() => "has nothing under the key",
        Some(_) => return None,
    };
    Some(format!(
        "the Secret {SECRET} {lacks} {KEY}, so speakers cannot trust each other; put {LENGTH} random \
         bytes there, or delete it and have it made anew"
    ))
}

fn tell(events: &Events, namespace: &str, about: Option<&Secret>, fault: &str) {
    tracing::warn!(namespace, "the Secret {SECRET} is not in order: {fault}");
    let Some(secret) = about else {
        return;
    };
    events.tell(Told {
        about: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Secret".to_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(SECRET.to_owned()),
            uid: secret.uid(),
            ..ObjectReference::default()
        },
        kind: Kind::Warning,
        reason: "KeyMissing",
        action: "Read",
        note: fault.to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(data: &[(&str, &[u8])]) -> Secret {
        let data = data.iter();
        let data = data.map(|(name, bytes)| ((*name).to_owned(), ByteString(bytes.to_vec())));
        Secret {
            data: Some(data.collect()),
            ..Secret::default()
        }
    }

    #[test]
    fn every_secret_that_is_made_is_another_and_in_order() {
        let (one, other) = (new().unwrap(), new().unwrap());
        assert_ne!(one.data, other.data);
        assert_eq!(one.data.as_ref().unwrap()[KEY].0.len(), LENGTH);
        assert_eq!(fault(&one), None);
    }

    #[test]
    fn a_secret_needs_something_under_its_key() {
        assert_eq!(fault(&secret(&[(KEY, b"x"), ("next", b"")])), None);
        for (odd, words) in [
            (secret(&[("next", b"x")]), "no key named key"),
            (secret(&[(KEY, b"")]), "nothing under the key key"),
            (Secret::default(), "no key named key"),
        ] {
            let told = fault(&odd).unwrap();
            assert!(told.contains(words), "{told}");
        }
    }
}
