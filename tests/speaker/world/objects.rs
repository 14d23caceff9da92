//! What speakers read, as people, the controller and Kubernetes write it.

use std::fmt::Debug;
use std::net::Ipv4Addr;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Node, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use landfall_bare_metal_resources::crds;
use landfall_bare_metal_resources::kinds::{AddressPool, L2Advertisement};
use landfall_bare_metal_resources::metallb::KINDS;
use landfall_bare_metal_resources::speaker::SECRET;
use landfall_test_network as network;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{KUBECONFIG, World, eventually};

/// Where MetalLB was, in the one story that has its objects.
const METALLB: &str = "metallb-spoken";

impl World {
    /// What each story has: kinds, nodes, a key, a pool, and an advertisement.
    pub(super) async fn install(&self) {
        for crd in crds() {
            self.define(&crd).await;
        }
        let name = json!({"metadata": {"name": self.namespace}});
        self.create(&Api::<Namespace>::all(self.client.clone()), name)
            .await;
        self.set_keys(&[("key", super::KEY)]).await;
        for node in self.lan.nodes().map(str::to_owned).collect::<Vec<_>>() {
            self.add_node(&node).await;
        }
        let label = json!({"story": self.namespace});
        let pool = json!({
            "apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
            "metadata": {"name": self.namespace, "labels": label},
            "spec": {"addresses": ["192.0.2.200-192.0.2.239", "fd00:192:0:2::1000-fd00:192:0:2::1fff"]},
        });
        self.create(&self.everywhere::<AddressPool>(), pool).await;
        self.advertise(json!({})).await;
    }

    /// Makes the story's advertisement, or changes it.
    pub async fn advertise(&self, spec: Value) {
        let mut spec = spec;
        spec["pools"] = json!([self.namespace]);
        let selector = json!({"matchLabels": {"story": self.namespace}});
        spec["nodeSelector"] = spec.get("nodeSelector").cloned().unwrap_or(selector);
        let advertisement = json!({
            "apiVersion": "landfall.dev/v1alpha1", "kind": "L2Advertisement",
            "metadata": {"name": self.namespace}, "spec": spec,
        });
        let applied = PatchParams::apply("stories").force();
        let patch = Patch::Apply(advertisement);
        let api = self.everywhere::<L2Advertisement>();
        api.patch(&self.namespace, &applied, &patch).await.unwrap();
    }

    /// Selects a host's Node.
    pub fn selector(&self, host: &str) -> Value {
        json!({"matchLabels": {"story": self.namespace, "host": host}})
    }

    /// Advertises so, with the first node preferred to the second, that to the third and so on.
    pub async fn advertise_in_order(&self, spec: Value) {
        let mut spec = spec;
        let nodes = self.lan.nodes().zip((1..=100).rev());
        let preferred =
            nodes.map(|(host, weight)| json!({"weight": weight, "selector": self.selector(host)}));
        spec["preferredNodes"] = preferred.collect();
        self.advertise(spec).await;
    }

    /// Has the story's pool have these ranges.
    pub async fn pool(&self, ranges: &[&str]) {
        let patch = Patch::Merge(json!({"spec": {"addresses": ranges}}));
        let parameters = PatchParams::default();
        let pools = self.everywhere::<AddressPool>();
        let patched = pools.patch(&self.namespace, &parameters, &patch).await;
        patched.unwrap();
    }

    /// The name of the Node of a host: nodes are the whole cluster's.
    pub fn node(&self, host: &str) -> String {
        self.lan.namespace(host)
    }

