//! The life of one Service by the hand of kubectl, with moto as AWS, which others have written from what they
//! know of it.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use landfall_test_process::{Moto, PATIENCE, Process, kubectl, moto, output};
use serde_json::{Value, json};

use crate::cluster::{Asks, Cluster};

/// The name that the world of moto has its cluster tagged with.
const CLUSTER: &str = "conformance";

/// An account of the story's own, and kubectl in the story's namespace.
struct Hand {
    moto: &'static Moto,
    account: String,
    kubectl: PathBuf,
    cluster: Cluster,
}

impl Hand {
    /// Runs kubectl, which must succeed, and tells what it prints.
    fn kubectl(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", &self.cluster.kubeconfig);
        command.args(["--namespace", &self.cluster.namespace]);
        let (succeeded, text) = output(command.args(arguments));
        assert!(succeeded, "kubectl {arguments:?}: {text}");
        text
    }

    /// A controller that is ready, with these lines of configuration more.
    fn controller(&self, made: &Value, more: &str) -> Process {
        let text = |key: &str| made[key].as_str().unwrap();
        let mut controller = self.cluster.start_controller(&Asks {
            cluster: CLUSTER,
            region: text("region"),
            vpc: text("vpc"),
            url: &self.moto.url,
            key: &self.account,
            more,
        });
        controller.wait_until_ready();
        controller
    }

    /// Has kubectl create this.
    fn create(&self, object: &Value) {
        let file = self.cluster.folder.path().join("object.json");
        std::fs::write(&file, object.to_string()).unwrap();
        self.kubectl(&["create", "--filename", file.to_str().unwrap()]);
    }

    /// Waits until kubectl finds that the Service serves as it is now, and tells its host name.
    fn until_served(&self, name: &str) -> String {
        for condition in ["Provisioned", "Serving"] {
            let condition = format!("--for=condition=landfall.dev/{condition}");
            self.kubectl(&["wait", &condition, "--timeout=60s", "service", name]);
        }
        let path = "jsonpath={.status.loadBalancer.ingress[0].hostname}";
        self.kubectl(&["get", "service", name, "--output", path])
    }

    /// What load balancers consist of at moto, each thing in some words; and all security groups.
    fn parts(&self) -> Vec<String> {
        let parts = self.moto.ask("parts", &json!({"account": self.account}));
        let what = |it: &Value| it["what"].as_str().unwrap().to_owned();
        let mut parts: Vec<_> = parts.as_array().unwrap().iter().map(what).collect();
        parts.sort();
        parts
    }

    /// Waits until exactly this is there.
    async fn until_there_is(&self, mut expected: Vec<String>) {
        expected.sort();
        until("exactly that is there", || {
            let parts = self.parts();
            let is_so = parts == expected;
            (is_so, format!("{parts:#?} instead of {expected:#?}"))
        })
        .await;
    }

    /// Waits until the controller has compared all that is there with what it knows.
    async fn until_compared(&self) {
        let read = || {
            let counts = self.moto.ask("counts", &json!({"account": self.account}));
            counts["DescribeSecurityGroupRules"].as_u64().unwrap_or(0)
        };
        let before = read();
        // One may have been under way.
        let enough = before + 2;
        until("all is compared", || {
            let now = read();
            (now >= enough, format!("{now} readings of {enough}"))
        })
        .await;
    }
}

