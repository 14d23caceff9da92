//! Which pods are to be read and followed, which of them wait for the load balancer, and what their gates are
//! to say. Pure: time is an argument, and whoever does what is told here is not known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::ExponentialBackoff;
use landfall_provider_api::{Finding, ServiceName};
use landfall_service::Unready;

use super::pod::{Condition, Gated, Seen};
use crate::controller::memory::backoff;

/// The longest pause before something is tried again: somebody's rollout waits.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A pod as one Service lists it. One that is listed by several Services is several of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) service: ServiceName,
    /// UID of the pod.
    pub(super) uid: String,
}

/// All pods that are read or followed, and those that were read and need not be again.
#[derive(Debug, Default)]
pub(super) struct State {
    services: HashMap<ServiceName, HashMap<String, Listed>>,
    /// When a write that failed is tried again.
    retries: BTreeSet<(Instant, Key)>,
    /// Pods that could not be read when that was last tried.
    unreadable: BTreeSet<Key>,
}

/// A pod that a Service lists, or listed, as unready.
#[derive(Debug)]
struct Listed {
    name: String,
    addresses: BTreeSet<IpAddr>,
    known: Known,
    found: Option<Finding>,
    is_being_written: bool,
    retry_at: Option<Instant>,
    failures: Option<ExponentialBackoff>,
}

#[derive(Debug, PartialEq, Eq)]
enum Known {
    /// It is being read.
    Nothing,
    /// It could not be read so far.
    Unreadable,
    Is(Seen),
}

/// What a Service is told of its pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// Whether all were read, or cannot be.
    pub(super) is_complete: bool,
    /// UIDs of those that were.
    pub(super) settled: BTreeSet<String>,
    /// UIDs of those that wait for the load balancer, their containers being ready.
    pub(super) waiting: Arc<BTreeSet<String>>,
}

/// What changes when pods are listed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// To be read and, if they have the gate, followed; by name.
    pub(super) follow: Vec<(Key, String)>,
    /// To be followed no longer.
    pub(super) leave: Vec<Key>,
}

/// A condition to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) key: Key,
    /// Name of the pod.
    pub(super) name: String,
    pub(super) condition: Condition,
    /// What it says so far.
    pub(super) before: Option<Condition>,
}

impl State {
    /// The EndpointSlices of a Service list these pods as unready, and all in all these addresses.
    pub(super) fn listed(
        &mut self,
        service: &ServiceName,
        unready: Vec<Unready>,
        addresses: &BTreeSet<IpAddr>,
    ) -> Changes {
        let mut changes = Changes::default();
        let mut now: BTreeMap<String, (String, BTreeSet<IpAddr>)> = BTreeMap::new();
        for pod in unready {
            let (_, addresses) = now.entry(pod.uid).or_insert((pod.name, BTreeSet::new()));
            addresses.insert(pod.address);
        }
        let pods = self.services.entry(service.clone()).or_default();
        pods.retain(|uid, pod| {
            // That a pod has no gate is remembered as long as it is listed at all.
            let is_kept = now.contains_key(uid)
                || pod.known == Known::Is(Seen::Plain) && !pod.addresses.is_disjoint(addresses);
            if !is_kept {
                let key = key(service, uid);
                if let Some(at) = pod.retry_at {
                    self.retries.remove(&(at, key.clone()));
                }
                self.unreadable.remove(&key);
                changes.leave.push(key);
            }
            is_kept
        });
        for (uid, (name, addresses)) in now {
            let pod = pods.entry(uid.clone()).or_insert_with(|| {
                changes.follow.push((key(service, &uid), name.clone()));
                Listed::new(name)
            });
            pod.addresses = addresses;
        }
        if pods.is_empty() {
            self.services.remove(service);
        }
        changes
    }

    /// A pod was read, or has changed; `None` if it cannot be read.
    pub(super) fn seen(&mut self, key: &Key, seen: Option<Seen>) {
        let Some(pod) = pod(&mut self.services, key) else {
            return;
        };
        if seen.is_none() {
            self.unreadable.insert(key.clone());
        } else {
            self.unreadable.remove(key);
        }
        match (seen, &pod.known) {
            // What was known still is the best guess.
            (None, Known::Is(_)) => {}
            (None, _) => pod.known = Known::Unreadable,
            // An answer to a write can come before what the watch told earlier.
            (Some(Seen::Gated(now)), Known::Is(Seen::Gated(known)))
                if now.version < known.version => {}
            (Some(seen), _) => {
                if !matches!(&seen, Seen::Gated(it) if it.containers_ready) {
                    // It has to be found healthy again.
                    pod.found = None;
                }
                pod.known = Known::Is(seen);
            }
        }
    }

