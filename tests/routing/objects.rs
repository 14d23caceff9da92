//! What a story says to the nodes of routers.

use std::fmt::Debug;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::core::ClusterResourceScope;
use kube::{Api, Resource};
use landfall_bare_metal_resources::kinds::{BGPAdvertisement, BGPPeer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::world::World;

impl World {
    /// Makes a router known to all nodes of the story, or changes it; the name is the story's own.
    pub async fn peer(&self, name: &str, spec: Value) {
        let mut spec = spec;
        let selector = json!({"matchLabels": {"story": self.namespace}});
        spec["nodeSelector"] = spec.get("nodeSelector").cloned().unwrap_or(selector);
        self.apply::<BGPPeer>("BGPPeer", &self.own(name), spec)
            .await;
    }

    /// Takes a router away.
    pub async fn remove_peer(&self, name: &str) {
        let peers = self.everywhere::<BGPPeer>();
        let (name, parameters) = (self.own(name), DeleteParams::default());
        peers.delete(&name, &parameters).await.unwrap();
    }

    /// Makes an advertisement to routers, or changes it: of the story's pool, by its nodes. Peers are called
    /// by their names in the story.
    pub async fn advertise_to_routers(&self, name: &str, spec: Value) {
        let mut spec = spec;
        spec["pools"] = json!([self.namespace]);
        let selector = json!({"matchLabels": {"story": self.namespace}});
        spec["nodeSelector"] = spec.get("nodeSelector").cloned().unwrap_or(selector);
        if let Some(peers) = spec["peers"].as_array() {
            let named = peers.iter().map(|it| json!(self.own(it.as_str().unwrap())));
            spec["peers"] = named.collect();
        }
        let kind = "BGPAdvertisement";
        self.apply::<BGPAdvertisement>(kind, &self.own(name), spec)
            .await;
    }

    /// A name for an object of the whole cluster.
    pub fn own(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace)
    }

    async fn apply<K>(&self, kind: &str, name: &str, spec: Value)
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let object = json!({
            "apiVersion": "landfall.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "labels": {"story": self.namespace}}, "spec": spec,
        });
        let applied = PatchParams::apply("stories").force();
        let patch = Patch::Apply(object);
        let api = self.everywhere::<K>();
        api.patch(name, &applied, &patch).await.unwrap();
    }

    /// Makes a Secret with a password, or changes it.
    pub async fn password(&self, name: &str, password: &str) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "type": "kubernetes.io/basic-auth",
            "data": {"password": ByteString(password.as_bytes().to_vec())},
        });
        let applied = PatchParams::apply("stories").force();
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.namespace);
        let patch = Patch::Apply(secret);
        api.patch(name, &applied, &patch).await.unwrap();
    }

    /// What a host's speaker tells of its session with a router, in this status of it.
    pub fn session_in(&self, status: &Value, peer: &str) -> Value {
        let name = json!(self.own(peer));
        let mut sessions = status["bgpSessions"].as_array().into_iter().flatten();
        sessions.find(|it| it["peer"] == name).cloned().into()
    }

    /// Waits until what a host's speaker tells of its session with a router is like this.
    pub async fn until_session_is(
        &self,
        host: &str,
        peer: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let what = format!("has a session with {peer} as it is to be");
        let status = self.until_status(host, &what, |it| is_so(&self.session_in(it, peer)));
        self.session_in(&status.await, peer)
    }

    /// Waits until a host has an established session with a router.
    pub async fn until_session(&self, host: &str, peer: &str) -> Value {
        self.until_session_is(host, peer, |it| it["state"] == "Established")
            .await
    }

    /// Waits until a host's speaker tells so of what went wrong last with a router.
    pub async fn until_error(&self, host: &str, peer: &str, says: &str) -> Value {
        self.until_session_is(host, peer, |it| {
            it["lastError"].as_str().is_some_and(|it| it.contains(says))
        })
        .await
    }
}