/// Waits until it is so; else what is instead is told.
async fn until(what: &str, is_so: impl Fn() -> (bool, String)) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (is_so, instead) = is_so();
        if is_so {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "waited too long until {what}: {instead}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A world at moto, with its nodes in a cluster, where moto and kubectl are there.
async fn hand(what: &str) -> Option<(Hand, Value)> {
    let moto = moto(what)?;
    let kubectl = kubectl()?;
    let made = moto.ask("world", &json!({}));
    let hand = Hand {
        moto,
        account: made["account"].as_str().unwrap().to_owned(),
        kubectl,
        cluster: Cluster::start().await,
    };
    for (index, node) in made["nodes"].as_array().unwrap().iter().enumerate() {
        let id = node["providerId"].as_str().unwrap();
        hand.cluster.create_node(index, id).await;
    }
    Some((hand, made))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walk_with_kubectl_where_moto_is_aws_leaves_nothing_there() {
    let Some((hand, made)) = hand("the walk with kubectl").await else {
        return;
    };
    let before = hand.parts();
    assert!(
        before.iter().all(|it| it == "security group with 0"),
        "{before:?}"
    );
    let _controller = hand.controller(&made, "");

    let service = hand
        .cluster
        .service("web", &[80], &[("scheme", "internet-facing")]);
    hand.create(&service);
    let hostname = hand.until_served("web");
    let with = |listener| {
        // One of the groups that were there is that of the nodes, which lets in the shared one.
        let mut all = before[1..].to_vec();
        let made = [
            listener,
            "load balancer internet-facing",
            "security group with 0",
            "security group with 1",
            "security group with 1",
            "target group TCP 80 with 3",
        ];
        all.extend(made.map(str::to_owned));
        all
    };
    hand.until_there_is(with("listener TCP 80")).await;

    let patch = json!([{"op": "replace", "path": "/spec/ports/0/port", "value": 8080}]);
    let patch = format!("--patch={patch}");
    hand.kubectl(&["patch", "service", "web", "--type=json", &patch]);
    assert_eq!(hand.until_served("web"), hostname);
    hand.until_there_is(with("listener TCP 8080")).await;
    // What is removed then is what was read, not what was made.
    hand.until_compared().await;

    hand.kubectl(&["delete", "service", "web", "--timeout=60s"]);
    hand.until_there_is(before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_controller_has_made_at_moto_is_taken_over_by_the_hand_of_kubectl() {
    let Some((hand, made)) = hand("taking over with kubectl").await else {
        return;
    };
    let namespace = hand.cluster.namespace.clone();
    let class = format!("{namespace}.example.com/nlb");
    let mut service = hand.cluster.service("web", &[80, 443], &[]);
    service["metadata"]["finalizers"] = json!(["service.k8s.aws/resources"]);
    service["spec"]["loadBalancerClass"] = json!(class);
    hand.create(&service);
    let path = "jsonpath={range .spec.ports[*]}{.port}:{.nodePort} {end}";
    let ports = hand.kubectl(&["get", "service", "web", "--output", path]);
    let mut arguments = vec![hand.account.as_str(), "theirs", &namespace, "web"];
    arguments.extend(ports.split_whitespace());
    let hostname = hand.moto.inherit(&arguments).to_lowercase();
    let status = json!({"status": {"loadBalancer": {"ingress": [{"hostname": hostname}]}}});
    let patch = format!("--patch={status}");
    let by = ["--subresource=status", "--type=merge", patch.as_str()];
    hand.kubectl(&[&["patch", "service", "web"], by.as_slice()].concat());
    // Nobody renews it.
    hand.create(&json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader"},
        "spec": {"holderIdentity": "them", "leaseDurationSeconds": 1},
    }));
    let before = hand.parts();
    let more = format!(
        "  takesOver: {{class: {class}, clusterName: theirs, leaseNamespace: {namespace}, leaseName: leader}}\n"
    );
    let _controller = hand.controller(&made, &more);
    assert_eq!(hand.until_served("web"), hostname);
    until("its finalizer is gone", || {
        let path = "jsonpath={.metadata.finalizers}";
        let finalizers = hand.kubectl(&["get", "service", "web", "--output", path]);
        let is_so = finalizers == r#"["service.kubernetes.io/load-balancer-cleanup"]"#;
        (is_so, finalizers)
    })
    .await;
    // Beside what was there, the group that load balancers of ours have in common; nodes let it in, too.
    let mut expected = before.clone();
    let nodes = expected.iter().position(|it| it == "security group with 1");
    expected[nodes.unwrap()] = "security group with 2".to_owned();
    expected.push("security group with 0".to_owned());
    hand.until_there_is(expected).await;

    hand.kubectl(&["delete", "service", "web", "--timeout=60s"]);
    until("no load balancer is left", || {
        let parts = hand.parts();
        let is_so = parts.iter().all(|it| it.starts_with("security group"));
        (is_so, format!("{parts:#?}"))
    })
    .await;
}
