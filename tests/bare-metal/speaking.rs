//! What speakers report, and what Services are told of it. The reports are written here as speakers
//! would write them.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::http::Method;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use landfall_bare_metal_resources::kinds::SpeakerStatus;
use serde_json::{Value, json};

use crate::cli::sandbox;
use crate::clients::before_each;
use crate::objects::{condition, service};
use crate::place::{STORY, object};
use crate::process::{output, program};
use crate::world::World;

const ADDRESS: &str = "192.0.2.200";

/// Nodes with speakers that report nothing, and a Service that has an address and a pod.
struct Story {
    world: World,
    speakers: Api<SpeakerStatus>,
    /// Writes to Services that were begun: whoever sees what was written finds it counted.
    writes: Arc<AtomicU64>,
}

/// A client that counts its writes to Services.
fn counting(client: Client, writes: Arc<AtomicU64>) -> Client {
    before_each(client, move |request| {
        if request.method() != Method::GET && request.uri().path().contains("/services/") {
            writes.fetch_add(1, Ordering::SeqCst);
        }
        std::future::ready(())
    })
}

impl Story {
    async fn begin(nodes: &[&str]) -> Self {
        let mut world = World::without_controller().await;
        world.install().await;
        world.pool("a", json!({"addresses": [ADDRESS]})).await;
        let writes = Arc::<AtomicU64>::default();
        world.place.client = counting(world.place.client.clone(), writes.clone());
        world.start_controller().await;
        let speakers = Api::all(world.place.client.clone());
        let pools = json!({"pools": [world.named("a")]});
        world.advertise("lan", pools).await;
        let story = Self {
            world,
            speakers,
            writes,
        };
        for node in nodes {
            story.join(node).await;
        }
        story.expose().await;
        story
    }

    /// A node comes, with a speaker.
    async fn join(&self, node: &str) {
        let client = self.world.place.client.clone();
        let metadata = self.metadata(node);
        let of_node: Node = object(json!({"metadata": metadata}));
        let nodes = Api::<Node>::all(client);
        nodes
            .create(&PostParams::default(), &of_node)
            .await
            .unwrap();
        let of_speaker: SpeakerStatus = object(json!({
            "apiVersion": "landfall.dev/v1alpha1", "kind": "SpeakerStatus",
            "metadata": metadata, "spec": {},
        }));
        let parameters = PostParams::default();
        let made = self.speakers.create(&parameters, &of_speaker).await;
        made.unwrap();
    }

    fn metadata(&self, node: &str) -> Value {
        let labels = json!({STORY: self.world.place.namespace});
        json!({"name": self.world.named(node), "labels": labels})
    }

    /// A Service with a pod that is ready.
    async fn expose(&self) {
        self.world.create(&service("web")).await;
        self.world.until_at("web", &[ADDRESS]).await;
        let slice: EndpointSlice = object(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "web", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "endpoints": [{
                "addresses": ["10.1.0.1"],
                "conditions": {"ready": true},
                "nodeName": self.world.named("n1"),
            }],
            "ports": [{"port": 8080}],
        }));
        let (client, namespace) = (&self.world.place.client, &self.world.place.namespace);
        let slices = Api::<EndpointSlice>::namespaced(client.clone(), namespace);
        slices.create(&PostParams::default(), &slice).await.unwrap();
        self.until("NoSpeaker").await;
    }

    /// A speaker writes a status.
    async fn write(&self, node: &str, status: Value) -> bool {
        let name = self.world.named(node);
        let (parameters, patch) = (PatchParams::default(), json!({"status": status}));
        let patched = self
            .speakers
            .patch_status(&name, &parameters, &Patch::Merge(patch))
            .await;
        patched.is_ok()
    }

    /// A speaker announces the address on these interfaces, if on any, and has lost these others.
    async fn report(&self, node: &str, interfaces: &[&str], lost: &[&str]) {
        let address = json!({
            "address": ADDRESS, "interfaces": interfaces, "state": "Announced",
            "since": "2026-01-02T03:04:05Z",
        });
        let addresses: Vec<_> = interfaces.first().map(|_| address).into_iter().collect();
        let peer = |it: &&str| json!({"node": self.world.named(it), "alive": false});
        let status = json!({
            "addressCount": addresses.len(),
            "addresses": addresses,
            "peers": lost.iter().map(peer).collect::<Vec<_>>(),
        });
        assert!(self.write(node, status).await);
    }

    /// Waits until the Service is told this of its announcing, and returns the message.
    async fn until(&self, reason: &str) -> String {
        let what = format!("is told {reason}");
        let told = |it: &Value| condition(it, "landfall.dev/Announced")["reason"] == reason;
        let web = self.world.until("web", &what, told).await;
        let announced = condition(&web, "landfall.dev/Announced");
        let status = match reason {
            "Announced" | "Contested" => "True",
            _ => "False",
        };
        assert_eq!(announced["status"], status);
        assert_eq!(condition(&web, "landfall.dev/Serving")["status"], status);
        announced["message"].as_str().unwrap().to_owned()
    }

    /// Waits until the Service is told that this node announces it.
    async fn until_by(&self, node: &str, interface: &str) {
        let message = format!("{ADDRESS} by {} ({interface})", self.world.named(node));
        self.world
            .until("web", &message, |it| {
                condition(it, "landfall.dev/Announced")["message"] == message.as_str()
            })
            .await;
    }

    /// Writes to Services so far.
    fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_service_is_told_which_node_announces_its_address_and_what_is_in_the_way() {
    let story = Story::begin(&["n1"]).await;
    // Other stories in this cluster have speakers, or none.
    let told = story.until("NoSpeaker").await;
    let nobody = format!("no speaker announces {ADDRESS}: ");
    assert!(told.starts_with(&nobody), "{told}");
    story.report("n1", &["eth0"], &[]).await;
    story.until_by("n1", "eth0").await;
    story.until("Announced").await;

    let rival = |state: &str| {
        json!({"addressCount": 1, "addresses": [{
            "address": ADDRESS, "interfaces": ["eth0"], "state": state,
            "contestedBy": "02:00:00:00:00:01",
        }]})
    };
    assert!(story.write("n1", rival("Announced")).await);
    let defended = story.until("Contested").await;
    assert!(defended.contains("02:00:00:00:00:01"), "{defended}");
    story.world.until_told("web", "Contested").await;
    assert!(story.write("n1", rival("Contested")).await);
    let yielded = story.until("AddressInUse").await;
    assert!(yielded.contains("02:00:00:00:00:01"), "{yielded}");

    // Of a node that is gone the report is left for a while.
    story.report("n1", &["eth0"], &[]).await;
    story.until("Announced").await;
    let nodes = Api::<Node>::all(story.world.place.client.clone());
    let name = story.world.named("n1");
    nodes.delete(&name, &DeleteParams::default()).await.unwrap();
    story.until("NoSpeaker").await;
}

