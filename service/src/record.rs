//! What the controller remembers about the Services of one name, to decide from.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service;
use landfall_provider_api::{Error, LoadBalancer, Outcome, Retry};

use crate::claim::{Claims, Class};
use crate::marks::uid_of;

/// All Services that a name has had, by UID, as far as something of them may be left.
///
/// A Service that is deleted and made again under its name is another Service: its predecessor's
/// load balancer is released before its own is made.
///
/// In order of the UIDs. There is one for each Service of the cluster, and nearly all hold one
/// tenure, so it has room for no more than it holds.
#[derive(Debug, Clone, Default)]
pub struct Record(Vec<(String, Tenure)>);

/// What is known about one Service.
#[derive(Debug, Clone, Default)]
pub struct Tenure {
    /// Providers that may hold something with its UID.
    pub holders: BTreeSet<Class>,
    /// Whether it is, or was, ours; then the finalizer that it carries is ours too.
    pub ours: bool,
    /// What was last asked of a provider, and the answer.
    pub attempt: Option<Attempt>,
}

/// A provider call and its answer.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Whom we asked.
    pub class: Class,
    /// For what.
    pub wanted: LoadBalancer,
    /// The answer.
    pub result: Result<Outcome, Failure>,
    /// Whether the answer may no longer hold, so that the same must be asked again.
    pub stale: bool,
}

impl Attempt {
    /// Whether nothing need be asked at once to learn what comes of this. A failure that is tried
    /// again at its time is not tried at each change of what lies around the Service, or who has
    /// many nodes and pods would know no back-off; but see [`is_outdated`](Self::is_outdated).
    pub(crate) fn answers(&self, wanted: &LoadBalancer) -> bool {
        let waits = matches!(&self.result, Err(failure) if failure.retry != Retry::WhenChanged);
        !self.stale && (self.wanted == *wanted || (waits && self.wanted.asks_the_same(wanted)))
    }

    /// Whether it is tried again sooner than a back-off that has grown: what lies around the Service has
    /// changed since, and a provider that fails at one thing may well follow nodes and pods. Who
    /// named a time is not asked before it.
    pub(crate) fn is_outdated(&self, wanted: &LoadBalancer) -> bool {
        let backs_off = matches!(&self.result, Err(failure) if failure.retry == Retry::BackOff);
        backs_off && self.wanted != *wanted
    }
}

/// A provider's error, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// CamelCase, for the condition.
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// When to ask again.
    pub retry: Retry,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            reason: error.reason(),
            message: error.to_string(),
            retry: error.retry(),
        }
    }
}

impl Record {
    /// What is known about the Service with this UID.
    pub fn tenure(&self, uid: &str) -> Option<&Tenure> {
        let place = self.place(uid).ok()?;
        Some(&self.0[place].1)
    }

    /// The same, to be changed; nothing is known at first.
    pub fn tenure_mut(&mut self, uid: &str) -> &mut Tenure {
        let place = self.place(uid).unwrap_or_else(|place| {
            self.0.reserve_exact(1);
            self.0.insert(place, (uid.to_owned(), Tenure::default()));
            place
        });
        &mut self.0[place].1
    }

    /// Where the Service with this UID is, or else belongs.
    fn place(&self, uid: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(known, _)| known.as_str().cmp(uid))
    }

    /// Makes room for a Service that is seen for the first time. `owned` are the providers that
    /// were found to hold something with its UID. If there are none although it bears our marks,
    /// an earlier run may have been cut off inside a call, so that whoever the marks stand for may
    /// hold something.
    pub fn meet(&mut self, service: &Service, owned: BTreeSet<Class>, claims: &Claims) {
        let uid = uid_of(service);
        if self.place(uid).is_ok() {
            return;
        }
        let marked = claims.marked(service);
        *self.tenure_mut(uid) = Tenure {
            ours: marked.is_some() || !owned.is_empty(),
            holders: match marked {
                Some(marked) if owned.is_empty() => marked.into_iter().cloned().collect(),
                _ => owned,
            },
            attempt: None,
        };
    }

    /// UIDs of Services that this provider was last known to hold as they were wanted.
    pub fn held_by(&self, class: &Class) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(move |(uid, tenure)| {
            let attempt = tenure.attempt.as_ref()?;
            let holds =
                attempt.class == *class && matches!(attempt.result, Ok(Outcome::Provisioned(_)));
            holds.then_some(uid.as_str())
        })
    }

    /// Services other than `current` of which something is left.
    pub(crate) fn predecessors(
        &self,
        current: Option<&str>,
    ) -> impl Iterator<Item = (&str, &Tenure)> {
        self.0
            .iter()
            .map(|(uid, tenure)| (uid.as_str(), tenure))
            .filter(move |(uid, tenure)| Some(*uid) != current && !tenure.holders.is_empty())
    }

    /// Forgets Services other than `current` of which nothing is left, and returns their UIDs.
    pub fn tidy(&mut self, current: Option<&str>) -> Vec<String> {
        self.0
            .extract_if(.., |(uid, tenure)| {
                Some(uid.as_str()) != current && tenure.holders.is_empty()
            })
            .map(|(uid, _)| uid)
            .collect()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
