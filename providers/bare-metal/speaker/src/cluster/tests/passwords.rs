//! Passwords of sessions with routers, from Secrets of a cluster in this process.

use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Patch, PatchParams};
use landfall_bare_metal_resources::Peer;
use landfall_bare_metal_resources::kinds::BGPPeer;
use landfall_watch::Health;

use super::world::{cluster, here};
use super::*;
use crate::cluster::passwords::Passwords;
use crate::cluster::routing::Key as Password;
use crate::cluster::shared::Shared;

struct Following {
    shared: Arc<Shared>,
    client: Client,
    passwords: Passwords,
}

impl Following {
    async fn new() -> Self {
        let shared = Arc::new(Shared::of_node("a"));
        shared.change(|view| node(view, "a", json!({})));
        Self {
            shared,
            client: cluster().await,
            passwords: Passwords::default(),
        }
    }

    async fn secret(&self, name: &str, text: &str) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "data": {"password": ByteString(text.as_bytes().to_vec())},
        });
        let applied = PatchParams::apply("tests").force();
        let api = here::<Secret>(&self.client);
        api.patch(name, &applied, &Patch::Apply(secret))
            .await
            .unwrap();
    }

    /// A router whose password is in this Secret; None: it is gone.
    fn router(&mut self, secret: Option<&str>) {
        let peer = secret.map(|secret| {
            let value = json!({
                "apiVersion": "landfall.dev/v1alpha1", "kind": "BGPPeer",
                "metadata": {"name": "tor"},
                "spec": {"localASN": 64512, "peerASN": 64500, "address": "192.0.2.1",
                    "passwordSecretRef": {"name": secret}},
            });
            Peer::parse(&object::<BGPPeer>(value)).unwrap()
        });
        self.shared
            .change(|view| view.routing.put_peer("tor", peer));
        self.passwords
            .follow(&self.shared, &self.client, "default", &Health::default());
    }

    fn key(&self) -> Password {
        let routers = self.shared.read(|view| view.routing.routers());
        routers["tor"].key.clone()
    }

    async fn until(&self, is_so: impl Fn(&Password) -> bool) {
        let until = async {
            while !is_so(&self.key()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), until).await;
        waited.unwrap_or_else(|_| panic!("{:?}", self.key()));
    }

    async fn until_known(&self, text: &str) {
        self.until(|it| it.known().is_some_and(|it| &**it == text.as_bytes()))
            .await;
    }
}

#[tokio::test]
async fn a_password_is_followed_and_forgotten_with_the_last_router_that_needs_it() {
    let mut following = Following::new().await;
    following.router(Some("tcp"));
    assert!(matches!(following.key(), Password::Unread(_)));
    following
        .until(|it| matches!(it, Password::Missing(_)))
        .await;
    following.secret("tcp", "one").await;
    following.until_known("one").await;
    following.secret("tcp", "two").await;
    following.until_known("two").await;
    // What it says is too long to be one.
    following.secret("tcp", &"x".repeat(81)).await;
    following
        .until(|it| it.missing().is_some_and(|it| it.contains("80 bytes")))
        .await;
    following.secret("tcp", &"x".repeat(80)).await;
    following.until_known(&"x".repeat(80)).await;

    following.router(Some("other"));
    assert!(matches!(following.key(), Password::Unread(_)));
    following.router(Some("tcp"));
    // Nobody has looked at it meanwhile.
    assert!(matches!(following.key(), Password::Unread(_)));
    following.until_known(&"x".repeat(80)).await;
    following.router(None);
    following.router(Some("tcp"));
    assert!(matches!(following.key(), Password::Unread(_)));
}
