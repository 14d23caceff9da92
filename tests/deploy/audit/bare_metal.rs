//! `deploy/bare-metal`, with pools; then `examples/metallb`, which lets it read MetalLB's objects too.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use kube::Api;
use kube::api::{Patch, PatchParams};
use landfall_bare_metal_resources::kinds::SpeakerStatus;
use serde_json::{Value, json};

use super::gateway::Gateway;
use super::installed::Installed;
use crate::plane::{METALLB, NAMESPACE, Plane, client, own, until};
use crate::process::Process;

/// How the namespace begins where it is installed here, beside others.
const HERE: &str = "landfall-bare-metal";
/// Kinds of which something goes while the controller looks away.
const RELISTED: [&str; 8] = [
    "addresspools.landfall.dev",
    "addressreservations.landfall.dev",
    "l2advertisements.landfall.dev",
    "bgpadvertisements.landfall.dev",
    "bgppeers.landfall.dev",
    "speakerstatuses.landfall.dev",
    "nodes",
    "namespaces",
];
/// The same of MetalLB's.
const RELISTED_OF_METALLB: [&str; 6] = [
    "ipaddresspools.metallb.io",
    "l2advertisements.metallb.io",
    "bgpadvertisements.metallb.io",
    "bgppeers.metallb.io",
    "bfdprofiles.metallb.io",
    "communities.metallb.io",
];

struct Life {
    installed: Installed,
    gateway: Gateway,
    /// MetalLB's namespace here, since another story has objects in the usual one.
    metallb: String,
}

impl Life {
    async fn prepare(plane: Plane) -> Self {
        let (here, metallb) = (own(HERE), own("metallb-audited"));
        let moved = [(NAMESPACE, here.as_str()), (METALLB, &metallb)];
        plane.install("deploy/bare-metal", &moved).await;
        let objects = "tests/deploy/audit/objects.yaml";
        plane.apply(objects, &[]).await;
        let installed = Installed::find(plane, HERE, &here, str::to_owned).await;
        let account = client(&installed.kubeconfig()).await;
        let gateway = Gateway::start(account, Ipv4Addr::LOCALHOST).await;
        Self {
            installed,
            gateway,
            metallb,
        }
    }

    /// The same, moved to another overlay, in a cluster where MetalLB was.
    async fn with_metallb(self) -> Self {
        let plane = self.installed.plane;
        let (here, metallb) = (self.installed.account.namespace, &self.metallb);
        plane
            .had_metallb(metallb, "tests/deploy/audit/metallb.yaml", &here)
            .await;
        let moved = [(NAMESPACE, here.as_str()), (METALLB, metallb)];
        plane.install("examples/metallb", &moved).await;
        let installed = Installed::find(plane, HERE, &here, str::to_owned).await;
        Self { installed, ..self }
    }

    /// A kubeconfig that leads through the gateway.
    fn detour(&self) -> PathBuf {
        let path = self.installed.folder.path().join("detour");
        self.gateway.write_kubeconfig(&path);
        path
    }

    async fn create(&self, name: &str, annotations: Value) {
        let spec = json!({"ports": [{"port": 80}]});
        let metadata = json!({"annotations": annotations});
        self.installed.create(name, metadata, spec).await;
    }

    async fn until(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) {
        until(&format!("{name} {what}"), async || {
            let service = self.installed.services().get(name).await.unwrap();
            is_so(&serde_json::to_value(service).unwrap())
        })
        .await;
    }

