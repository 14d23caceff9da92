//! `deploy/bare-metal`, on a node: the speaker as a pod has it, with the capabilities that a
//! container runtime leaves to it.

use std::fs;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{ConfigMap, Container, Node, Pod};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use landfall_test_network::{Lan, is_possible_or_skip};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::account::Account;
use super::gateway::Gateway;
use crate::plane::{METALLB, NAMESPACE, Plane, client, own, until};
use crate::process::{Process, output, program};

const ACCOUNT: &str = "landfall-speaker";
/// The one host of the network that is a node.
const HOST: &str = "node1";
/// Kinds of which something goes while the speaker looks away.
const RELISTED: [&str; 7] = [
    "services",
    "endpointslices.discovery.k8s.io",
    "nodes",
    "l2advertisements.landfall.dev",
    "addresspools.landfall.dev",
    "bgpadvertisements.landfall.dev",
    "bgppeers.landfall.dev",
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
/// `CAP_NET_RAW` alone (capabilities(7): number 13).
const NET_RAW: &str = "0000000000002000";

struct Life {
    plane: Plane,
    lan: Lan,
    account: Account,
    /// MetalLB's namespace here.
    metallb: String,
    gateway: Gateway,
    folder: TempDir,
    /// The manifest's.
    container: Container,
}

impl Life {
    async fn prepare(plane: Plane) -> Self {
        let lan = Lan::new(1);
        // It is installed beside others.
        let here = own("landfall-speaking");
        let moved = [(NAMESPACE, here.as_str())];
        plane.install("deploy/bare-metal", &moved).await;
        // What a try before this one has left has the same addresses.
        let left = "delete services --all-namespaces -l landfall.dev/story=speaking";
        let (deleted, said) = plane.try_kubectl(left);
        assert!(deleted, "{said}");
        let objects = "tests/deploy/audit/speaking.yaml";
        plane.apply(objects, &moved).await;
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        plane.account_kubeconfig(&here, ACCOUNT, &kubeconfig).await;
        let gateway = Gateway::start(client(&kubeconfig).await, lan.gateway()).await;
        gateway.write_kubeconfig(&kubeconfig);
        let sets = Api::<DaemonSet>::namespaced(plane.client.clone(), &here);
        let set = sets.get("landfall-speaker").await.unwrap().spec;
        let container = set.template.spec.unwrap().containers.remove(0);
        let account = Account {
            client: plane.client.clone(),
            namespace: here,
            name: ACCOUNT,
        };
        let life = Self {
            plane,
            lan,
            account,
            metallb: own("metallb-speaking"),
            gateway,
            folder,
            container,
        };
        life.configure().await;
        life.add_node().await;
        life.give("spoken", "192.0.2.200");
        life.give("unseen", "192.0.2.201");
        life
    }

    /// The same, moved to another overlay, in a cluster where MetalLB was.
    async fn with_metallb(self) -> Self {
        let plane = &self.plane;
        plane
            .had_metallb(&self.metallb, "tests/deploy/audit/spoken.yaml", self.here())
            .await;
        let moved = [(NAMESPACE, self.here()), (METALLB, &self.metallb)];
        plane.install("examples/metallb", &moved).await;
        self.configure().await;
        self
    }

    /// Writes down what the pods would find.
    async fn configure(&self) {
        let maps = Api::<ConfigMap>::namespaced(self.plane.client.clone(), self.here());
        let maps = maps.list(&ListParams::default()).await.unwrap().items;
        let configured = |map: ConfigMap| map.data?.remove("speaker.yaml");
        let config = maps.into_iter().find_map(configured).unwrap();
        fs::write(self.folder.path().join("speaker.yaml"), config).unwrap();
    }

    /// Where it is installed.
    fn here(&self) -> &str {
        &self.account.namespace
    }

    fn node(&self) -> String {
        self.lan.namespace(HOST)
    }

    async fn add_node(&self) {
        let nodes = Api::<Node>::all(self.plane.client.clone());
        let name = self.node();
        let node = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux"}},
        });
        self.plane.make_node(node).await;
        let address = json!({"type": "InternalIP", "address": self.lan.addresses(HOST).0});
        let patch = Patch::Merge(json!({"status": {"addresses": [address]}}));
        let parameters = PatchParams::default();
        let patched = nodes.patch_status(&name, &parameters, &patch);
        patched.await.unwrap();
    }

    /// Gives a Service an address, as the controller would.
    fn give(&self, service: &str, address: &str) {
        let condition = json!({
            "type": "landfall.dev/Announced", "status": "False", "reason": "NoSpeaker",
            "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let status = json!({
            "loadBalancer": {"ingress": [{"ip": address}]}, "conditions": [condition],
        });
        let here = self.here();
        let patch =
            format!("-n {here} patch service {service} --subresource=status --type=merge -p");
        let patch = format!("{patch} {}", json!({"status": status}));
        let (patched, said) = self.plane.try_kubectl(&patch);
        assert!(patched, "{said}");
    }

    /// The program that it runs.
    fn program(&self) -> &str {
        let command = self.container.command.as_ref().unwrap();
        command[0].strip_prefix('/').unwrap()
    }

    /// The container's process, on the host.
    fn start(&self) -> Process {
        let mut command = self.lan.command(HOST, "setpriv");
        // What stays in the bounding set is what root has after the program is started.
        command
            .args(["--bounding-set=-all,+net_raw", "--inh-caps=-all"])
            .args(["--no-new-privs", "--"])
            .arg(program(self.program()));
        let folder = self.folder.path().to_str().unwrap();
        for argument in self.container.args.iter().flatten() {
            let argument = argument.replace("$(NODE_NAME)", &self.node());
            let argument = argument.replace("/etc/landfall", folder);
            command.arg(argument);
        }
        command
            .arg(format!("--kubeconfig={folder}/kubeconfig"))
            .arg(format!("--namespace={}", self.here()));
        let mut speaker = Process::start(&mut command);
        speaker.wait_until_ready();
        speaker
    }

    /// The addresses that it reports as announced.
    fn announced(&self) -> Vec<String> {
        let asked = format!("get speakerstatus {} -o json", self.node());
        let (_, said) = self.plane.try_kubectl(&asked);
        let status: Value = serde_json::from_str(&said).unwrap_or_default();
        let addresses = status["status"]["addresses"].as_array().cloned();
        let addresses = addresses.unwrap_or_default().into_iter();
        let announced = addresses.filter(|it| it["state"] == "Announced");
        announced
            .map(|it| it["address"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn until_announced(&self, expected: &[&str]) {
        let what = format!("{expected:?} are announced");
        until(&what, async || self.announced() == expected).await;
    }

    /// Waits until there is a pod: pod security lets it be.
    async fn until_there_is_a_pod(&self) {
        let pods = Api::<Pod>::namespaced(self.plane.client.clone(), self.here());
        let ours = ListParams::default().labels("app.kubernetes.io/name=landfall-speaker");
        until("a pod of the DaemonSet is there", async || {
            !pods.list(&ours).await.unwrap().items.is_empty()
        })
        .await;
    }

    async fn remove_node(&self) {
        let nodes = Api::<Node>::all(self.plane.client.clone());
        let parameters = DeleteParams::default();
        nodes.delete(&self.node(), &parameters).await.unwrap();
    }

    /// Whether the kubelet, which is on the host, would find it well.
    fn is_well(&self) -> bool {
        let probes = [
            &self.container.liveness_probe,
            &self.container.readiness_probe,
        ];
        probes.iter().all(|probe| {
            let asked = probe.as_ref().unwrap().http_get.as_ref().unwrap();
            let (host, path) = (asked.host.as_deref().unwrap(), asked.path.as_deref());
            let IntOrString::Int(port) = &asked.port else {
                panic!("{:?} has no name in a container without ports", asked.port);
            };
            let path = path.unwrap();
            let ask = format!("printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3");
            let script = format!("exec 3<>/dev/tcp/{host}/{port}; {ask}");
            let (asked, said) = output(self.lan.command(HOST, "bash").args(["-c", &script]));
            assert!(asked, "{said}");
            said.contains(" 200 ")
        })
    }

    /// The watch of the key breaks for long enough that the speaker asks whether it would work again.
    async fn lose_sight_of_the_key(&self) {
        self.gateway.fail("secrets");
        self.gateway.until_held(1).await;
        self.gateway.show();
    }

    /// Something goes while its kind is out of sight; a list tells, and is not believed.
    async fn relist(&self, resource: &str, namespace: &str) {
        let (plural, _) = resource.split_once('.').unwrap_or((resource, ""));
        self.gateway.hide(plural);
        let delete = format!("-n {namespace} delete {resource} unseen");
        let (deleted, said) = self.plane.try_kubectl(&delete);
        assert!(deleted, "{said}");
        self.gateway.show();
        let what = format!("what is missing in the list of {resource} is asked for");
        until(&what, async || {
            self.account.has_asked("get", resource, "unseen")
        })
        .await;
    }
}

/// What a process can do.
fn capabilities(id: u32) -> Vec<String> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let sets = ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"];
    let of = |set: &&str| {
        let line = status.lines().find_map(|it| it.strip_prefix(set));
        line.unwrap().trim().to_owned()
    };
    sets.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real control plane: a mock cluster has no rights and no audit log"]
async fn nothing_is_refused_to_the_speaker_and_nothing_granted_in_vain() {
    if !is_possible_or_skip("the speaker under the rights of deploy/speaker") {
        return;
    }
    let Some(plane) = Plane::find().await else {
        return;
    };
    let life = Life::prepare(plane).await;
    let mut speaker = life.start();
    let none = "0000000000000000";
    let expected = [none, NET_RAW, NET_RAW, NET_RAW, none];
    assert_eq!(capabilities(speaker.id()), expected);
    assert!(life.is_well());
    life.until_announced(&["192.0.2.200"]).await;
    for resource in RELISTED {
        life.relist(resource, life.here()).await;
    }
    life.lose_sight_of_the_key().await;
    until("it is well again", async || life.is_well()).await;
    speaker.signal("TERM");
    let ended = speaker.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    life.until_announced(&[]).await;
    let mut speaker = life.start();
    speaker.signal("TERM");
    assert_eq!(speaker.ended().status.code(), Some(0));
    life.account.judge().await;
    life.until_there_is_a_pod().await;

    let life = life.with_metallb().await;
    let mut speaker = life.start();
    for resource in RELISTED_OF_METALLB {
        life.relist(resource, &life.metallb).await;
    }
    speaker.signal("TERM");
    assert_eq!(speaker.ended().status.code(), Some(0));
    life.account.judge().await;
    life.remove_node().await;
}
