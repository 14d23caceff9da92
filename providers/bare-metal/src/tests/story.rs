//! A Service with an address, and reports that come, change and go.

use std::time::{Duration, Instant};

use landfall_bare_metal_resources::kinds::SpeakerStatus;
use landfall_provider_api::{Family, LoadBalancer, Outcome, Serving};
use serde_json::{Value, json};

use super::{begun, wanted};
use crate::state::State;

pub(super) const ADDRESS: &str = "192.0.2.1";
const MS: Duration = Duration::from_millis(1);

/// A state with a pool of one address, an advertisement and nodes, in which a Service has the
/// address.
pub(super) struct Story {
    pub(super) state: State,
    pub(super) wanted: LoadBalancer,
    start: Instant,
    pub(super) looks: u32,
}

impl Story {
    pub(super) fn begin() -> Self {
        let (mut state, start) = (begun(), Instant::now());
        let pool = json!({
            "apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
            "metadata": {"name": "a"}, "spec": {"addresses": [ADDRESS]},
        });
        state.put_pool(serde_json::from_value(pool).unwrap(), start);
        let rule = json!({
            "apiVersion": "landfall.dev/v1alpha1", "kind": "L2Advertisement",
            "metadata": {"name": "lan"}, "spec": {},
        });
        state.put_l2(serde_json::from_value(rule).unwrap());
        for node in ["n1", "n2", "n3"] {
            state.with_speakers(start, |speakers| speakers.put_node(node, start));
        }
        let mut wanted = wanted(&[Family::IPv4]);
        wanted.endpoint_nodes = ["n1".to_owned()].into();
        let mut story = Self {
            state,
            wanted,
            start,
            looks: 0,
        };
        story.told(0);
        story
    }

    pub(super) fn at(&self, ms: u32) -> Instant {
        self.start + MS * ms
    }

    /// A speaker announces the address in this state, if any, and has lost these others of the three.
    pub(super) fn report(&mut self, ms: u32, node: &str, state: Option<&str>, lost: &[&str]) {
        let addresses =
            state.map(|it| json!({"address": ADDRESS, "interfaces": ["eth0"], "state": it}));
        let others = ["n1", "n2", "n3"].into_iter().filter(|it| *it != node);
        let peers = others.map(|it| json!({"node": it, "alive": !lost.contains(&it)}));
        let addresses: Vec<_> = addresses.into_iter().collect();
        let status = json!({
            "addressCount": addresses.len(),
            "addresses": addresses,
            "interfaces": [{"name": "eth0", "up": true, "subnets": ["192.0.2.0/24"]}],
            "peers": peers.collect::<Vec<_>>(),
        });
        self.put(ms, node, &status);
    }

    pub(super) fn put(&mut self, ms: u32, node: &str, status: &Value) {
        let object = json!({
            "apiVersion": "landfall.dev/v1alpha1", "kind": "SpeakerStatus",
            "metadata": {"name": node}, "spec": {}, "status": status,
        });
        let object: SpeakerStatus = serde_json::from_value(object).unwrap();
        let now = self.at(ms);
        self.state
            .with_speakers(now, |speakers| speakers.put(&object, now));
    }

    /// Lets time go by, and looks at the Service whenever that is asked for. Returns how often that was.
    pub(super) fn pass(&mut self, from: u32, to: u32) -> u32 {
        let before = self.looks;
        for ms in from..=to {
            let now = self.at(ms);
            if self.state.next_tick().is_some_and(|at| at <= now) {
                self.state.tick(now);
            }
            let asked = self.state.pace.take_asked();
            if asked
                .iter()
                .any(|it| it.to_string() == self.wanted.id.service_uid)
            {
                self.looks += 1;
                self.told(ms);
            }
        }
        self.looks - before
    }

    /// Reason and message of the condition.
    pub(super) fn told(&mut self, ms: u32) -> (String, String) {
        let now = self.at(ms);
        let outcome = self.state.ensure(&self.wanted, now).unwrap();
        let Outcome::Provisioned(assigned) = outcome else {
            panic!("{outcome:?}");
        };
        let told = assigned.conditions.into_iter();
        let mut told = told.filter(|it| it.type_ == "landfall.dev/Announced");
        let told = told.next().unwrap();
        let serves = assigned.serving == Serving::Yes;
        assert_eq!(serves, told.holds == Some(true));
        (told.reason.to_owned(), told.message)
    }

    #[track_caller]
    pub(super) fn says(&mut self, ms: u32, reason: &str, node: &str) {
        let (told, message) = self.told(ms);
        assert_eq!(told, reason, "{message}");
        assert!(message.contains(node), "{message}");
    }
}
