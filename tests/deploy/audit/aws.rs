//! `deploy/aws` with `deploy/taking-over`, and a strict stand-in for AWS.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use landfall_test_aws::{Aws, Fault, Ids, Options, Times, World};
use serde_json::{Value, json};

use super::installed::Installed;
use crate::plane::{NAMESPACE, Plane, object, own, until};
use crate::process::Process;

/// How the namespace begins where it is installed here, beside others.
const HERE: &str = "landfall-aws";
/// What the configuration ends with.
const CLASS: &str = "  class: landfall.dev/aws\n";

struct Life {
    installed: Installed,
    aws: Aws,
    ids: Ids,
}

impl Life {
    async fn prepare(plane: Plane) -> Self {
        let here = own(HERE);
        plane.apply("tests/deploy/aws-controller.yaml", &[]).await;
        plane
            .install("examples/taking-over", &[(NAMESPACE, &here)])
            .await;
        let aws = Aws::start(Options {
            provisioning: Duration::ZERO,
            initial: Duration::ZERO,
            interface_lag: Duration::ZERO,
            ..Options::default()
        });
        let ids = aws.world(&World {
            cluster: "demo".to_owned(),
            ..World::default()
        });
        let edit = |config: &str| {
            assert!(config.ends_with(CLASS), "{config}");
            format!(
                "{config}  region: {}\n  vpcId: {}\n  endpointUrl: {}\n",
                aws.region(),
                ids.vpc,
                aws.url()
            )
        };
        let installed = Installed::find(plane, HERE, &here, edit).await;
        Self {
            installed,
            aws,
            ids,
        }
    }

    fn start(&self) -> Process {
        let key = &Options::default().keys[0];
        let variables = [
            ("AWS_ACCESS_KEY_ID", key.as_str()),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        self.installed
            .start_where(&self.installed.kubeconfig(), &variables)
    }

    async fn create(&self, name: &str) {
        let spec = json!({"loadBalancerClass": "landfall.dev/aws", "ports": [{"port": 80}]});
        self.installed.create(name, json!({}), spec).await;
    }

    async fn until_named(&self, name: &str) {
        until(
            &format!("{name} has the name of a load balancer"),
            async || {
                let service = self.installed.services().get(name).await.unwrap();
                let service = serde_json::to_value(service).unwrap();
                let hostname = &service["status"]["loadBalancer"]["ingress"][0]["hostname"];
                hostname.as_str().is_some_and(|it| it.contains(".elb."))
            },
        )
        .await;
    }

    /// Events: written at first, counted up when the same happens again.
    async fn fail_twice(&self) {
        let fault = Fault::refuse("CreateTargetGroup", "InternalFailure", "Not now.", 500);
        self.aws.fault(fault.times(Times::N(3)));
        self.create("aws-web").await;
        self.until_named("aws-web").await;
        self.installed.until_counted_up("aws-web").await;
    }

    async fn change_nodes(&self) {
        let nodes = Api::<Node>::all(self.installed.plane.client.clone());
        let instance = &self.ids.nodes[0];
        let node = json!({
            "metadata": {"name": "aws-worker"},
            "spec": {"providerID": instance.provider_id},
        });
        self.installed.plane.make_node(node).await;
        until("the node is a target", async || {
            let groups = self.aws.target_groups();
            let mut targets = groups.iter().flat_map(|it| &it.targets);
            targets.any(|it| it.id == instance.id)
        })
        .await;
        let parameters = DeleteParams::default();
        nodes.delete("aws-worker", &parameters).await.unwrap();
    }
}

/// A pod behind `aws-web`, which a kubelet has not started yet.
async fn create_pod(pods: &Api<Pod>, name: &str, gates: &[&str]) -> Value {
    let gates: Vec<_> = gates
        .iter()
        .map(|it| json!({"conditionType": it}))
        .collect();
    let pod = object(json!({
        "metadata": {"name": name},
        "spec": {
            "containers": [{"name": "web", "image": "example.com/web"}],
            "readinessGates": gates,
            "automountServiceAccountToken": false,
        },
    }));
    let made = pods.create(&PostParams::default(), &pod).await.unwrap();
    json!({"kind": "Pod", "name": name, "uid": made.metadata.uid})
}

impl Life {
    /// A pod waits, by a readiness gate, for the load balancer of `aws-web`; another has none.
    async fn gate_pods(&self) {
        let client = &self.installed.plane.client;
        let pods = Api::<Pod>::default_namespaced(client.clone());
        let gate = "target-health.landfall.dev/aws-web";
        let gated = create_pod(&pods, "aws-gated", &[gate]).await;
        let plain = create_pod(&pods, "aws-plain", &[]).await;
        let endpoint = |address: &str, pod: &Value| json!({"addresses": [address], "conditions": {"ready": false}, "targetRef": pod});
        let slices = Api::<EndpointSlice>::default_namespaced(client.clone());
        let slice = object(json!({
            "metadata": {"name": "aws-web-1", "labels": {"kubernetes.io/service-name": "aws-web"}},
            "addressType": "IPv4",
            "ports": [{"port": 8080}],
            "endpoints": [endpoint("10.0.0.1", &gated), endpoint("10.0.0.2", &plain)],
        }));
        slices.create(&PostParams::default(), &slice).await.unwrap();
        let until_told = async |status: &str| {
            until(&format!("the gate says {status}"), async || {
                let pod = pods.get("aws-gated").await.unwrap();
                let conditions = pod.status.unwrap().conditions.unwrap_or_default();
                let mut conditions = conditions.iter();
                conditions.any(|it| it.type_ == gate && it.status == status)
            })
            .await;
        };
        until_told("False").await;
        let ready = json!({"type": "ContainersReady", "status": "True"});
        let patch = Patch::Strategic(json!({"status": {"conditions": [ready]}}));
        let parameters = PatchParams::default();
        let patched = pods.patch_status("aws-gated", &parameters, &patch).await;
        patched.unwrap();
        until_told("True").await;
        let account = &self.installed.account;
        assert_eq!(account.times_asked("get", "pods", "aws-plain"), 1);
        let now = DeleteParams::default().grace_period(0);
        for name in ["aws-gated", "aws-plain"] {
            pods.delete(name, &now).await.unwrap();
        }
        slices.delete("aws-web-1", &now).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster has no rights and no audit log"]
async fn nothing_is_refused_to_the_controller_with_aws_and_nothing_granted_in_vain() {
    let Some(plane) = Plane::find().await else {
        return;
    };
    let life = Life::prepare(plane).await;
    let mut controller = life.start();
    life.fail_twice().await;
    life.change_nodes().await;
    life.gate_pods().await;
    life.create("aws-vanishing").await;
    life.until_named("aws-vanishing").await;
    life.installed.vanish("aws-vanishing", &controller).await;
    until("its load balancer is released", async || {
        life.aws.load_balancers().len() == 1
    })
    .await;
    life.installed.contest_the_lease(&controller).await;
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));
    let mut controller = life.start();
    life.installed.delete("aws-web").await;
    life.installed.until_gone("aws-web").await;
    until("nothing is left at AWS", async || {
        let groups = life.aws.security_groups();
        life.aws.load_balancers().is_empty()
            && life.aws.target_groups().is_empty()
            && groups.iter().all(|it| !it.name.starts_with("lf-"))
    })
    .await;
    controller.signal("TERM");
    assert_eq!(controller.ended().status.code(), Some(0));
    life.installed.account.judge().await;
}
