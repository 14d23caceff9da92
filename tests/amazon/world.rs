//! A cluster, a stand-in for AWS, and controllers as processes. AWS is each story's own.

use std::time::{Duration, Instant};

use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use landfall_test_aws as stand_in;
use landfall_test_aws::{Aws, Call, Ids, Options, Outcome};
use landfall_test_process::{PATIENCE, Process};
use serde_json::Value;

use crate::cluster::{Asks, Cluster, object};

pub struct World {
    pub cluster: Cluster,
    pub aws: Aws,
    pub ids: Ids,
}

impl World {
    /// With an AWS that does at once what else takes it time, except to show new tags, and with all nodes.
    pub async fn quick() -> Self {
        let options = Options {
            provisioning: Duration::ZERO,
            initial: Duration::ZERO,
            draining: Duration::ZERO,
            interface_lag: Duration::ZERO,
            ..Options::default()
        };
        let world = Self::start(options).await;
        for index in 0..world.ids.nodes.len() {
            world.create_node(index).await;
        }
        world
    }

    /// With no nodes in the cluster yet.
    pub async fn start(options: Options) -> Self {
        let cluster = Cluster::start().await;
        let aws = Aws::start(options);
        let ids = aws.world(&stand_in::World {
            cluster: cluster.namespace.clone(),
            pods_per_node: 2,
            ..stand_in::World::default()
        });
        Self { cluster, aws, ids }
    }

    /// The node that is the instance of this index.
    pub async fn create_node(&self, index: usize) {
        let id = &self.ids.nodes[index].provider_id;
        self.cluster.create_node(index, id).await;
    }

    pub async fn delete_node(&self, index: usize) {
        self.cluster.delete_node(index).await;
    }

    /// Starts a controller, and does not wait for it.
    pub fn start_controller(&self) -> Process {
        self.start_controller_that("")
    }

    /// The same, whose provider has these lines of configuration as well.
    pub fn start_controller_that(&self, more: &str) -> Process {
        self.cluster.start_controller(&Asks {
            cluster: &self.cluster.namespace,
            region: &self.aws.region(),
            vpc: &self.ids.vpc,
            url: &self.aws.url(),
            key: &key(),
            more,
        })
    }

    /// A controller that is ready.
    pub fn controller(&self) -> Process {
        let mut controller = self.start_controller();
        controller.wait_until_ready();
        controller
    }

    /// Makes a Service with these TCP ports, and annotations by the ends of their names.
    pub async fn create(&self, name: &str, ports: &[u16], annotations: &[(&str, &str)]) {
        let service = object(self.cluster.service(name, ports, annotations));
        let services = self.cluster.services();
        let made = services.create(&PostParams::default(), &service).await;
        made.unwrap();
    }

    pub async fn patch(&self, name: &str, patch: Value) {
        let patch = Patch::Merge(patch);
        let patched = self
            .cluster
            .services()
            .patch(name, &PatchParams::default(), &patch)
            .await;
        patched.unwrap();
    }

    pub async fn delete(&self, name: &str) {
        let services = self.cluster.services();
        let deleted = services.delete(name, &DeleteParams::default()).await;
        deleted.unwrap();
    }

    /// The Service as JSON; null if it is gone.
    pub async fn get(&self, name: &str) -> Value {
        serde_json::to_value(self.cluster.services().get_opt(name).await.unwrap()).unwrap()
    }

    /// Waits until the Service is like this, and returns it.
    pub async fn until(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let service = self.get(name).await;
            if is_so(&service) {
                return service;
            }
            assert!(
                Instant::now() < deadline,
                "waited too long until Service {name} {what}: {service:#}; AWS was called: {:#?}",
                self.aws.counts()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a condition has this status and reason.
    pub async fn until_told(&self, name: &str, type_: &str, status: &str, reason: &str) -> Value {
        let what = format!("has {type_} {status} {reason}");
        let is_told = |it: &Value| {
            let condition = condition(it, type_);
            condition["status"] == status && condition["reason"] == reason
        };
        self.until(name, &what, is_told).await
    }

    pub async fn until_provisioned(&self, name: &str) -> Value {
        self.until(name, "is provisioned", is_provisioned).await
    }

    pub async fn until_serving(&self, name: &str) -> Value {
        self.until(name, "serves", |it| {
            is_provisioned(it) && condition(it, "Serving")["status"] == "True"
        })
        .await
    }

    pub async fn until_gone(&self, name: &str) {
        self.until(name, "is gone", Value::is_null).await;
    }

    /// Waits until AWS is like this.
    pub async fn until_at_aws(&self, what: &str, is_so: impl Fn(&Aws) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.aws) {
            assert!(
                Instant::now() < deadline,
                "waited too long until {what}; there is {:#?}, and AWS was called: {:#?}",
                self.parts(),
                self.aws.counts()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How many calls AWS has refused with this code.
    pub fn refused(&self, code: &str) -> usize {
        let is_such = |it: &&Call| matches!(&it.outcome, Outcome::Refused(of) if of == code);
        self.aws.calls().iter().filter(is_such).count()
    }

    /// All that was made at AWS, each thing in some words, whoever's it is by its tags.
    pub fn parts(&self) -> Vec<String> {
        let everything = self.aws.everything();
        let mut parts = Vec::new();
        for it in &everything.load_balancers {
            let zonal = &it.attributes["load_balancing.cross_zone.enabled"];
            parts.push(format!("load balancer {}, across {zonal}", it.scheme));
        }
        for it in &everything.target_groups {
            let targets = it.targets.iter().filter(|it| it.draining_since.is_none());
            let (count, delay) = (targets.count(), "deregistration_delay.timeout_seconds");
            let delay = &it.attributes[delay];
            parts.push(format!("target group with {count}, delay {delay}"));
        }
        let listeners = everything.listeners.iter();
        parts.extend(listeners.map(|it| format!("listener {} {}", it.protocol, it.port)));
        let groups = everything.security_groups.iter();
        for it in groups.filter(|it| it.name.starts_with("lf-")) {
            let is_shared = it.name.ends_with("-shared");
            let what = if is_shared { "shared" } else { "security" };
            parts.push(format!(
                "{what} group with {}",
                self.aws.rules(&it.id).len()
            ));
        }
        let rules = self.aws.rules(&self.ids.node_security_group);
        parts.extend(rules.iter().map(|_| "rule of nodes".to_owned()));
        parts.sort();
        parts
    }
}

/// The access key of controllers.
pub fn key() -> String {
    Options::default().keys[0].clone()
}

/// A condition of ours, by the end of its type.
pub fn condition<'a>(service: &'a Value, type_: &str) -> &'a Value {
    let type_ = format!("landfall.dev/{type_}");
    let conditions = service["status"]["conditions"].as_array();
    conditions
        .and_then(|it| it.iter().find(|it| it["type"] == type_))
        .unwrap_or(&Value::Null)
}

/// The words of a condition of ours.
pub fn message<'a>(service: &'a Value, type_: &str) -> &'a str {
    condition(service, type_)["message"]
        .as_str()
        .unwrap_or_default()
}

/// Whether what the Service asks for now is there.
pub fn is_provisioned(service: &Value) -> bool {
    let condition = condition(service, "Provisioned");
    condition["status"] == "True"
        && condition["observedGeneration"] == service["metadata"]["generation"]
}

/// The name in a Service's status.
pub fn hostname(service: &Value) -> Option<&str> {
    service["status"]["loadBalancer"]["ingress"][0]["hostname"].as_str()
}