    async fn add_node(&self, host: &str) {
        let (ipv4, ipv6) = self.lan.addresses(host);
        let name = self.node(host);
        let nodes = self.everywhere::<Node>();
        let labels = json!({"story": self.namespace, "host": host});
        self.create(
            &nodes,
            json!({"metadata": {"name": name, "labels": labels}}),
        )
        .await;
        let addresses = [ipv4.to_string(), ipv6.to_string()];
        let addresses = addresses.map(|it| json!({"type": "InternalIP", "address": it}));
        let patch = Patch::Merge(json!({"status": {"addresses": addresses}}));
        nodes
            .patch_status(&name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Changes the Node of a host.
    pub async fn patch_node(&self, host: &str, patch: Value) {
        let nodes = self.everywhere::<Node>();
        let patch = Patch::Merge(patch);
        nodes
            .patch(&self.node(host), &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Sets what the Secret of the speakers has.
    pub async fn set_keys(&self, keys: &[(&str, &str)]) {
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.namespace);
        let data = keys
            .iter()
            .map(|(name, it)| ((*name).to_owned(), ByteString(it.as_bytes().to_vec())));
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(SECRET.to_owned()),
                ..ObjectMeta::default()
            },
            data: Some(data.collect()),
            ..Secret::default()
        };
        let made = api.create(&PostParams::default(), &secret).await;
        if made.is_err() {
            let known = api.get(SECRET).await.unwrap();
            let secret = Secret {
                metadata: known.metadata,
                ..secret
            };
            api.replace(SECRET, &PostParams::default(), &secret)
                .await
                .unwrap();
        }
    }

    /// Installs MetalLB's kinds, and its namespace.
    pub async fn install_metallb(&self) {
        let crds = include_str!("../../deploy/metallb.yaml");
        let crds: Vec<CustomResourceDefinition> = serde_saphyr::from_multiple(crds).unwrap();
        for crd in crds {
            self.define(&crd).await;
        }
        let namespace = json!({"metadata": {"name": METALLB}});
        self.create(&Api::<Namespace>::all(self.client.clone()), namespace)
            .await;
    }

    fn metallb(&self, kind: &str) -> Api<DynamicObject> {
        let kind = KINDS.into_iter().find(|it| it.singular == kind);
        Api::namespaced_with(self.client.clone(), METALLB, &kind.unwrap().resource())
    }

    /// Makes an object of MetalLB's.
    pub async fn put_metallb(&self, kind: &str, name: &str, spec: Value) {
        let value = json!({
            "apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        let object = serde_json::from_value(value).unwrap();
        let parameters = PostParams::default();
        let created = self.metallb(kind).create(&parameters, &object).await;
        created.unwrap();
    }

    /// Deletes an object of MetalLB's.
    pub async fn remove_metallb(&self, kind: &str, name: &str) {
        let parameters = DeleteParams::default();
        let deleted = self.metallb(kind).delete(name, &parameters).await;
        deleted.unwrap();
    }

    async fn define(&self, crd: &CustomResourceDefinition) {
        let api = self.everywhere::<CustomResourceDefinition>();
        let name = crd.name_any();
        let applied = PatchParams::apply("stories").force();
        eventually(&format!("{name} is served"), async || {
            let applied = api.patch(&name, &applied, &Patch::Apply(crd)).await;
            let is_established = |it: &CustomResourceDefinition| {
                let conditions = it.status.iter().flat_map(|it| it.conditions.iter());
                let mut conditions = conditions.flatten();
                conditions.any(|it| it.type_ == "Established" && it.status == "True")
            };
            applied.is_ok_and(|it| is_established(&it))
        })
        .await;
    }

    pub fn everywhere<K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>>(
        &self,
    ) -> Api<K> {
        Api::all(self.client.clone())
    }

    async fn create<K>(&self, api: &Api<K>, object: Value)
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug,
    {
        let object: K = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }

    fn services(&self) -> Api<Service> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Makes a Service that has these addresses, as the controller would give them to it, with pods on
    /// these hosts.
    pub async fn service(&self, name: &str, addresses: &[&str], policy: &str, hosts: &[&str]) {
        let service = json!({
            "metadata": {"name": name},
            "spec": {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": false,
                "externalTrafficPolicy": policy,
                "ports": [{"port": 80}],
            },
        });
        self.put_service(service).await;
        self.set_pods(name, hosts).await;
        self.give(name, addresses).await;
    }

    /// Makes a Service.
    pub async fn put_service(&self, service: Value) {
        self.create(&self.services(), service).await;
    }

    /// A Service as it is.
    pub async fn get_service(&self, name: &str) -> Value {
        serde_json::to_value(self.services().get(name).await.unwrap()).unwrap()
    }

    /// Writes addresses into a Service's status.
    pub async fn give(&self, name: &str, addresses: &[&str]) {
        let ingress = addresses.iter().map(|it| json!({"ip": it}));
        let ingress: Vec<_> = ingress.collect();
        let announced = json!({
            "type": "landfall.dev/Announced", "status": "False", "reason": "NoSpeaker", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let status = json!({"loadBalancer": {"ingress": ingress}, "conditions": [announced]});
        let patch = Patch::Merge(json!({"status": status}));
        let services = self.services();
        services
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// The address of a host's pod.
    pub fn pod_address(&self, host: &str) -> Ipv4Addr {
        let [.., number] = self.lan.addresses(host).0.octets();
        Ipv4Addr::new(10, 244, number, 1)
    }

    /// Starts what answers on each node, and its kube-proxy.
    pub fn traffic(&self) -> network::Traffic {
        let nodes = self.lan.nodes().map(|host| network::Node {
            host: host.to_owned(),
            name: self.node(host),
            pod: self.pod_address(host),
        });
        let nodes: Vec<_> = nodes.collect();
        let kubeconfig = self.folder.path().join(KUBECONFIG);
        network::Traffic::start(&self.lan, &nodes, &kubeconfig, self.folder.path())
    }

    /// Has a Service's pods be on these hosts.
    pub async fn set_pods(&self, service: &str, hosts: &[&str]) {
        let api = Api::<EndpointSlice>::namespaced(self.client.clone(), &self.namespace);
        let endpoints = hosts.iter().map(|host| {
            let conditions = json!({"ready": true, "serving": true});
            let address = self.pod_address(host);
            json!({"addresses": [address], "nodeName": self.node(host), "conditions": conditions})
        });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4", "endpoints": endpoints.collect::<Vec<_>>(),
            "ports": [{"port": 8080}],
        });
        let applied = PatchParams::apply("stories").force();
        api.patch(service, &applied, &Patch::Apply(slice))
            .await
            .unwrap();
    }

    /// Deletes a Service.
    pub async fn delete(&self, service: &str) {
        self.services()
            .delete(service, &DeleteParams::default())
            .await
            .unwrap();
    }
}
