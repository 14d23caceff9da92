//! Services of the AWS Load Balancer Controller, which are left to it while it runs, and taken over in place when
//! it does not.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use landfall_test_aws::{Aws, Predecessor};
use landfall_test_process::{PATIENCE, Process, kubectl, output, skip};
use serde_json::{Value, json};

use crate::cluster::object;
use crate::world::{World, condition, hostname, is_provisioned, message};

const FINALIZER: &str = "service.k8s.aws/resources";
/// Its `--cluster-name`.
const THEIRS: &str = "theirs";
const BINDING: &str = "k8s-web-0123456789";

impl World {
    fn their_class(&self) -> String {
        format!("{}.example.com/nlb", self.cluster.namespace)
    }

    fn successor(&self) -> Process {
        let (class, namespace) = (self.their_class(), &self.cluster.namespace);
        let names = format!("class: {class}, clusterName: {THEIRS}");
        let lease = format!("leaseNamespace: {namespace}, leaseName: leader");
        let mut controller =
            self.start_controller_that(&format!("  takesOver: {{{names}, {lease}}}\n"));
        controller.wait_until_ready();
        controller
    }

    /// A Service as that controller leaves it, with all that it has made at AWS.
    async fn create_theirs(&self, name: &str, ports: &[u16]) -> Value {
        let namespace = &self.cluster.namespace;
        let mut service = self.cluster.service(name, ports, &[]);
        service["metadata"]["finalizers"] = json!([FINALIZER]);
        service["spec"]["loadBalancerClass"] = json!(self.their_class());
        let services = self.cluster.services();
        let (of, service) = (PostParams::default(), object(service));
        let made = services.create(&of, &service).await.unwrap();
        let made = serde_json::to_value(made).unwrap();
        let ports = made["spec"]["ports"].as_array().unwrap().iter();
        let number = |it: &Value| u16::try_from(it.as_u64().unwrap()).unwrap();
        let ports: Vec<_> = ports
            .map(|it| (number(&it["port"]), number(&it["nodePort"])))
            .collect();
        let balancer = self.aws.made_by_predecessor(
            &self.ids,
            Predecessor {
                cluster: THEIRS,
                namespace,
                name,
                ports: &ports,
            },
        );
        let hostname = balancer.dns_name.to_lowercase();
        let status = json!({"status": {"loadBalancer": {"ingress": [{"hostname": hostname}]}}});
        let (of, status) = (PatchParams::default(), Patch::Merge(status));
        services.patch_status(name, &of, &status).await.unwrap();
        // The tag query has taken it in by now.
        self.aws.advance(Duration::from_mins(2));
        self.get(name).await
    }
}

/// Its leader, as the cluster sees it: a Lease that is renewed until this is dropped.
struct Leader(tokio::task::JoinHandle<()>);

impl Leader {
    async fn start(client: Client, namespace: &str) -> Self {
        let leases = Api::<Lease>::namespaced(client, namespace);
        let renewed = || {
            let now = k8s_openapi::jiff::Timestamp::now();
            json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": "leader"},
                "spec": {"holderIdentity": "them", "leaseDurationSeconds": 2, "renewTime": format!("{now:.6}")},
            })
        };
        let (of, lease) = (PostParams::default(), object(renewed()));
        leases.create(&of, &lease).await.unwrap();
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let patch = Patch::Merge(json!({"spec": renewed()["spec"]}));
                let of = PatchParams::default();
                leases.patch("leader", &of, &patch).await.unwrap();
            }
        }))
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn bindings(world: &World) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("elbv2.k8s.aws", "v1beta1", "TargetGroupBinding");
    let resource = ApiResource::from_gvk_with_plural(&kind, "targetgroupbindings");
    Api::namespaced_with(
        world.cluster.client.clone(),
        &world.cluster.namespace,
        &resource,
    )
}

