//! The key by which speakers know each other's heartbeats: a Secret of the controller's namespace, made
//! where there is none. What stands there is never changed, and never told to anybody.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ObjectReference, Secret};
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};
use landfall_bare_metal_resources::speaker::{KEY, NEXT, SECRET, SHORTEST_KEY};
use landfall_events::{Events, Kind, Told};
use landfall_watch::explain;
use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a key that is made: as many as HMAC-SHA-256 has.
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
    let length = |name| Some(secret.data.as_ref()?.get(name)?.0.len());
    let (name, has) = match (length(KEY), length(NEXT)) {
        (None, _) => (KEY, "nothing".to_owned()),
        (Some(bytes), _) if bytes < SHORTEST_KEY => (KEY, format!("{bytes} bytes")),
        (_, Some(bytes)) if bytes < SHORTEST_KEY => (NEXT, format!("{bytes} bytes")),
        _ => return None,
    };
    Some(format!(
        "the Secret {SECRET} has {has} under `{name}`, and speakers need at least {SHORTEST_KEY} bytes to \
         trust each other; put {LENGTH} random ones there, or delete the Secret and have it made anew"
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
        reason: "NoKey",
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
    fn a_secret_needs_a_key_that_speakers_take() {
        let (long, short) = ([1; SHORTEST_KEY], [1; SHORTEST_KEY - 1]);
        let [good, odd] = [&long[..], &short[..]];
        assert_eq!(fault(&secret(&[(KEY, good)])), None);
        assert_eq!(fault(&secret(&[(KEY, good), (NEXT, good)])), None);
        for (secret, words) in [
            (Secret::default(), "nothing under `key`"),
            (secret(&[(NEXT, good)]), "nothing under `key`"),
            (secret(&[(KEY, b"")]), "0 bytes under `key`"),
            (secret(&[(KEY, odd)]), "15 bytes under `key`"),
            (secret(&[(KEY, good), (NEXT, odd)]), "15 bytes under `next`"),
        ] {
            let told = fault(&secret).unwrap();
            assert!(told.contains(words), "{told}");
        }
    }
}
