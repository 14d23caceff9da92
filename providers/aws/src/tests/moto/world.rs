//! An account of its own on moto, with a cluster in it, and what goes wrong there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use landfall_provider_api::conformance::{Subject, Trouble};
use landfall_provider_api::{self as api, ClusterId, LoadBalancer, Node, Provider, Snapshot};
use landfall_test_process::Moto;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::tests::world::{cluster, hurried, service};
use crate::{Aws, Settings};

/// An account with a cluster.
pub(super) struct World {
    moto: &'static Moto,
    pub(super) ids: Ids,
}

/// What is in it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ids {
    account: String,
    region: String,
    vpc: String,
    nodes: Vec<Instance>,
    pub(super) elastic_ips: Vec<String>,
    pub(super) certificates: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    address: IpAddr,
    zone: String,
    provider_id: String,
}

/// Something that load balancers consist of.
#[derive(Debug, Deserialize)]
struct Part {
    what: String,
    tags: BTreeMap<String, String>,
}

impl World {
    pub(super) fn start(moto: &'static Moto) -> Self {
        let ids = moto.ask("world", &json!({}));
        let ids = serde_json::from_value(ids).unwrap();
        Self { moto, ids }
    }

    /// Asks for something of this account.
    pub(super) fn ask(&self, what: &str, mut asked: Value) -> Value {
        asked["account"] = json!(self.ids.account);
        self.moto.ask(what, &asked)
    }

    /// A provider as one that has just started, which has seen nothing.
    pub(super) fn provider(&self, cluster: &ClusterId) -> Aws {
        let settings = Settings {
            region: Some(self.ids.region.clone()),
            vpc: Some(self.ids.vpc.clone()),
            endpoint: Some(self.moto.url.clone()),
        };
        hurried(settings, &self.ids.account, cluster)
    }

    /// One that has begun, in a cluster without Services.
    pub(super) async fn begun(&self) -> Aws {
        let provider = self.provider(&cluster());
        let begun = provider.begin(Snapshot::default().known()).await;
        begun.expect("it begins");
        provider
    }

    pub(super) fn nodes(&self) -> Vec<Node> {
        let nodes = self.ids.nodes.iter().enumerate();
        let nodes = nodes.map(|(index, node)| Node {
            name: format!("node-{index}"),
            addresses: vec![node.address],
            provider_id: Some(node.provider_id.clone()),
            zone: Some(node.zone.clone()),
            labels: BTreeMap::new(),
        });
        nodes.collect()
    }

    /// A Service with TCP ports.
    pub(super) fn service(&self, uid: &str, ports: &[u16]) -> LoadBalancer {
        LoadBalancer {
            nodes: Arc::from(self.nodes()),
            ..service(uid, ports)
        }
    }

    /// What there is for the Service that has this UID.
    pub(super) fn parts(&self, uid: &str) -> Vec<String> {
        let parts: Vec<Part> = serde_json::from_value(self.ask("parts", json!({}))).unwrap();
        let its = parts.into_iter().filter(|it| {
            let of = it.tags.get(api::tags::SERVICE_UID);
            of.is_some_and(|it| it == uid)
        });
        let mut parts: Vec<_> = its.map(|it| it.what).collect();
        parts.sort();
        parts
    }

    /// Calls that change something, and how often each was made.
    pub(super) fn changes(&self) -> BTreeMap<String, u32> {
        let counts = self.ask("counts", json!({}));
        let mut counts: BTreeMap<String, u32> = serde_json::from_value(counts).unwrap();
        counts.retain(|action, _| !action.starts_with("Describe") && !action.starts_with("Get"));
        counts
    }

    /// Waits until the world stands still.
    pub(super) async fn stopped(&self) {
        while self.ask("stopped", json!({})) == json!(false) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn refuse(&self, code: &str, message: &str, status: u16, more: Value) {
        let mut asked = more;
        asked["code"] = json!(code);
        asked["message"] = json!(message);
        asked["status"] = json!(status);
        self.ask("fault", asked);
    }

    /// Whether there is a load balancer.
    fn has_some(&self) -> bool {
        let parts: Vec<Part> = serde_json::from_value(self.ask("parts", json!({}))).unwrap();
        parts.iter().any(|it| it.what.starts_with("load balancer"))
    }
}

impl Subject for World {
    fn provider(&self, cluster: &ClusterId) -> Box<dyn Provider> {
        Box::new(World::provider(self, cluster))
    }

    fn nodes(&self) -> Vec<Node> {
        World::nodes(self)
    }

    fn provoke(&self, trouble: Trouble) -> BoxFuture<'_, bool> {
        match trouble {
            Trouble::AnswerLost => {
                self.ask("lose", json!({"action": "CreateLoadBalancer", "times": 1}));
            }
            Trouble::HalfWay => {
                // Of what is to be made the last part, of what is to be removed the second.
                let action = if self.has_some() {
                    "DeleteTargetGroup"
                } else {
                    "CreateListener"
                };
                let more = json!({"action": action, "times": 1});
                self.refuse("InternalFailure", "Something broke.", 500, more);
            }
            Trouble::Full => {
                let message = "The maximum number of load balancers has been reached";
                let more = json!({"action": "CreateLoadBalancer", "fewest": 1});
                self.refuse("TooManyLoadBalancers", message, 400, more);
            }
            Trouble::Throttled => self.refuse("Throttling", "Rate exceeded", 400, json!({})),
            Trouble::Unauthorized => {
                let message =
                    "is not authorized to perform: elasticloadbalancing:CreateLoadBalancer";
                let more = json!({"action": "CreateLoadBalancer"});
                self.refuse("AccessDenied", message, 403, more);
            }
            Trouble::Away => self.refuse("ServiceUnavailable", "Not now.", 503, json!({})),
        }
        ready(true).boxed()
    }

    fn mend(&self) -> BoxFuture<'_, ()> {
        self.ask("mend", json!({}));
        ready(()).boxed()
    }
}