    async fn until_served(&self, name: &str) {
        self.until(name, "has an address", |it| {
            it["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()
        })
        .await;
    }

    /// What kubectl finds there in an object of the provider's.
    fn told(&self, object: &str, path: &str) -> String {
        let asked = format!("get {object} -o jsonpath={{{path}}}");
        let (found, said) = self.installed.plane.try_kubectl(&asked);
        assert!(found, "{said}");
        said
    }

    async fn until_told(&self, object: &str, path: &str, expected: &str) {
        let what = format!("{object} says {expected} in {path}");
        until(&what, async || self.told(object, path) == expected).await;
    }

    /// Events: written at first, counted up when the same happens again.
    async fn fail_twice(&self) {
        let ask = |address: Value| json!({"metadata": {"annotations": {"landfall.dev/load-balancer-ips": address}}});
        self.create("asking", json!({})).await;
        for _ in 0..2 {
            self.until_served("asking").await;
            self.installed
                .patch("asking", ask("203.0.113.1".into()))
                .await;
            self.until("asking", "is refused", |it| {
                reason(it) == "AddressNotInPool"
            })
            .await;
            self.installed.patch("asking", ask(Value::Null)).await;
        }
        self.installed.until_counted_up("asking").await;
    }

    /// A speaker reports that it announces a Service's address, and the Service is told.
    async fn report(&self) {
        self.create("announced", json!({})).await;
        self.until_served("announced").await;
        let address = self.told("service/announced", ".status.loadBalancer.ingress[0].ip");
        let claim = json!({"address": address, "interfaces": ["eth0"], "state": "Announced"});
        let status = json!({"status": {"addressCount": 1, "addresses": [claim]}});
        let patch = Patch::Merge(status);
        let reports = Api::<SpeakerStatus>::all(self.installed.plane.client.clone());
        let parameters = PatchParams::default();
        let patched = reports.patch_status("speaking", &parameters, &patch).await;
        patched.unwrap();
        self.until("announced", "is announced", |it| {
            let announced = condition(it, "landfall.dev/Announced");
            announced["message"] == format!("{address} by speaking (eth0)")
        })
        .await;
        self.installed.delete("announced").await;
        self.installed.until_gone("announced").await;
    }

    /// A Service goes unseen, and its address is free for another.
    async fn vanish(&self, controller: &Process) {
        self.create("vanishing", json!({})).await;
        self.until_served("vanishing").await;
        let address = self.told("service/vanishing", ".status.loadBalancer.ingress[0].ip");
        self.installed.vanish("vanishing", controller).await;
        let ask = json!({"landfall.dev/load-balancer-ips": address});
        self.create("heir", ask).await;
        self.until_served("heir").await;
    }

    /// MetalLB's controller comes, and goes unseen.
    async fn come_back_and_go(&self) {
        let moved = [(METALLB, self.metallb.as_str())];
        let pod = "tests/deploy/audit/pod.yaml";
        self.installed.plane.apply(pod, &moved).await;
        // One without a class would be left to MetalLB.
        let class = "landfall.dev/bare-metal";
        let spec = json!({"loadBalancerClass": class, "ports": [{"port": 80}]});
        let metadata = json!({"annotations": {"metallb.io/address-pool": "passing"}});
        self.installed.create("patient", metadata, spec).await;
        self.until("patient", "waits for MetalLB's controller to go", |it| {
            reason(it) == "PoolClosed"
        })
        .await;
        self.relist("pods", &self.metallb).await;
        self.until_served("patient").await;
        self.installed.delete("patient").await;
        self.installed.until_gone("patient").await;
    }

    async fn until_event(&self, kind: &str, reason: &str) {
        let asked = format!("-n {} get events.events.k8s.io -o json", self.metallb);
        until(&format!("a {kind} has an event {reason}"), async || {
            let (_, said) = self.installed.plane.try_kubectl(&asked);
            let events: Value = serde_json::from_str(&said).unwrap_or_default();
            let mut events = events["items"].as_array().into_iter().flatten();
            events.any(|it| it["regarding"]["kind"] == kind && it["reason"] == reason)
        })
        .await;
    }

    /// Something goes while its kind is out of sight; a list tells, and is not believed.
    async fn relist(&self, resource: &str, namespace: &str) {
        let (plural, _) = resource.split_once('.').unwrap_or((resource, ""));
        self.gateway.hide(plural);
        let delete = format!("-n {namespace} delete {resource} passing");
        let (deleted, said) = self.installed.plane.try_kubectl(&delete);
        assert!(deleted, "{said}");
        self.gateway.show();
        let what = format!("what is missing in the list of {resource} is asked for");
        until(&what, async || {
            self.installed.account.has_asked("get", resource, "passing")
        })
        .await;
    }
}

/// Why a Service has no load balancer.
fn reason(service: &Value) -> Value {
    condition(service, "landfall.dev/Provisioned")["reason"].clone()
}

fn condition(service: &Value, type_: &str) -> Value {
    let conditions = service["status"]["conditions"].as_array().cloned();
    let mut conditions = conditions.unwrap_or_default().into_iter();
    conditions
        .find(|it| it["type"] == type_)
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real control plane: a mock cluster has no rights and no audit log"]
async fn nothing_is_refused_to_the_bare_metal_provider_and_nothing_granted_in_vain() {
    let Some(plane) = Plane::find().await else {
        return;
    };
    let life = Life::prepare(plane).await;
    let mut controller = life.installed.start_with(&life.detour());
    let reservation = "addressreservation/front";
    life.until_told(reservation, ".status.conditions[0].status", "True")
        .await;
    for odd in ["l2advertisement/odd", "bgpadvertisement/odd"] {
        life.until_told(odd, ".status.conditions[0].reason", "Invalid")
            .await;
    }
    life.fail_twice().await;
    life.report().await;
    for resource in RELISTED {
        life.relist(resource, "default").await;
    }
    life.vanish(&controller).await;
    life.installed.contest_the_lease(&controller).await;
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));
    let mut controller = life.installed.start();
    for name in ["asking", "heir"] {
        life.installed.delete(name).await;
        life.installed.until_gone(name).await;
    }
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));
    life.installed.account.judge().await;

    let life = life.with_metallb().await;
    let mut controller = life.installed.start_with(&life.detour());
    // Who is served is served after all kinds were read.
    let ask = json!({"metallb.io/address-pool": "passing"});
    life.create("guest", ask).await;
    life.until_served("guest").await;
    life.installed.delete("guest").await;
    life.installed.until_gone("guest").await;
    life.until_event("BGPPeer", "NotCarriedOver").await;
    life.come_back_and_go().await;
    for resource in RELISTED_OF_METALLB {
        life.relist(resource, &life.metallb).await;
    }
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));
    life.installed.account.judge().await;
}