/// A `TargetGroupBinding` that is left for a Service.
async fn leave_a_binding(world: &World, service: &str) {
    let definitions = Api::<CustomResourceDefinition>::all(world.cluster.client.clone());
    let text = include_str!("../deploy/aws-controller.yaml");
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let definition = object(documents[0].clone());
    match definitions
        .create(&PostParams::default(), &definition)
        .await
    {
        Ok(_) => {}
        // Another story has made it.
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => panic!("{error}"),
    }
    let left = object(json!({
        "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding",
        "metadata": {
            "name": BINDING, "finalizers": ["elbv2.k8s.aws/resources"],
            "labels": {
                "service.k8s.aws/stack-namespace": world.cluster.namespace,
                "service.k8s.aws/stack-name": service,
            },
        },
        "spec": {},
    }));
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = bindings(world).create(&PostParams::default(), &left).await {
        // Its kind is served a moment after it was defined.
        let is_early = matches!(&error, kube::Error::Api(status) if status.code == 404);
        assert!(is_early && Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What serves: load balancers, where listeners send to, and who gets traffic.
fn serving(aws: &Aws) -> BTreeSet<String> {
    let everything = aws.everything();
    let listeners = everything.listeners.iter();
    let listeners = listeners.map(|it| format!("{} {:?}", it.arn, it.forward));
    let groups = everything.target_groups.iter().flat_map(|it| {
        let targets = it.targets.iter();
        targets.map(|of| format!("{} {}:{} {:?}", it.arn, of.id, of.port, of.draining_since))
    });
    listeners.chain(groups).collect()
}

fn finalizers(service: &Value) -> Vec<&str> {
    let finalizers = service["metadata"]["finalizers"].as_array();
    let finalizers = finalizers.into_iter().flatten();
    finalizers.filter_map(Value::as_str).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_left_to_whose_it_is_and_taken_over_with_all_it_has_when_that_does_not_run() {
    let Some(kubectl) = kubectl() else {
        return skip("kubectl");
    };
    let world = World::quick().await;
    let before = world.create_theirs("theirs", &[80, 443]).await;
    leave_a_binding(&world, "theirs").await;
    let (served, name) = (serving(&world.aws), hostname(&before).unwrap().to_owned());
    assert_eq!(served.len(), 2 + 2 * world.ids.nodes.len());

    let leader = Leader::start(world.cluster.client.clone(), &world.cluster.namespace).await;
    let controller = world.successor();
    let deadline = Instant::now() + PATIENCE;
    let runs = "stands aside: the AWS Load Balancer Controller runs: them renews the Lease";
    while !controller.errors().contains(runs) {
        assert!(Instant::now() < deadline, "{}", controller.errors());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.create("ours", &[80], &[]).await;
    world.until_serving("ours").await;
    assert_eq!(world.get("theirs").await, before, "it was not touched");
    world.delete("ours").await;
    world.until_gone("ours").await;

    drop(leader);
    let service = world
        .until("theirs", "is ours alone", |it| {
            is_provisioned(it) && !finalizers(it).contains(&FINALIZER)
        })
        .await;
    assert_eq!(hostname(&service), Some(name.as_str()));
    let leases = Api::<Lease>::namespaced(world.cluster.client.clone(), &world.cluster.namespace);
    let holder = leases.get("leader").await.unwrap().spec.unwrap();
    assert_eq!(holder.holder_identity.as_deref(), Some("landfall"));
    assert_eq!(
        finalizers(&service),
        ["service.kubernetes.io/load-balancer-cleanup"]
    );
    world.until_serving("theirs").await;
    assert_eq!(serving(&world.aws), served, "{:#?}", world.aws.counts());

    let told = world
        .until_told("theirs", "TakenOver", "False", "TargetGroupBindingsLeft")
        .await;
    let (_, command) = message(&told, "TakenOver").split_once("kubectl").unwrap();
    let command = command.replace("kubectl", &kubectl.display().to_string());
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{}{command}", kubectl.display()));
    let (went_well, said) = output(shell.env("KUBECONFIG", &world.cluster.kubeconfig));
    assert!(went_well, "{said}");
    assert!(bindings(&world).get_opt(BINDING).await.unwrap().is_none());
    world
        .until("theirs", "is told of no bindings", |it| {
            condition(it, "TakenOver").is_null()
        })
        .await;
    assert_eq!(serving(&world.aws), served);

    world.delete("theirs").await;
    world.until_gone("theirs").await;
    let left = world.aws.everything();
    assert!(left.load_balancers.is_empty() && left.target_groups.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_terminates_while_nobody_runs_is_released_with_both_finalizers() {
    let world = World::quick().await;
    world.create_theirs("theirs", &[80]).await;
    world.delete("theirs").await;
    let leases = Api::<Lease>::namespaced(world.cluster.client.clone(), &world.cluster.namespace);
    // Nobody renews it.
    let lease = object(
        json!({"metadata": {"name": "leader"}, "spec": {"holderIdentity": "them", "leaseDurationSeconds": 1}}),
    );
    leases.create(&PostParams::default(), &lease).await.unwrap();
    let _controller = world.successor();
    world.until_gone("theirs").await;
    let left = world.aws.everything();
    assert!(left.load_balancers.is_empty() && left.target_groups.is_empty());
}