    /// A provider has found this of the pods at these addresses.
    pub(super) fn answered(&mut self, service: &ServiceName, findings: &BTreeMap<IpAddr, Finding>) {
        let pods = self.services.get_mut(service);
        for pod in pods.into_iter().flat_map(HashMap::values_mut) {
            if pod.waits() {
                pod.found = found_of(&pod.addresses, findings).cloned();
            }
        }
    }

    /// Conditions of a Service's pods that say something else than they should. They count as being
    /// written from now on.
    pub(super) fn take_writes(&mut self, service: &ServiceName) -> Vec<Write> {
        let pods = self.services.get_mut(service);
        let mut writes = Vec::new();
        for (uid, pod) in pods.into_iter().flatten() {
            let (condition, before) = match &pod.known {
                Known::Is(Seen::Gated(it)) => (pod.wanted(it), it.present.clone()),
                _ => continue,
            };
            if pod.is_being_written || pod.retry_at.is_some() || before.as_ref() == Some(&condition)
            {
                continue;
            }
            pod.is_being_written = true;
            writes.push(Write {
                key: key(service, uid),
                name: pod.name.clone(),
                condition,
                before,
            });
        }
        writes
    }

    /// A write has ended: the pod is this since, or it failed.
    pub(super) fn written(&mut self, key: &Key, done: Option<Seen>, now: Instant) {
        let Some(pod) = pod(&mut self.services, key) else {
            return;
        };
        pod.is_being_written = false;
        if done.is_some() {
            pod.failures = None;
            self.seen(key, done);
            return;
        }
        let delay = pod.failures.get_or_insert_with(backoff).next();
        pod.retry_at = delay.map(|delay| now + delay.min(LONGEST_PAUSE));
        let retry = pod.retry_at.map(|at| (at, key.clone()));
        self.retries.extend(retry);
    }

    /// When a write that failed is to be tried again.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.retries.first().map(|(at, _)| *at)
    }

    /// Services of pods whose writes may be tried again by now.
    pub(super) fn retried(&mut self, now: Instant) -> BTreeSet<ServiceName> {
        let mut services = BTreeSet::new();
        while let Some((at, key)) = self.retries.pop_first() {
            if at > now {
                self.retries.insert((at, key));
                break;
            }
            if let Some(pod) = pod(&mut self.services, &key) {
                pod.retry_at = None;
            }
            services.insert(key.service);
        }
        services
    }

    /// What a Service is told; `None` if there is nothing to tell.
    pub(super) fn shown(&self, service: &ServiceName) -> Option<Shown> {
        let pods = self.services.get(service)?;
        let uids = |is: fn(&Listed) -> bool| {
            let pods = pods.iter().filter(move |(_, pod)| is(pod));
            pods.map(|(uid, _)| uid.clone()).collect()
        };
        Some(Shown {
            is_complete: pods.values().all(|pod| pod.known != Known::Nothing),
            settled: uids(|pod| pod.known != Known::Nothing),
            waiting: Arc::new(uids(Listed::waits)),
        })
    }

    /// Whether some pods cannot be read.
    pub(super) fn is_troubled(&self) -> bool {
        !self.unreadable.is_empty()
    }
}

fn pod<'a>(
    services: &'a mut HashMap<ServiceName, HashMap<String, Listed>>,
    key: &Key,
) -> Option<&'a mut Listed> {
    services.get_mut(&key.service)?.get_mut(&key.uid)
}

/// What is found of a pod that has these addresses. It waits for all of them: what one lacks is told
/// whatever is known of the others, and that all is well not before each was looked at.
fn found_of<'a>(
    addresses: &BTreeSet<IpAddr>,
    findings: &'a BTreeMap<IpAddr, Finding>,
) -> Option<&'a Finding> {
    let each = || addresses.iter().map(|it| findings.get(it));
    let lacking = each().flatten().find(|it| !it.holds);
    lacking.or_else(|| each().collect::<Option<Vec<_>>>()?.first().copied())
}

impl Listed {
    fn new(name: String) -> Self {
        Self {
            name,
            addresses: BTreeSet::new(),
            known: Known::Nothing,
            found: None,
            is_being_written: false,
            retry_at: None,
            failures: None,
        }
    }

    /// Whether it is not ready only because of the load balancer.
    fn waits(&self) -> bool {
        matches!(&self.known, Known::Is(Seen::Gated(it)) if it.containers_ready)
    }

    fn wanted(&self, gated: &Gated) -> Condition {
        Condition::wanted(gated, self.found.as_ref())
    }
}

fn key(service: &ServiceName, uid: &str) -> Key {
    Key {
        service: service.clone(),
        uid: uid.to_owned(),
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