#[tokio::test]
async fn a_fail_over_is_one_write() {
    let story = Story::begin(&["n1", "n2", "n3"]).await;
    story.report("n1", &["eth0"], &[]).await;
    story.report("n2", &[], &[]).await;
    story.until_by("n1", "eth0").await;
    let before = story.writes();
    // The dead one's report stays as it was.
    story.report("n3", &[], &["n1"]).await;
    story.report("n2", &["eth1"], &["n1"]).await;
    story.until_by("n2", "eth1").await;
    assert_eq!(story.writes(), before + 1);
    // What is not of the Service's is no write: the next one is the first.
    story.report("n3", &[], &["n1", "n2"]).await;
    story.report("n3", &[], &["n1"]).await;
    story.report("n2", &["eth2"], &["n1"]).await;
    story.until_by("n2", "eth2").await;
    assert_eq!(story.writes(), before + 2);
}

#[tokio::test]
async fn many_changes_within_a_second_are_at_most_two_writes() {
    let story = Story::begin(&["n1"]).await;
    let (before, start) = (story.writes(), Instant::now());
    for number in 0..5 {
        story.report("n1", &[&format!("eth{number}")], &[]).await;
    }
    story.until_by("n1", "eth4").await;
    let seconds = start.elapsed().as_secs();
    let writes = story.writes() - before;
    // Where the machine is slow the changes take longer.
    assert!(
        (1..=2 + seconds).contains(&writes),
        "{writes} in {seconds} s"
    );
}

#[tokio::test]
async fn a_report_that_makes_no_sense_harms_no_other() {
    let story = Story::begin(&["n1", "n2"]).await;
    let odd = [
        json!({"addresses": "all", "peers": 7, "interfaces": {}}),
        json!({"addresses": [{"address": "nowhere", "state": "Announced"}, {"address": ADDRESS}]}),
        json!({"addresses": [{"address": ADDRESS, "state": "Glowing", "since": "soon"}]}),
        json!({"peers": [{"node": "", "alive": "maybe"}, null], "peersAlive": -1}),
        json!({"startedAt": "yesterday", "peerPort": 70000, "addressCount": "many"}),
    ];
    let nowhere = json!({"address": "nowhere", "state": "Announced"});
    let self_lost = json!({"node": story.world.named("n1"), "alive": false});
    let taken = json!({"addresses": [nowhere], "peers": [self_lost, {"node": "?"}], "colour": 1});
    assert!(story.write("n1", taken).await);
    for (number, status) in odd.into_iter().enumerate() {
        // Where the definition forbids it, the API server refuses it.
        story.write("n1", status).await;
        let interface = format!("eth{number}");
        story.report("n2", &[&interface], &[]).await;
        story.until_by("n2", &interface).await;
    }
}

#[test]
fn landfall_status_shows_what_speakers_report() {
    let Some((_sandbox, cli)) = sandbox(&[]) else {
        return;
    };
    let status = || {
        let mut command = Command::new(program("landfall"));
        output(
            command
                .args(["status", "--kubeconfig"])
                .arg(&cli.kubeconfig),
        )
    };
    let (succeeded, said) = status();
    assert!(
        succeeded && said.contains("no speaker has reported"),
        "{said}"
    );
    cli.make(
        "{apiVersion: landfall.dev/v1alpha1, kind: SpeakerStatus, metadata: {name: node-1}, \
         spec: {}}",
    );
    let address = json!({"address": ADDRESS, "interfaces": ["eth0"], "state": "Announced"});
    let report = json!({"status": {"addressCount": 1, "addresses": [address]}});
    cli.run(&format!(
        "patch speaker node-1 --subresource=status --type=merge -p {report}"
    ));
    let (succeeded, said) = status();
    assert!(succeeded, "{said}");
    for line in [
        "NODE     ADDRESSES",
        "node-1   1 ",
        "192.0.2.200   node-1   eth0 ",
    ] {
        assert!(said.contains(line), "{said}");
    }
    let listed = cli.run("get speakers");
    assert!(listed.contains("NAME     ADDRESSES   PEERS"), "{listed}");
}
