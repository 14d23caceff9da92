//! A load balancer as the mock cloud last told it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use landfall_mock_cloud_wire::{LoadBalancer, LoadBalancerSpec, LoadBalancerState, Serving};
use landfall_provider_api::PortFailure;

use crate::answer;

/// A load balancer as the mock cloud last told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(super) digest: Digest,
    /// Its entity tag; empty if the server has none.
    pub(super) etag: String,
    pub(super) is_active: bool,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) failed_ports: Vec<PortFailure>,
    pub(super) serving: Option<Serving>,
}

/// Stands for a specification: with many nodes the words themselves would be most of what a
/// controller keeps in memory. Means nothing outside this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(pub(super) u64);

impl Digest {
    pub(crate) fn of(spec: &LoadBalancerSpec) -> Self {
        let mut hasher = DefaultHasher::new();
        spec.hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl Known {
    pub(crate) fn of(item: LoadBalancer) -> Self {
        Self {
            addresses: item.addresses.iter().map(IpAddr::to_canonical).collect(),
            failed_ports: answer::failed_ports(&item.listeners),
            is_active: item.state == LoadBalancerState::Active,
            etag: item.etag.clone(),
            serving: item.serving.clone(),
            digest: Digest::of(&item.into()),
        }
    }

    /// Whether this is what it was asked to be.
    pub(crate) fn is(&self, asked: Digest) -> bool {
        self.digest == asked
    }

    /// Its entity tag, for a change that is to be made only if nobody else made one.
    pub(crate) fn etag(&self) -> Option<&str> {
        Some(self.etag.as_str()).filter(|etag| !etag.is_empty())
    }

    /// Whether it is there, and not on its way.
    pub(crate) fn is_active(&self) -> bool {
        self.is_active
    }

    pub(crate) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    pub(crate) fn failed_ports(&self) -> &[PortFailure] {
        &self.failed_ports
    }

    pub(crate) fn all_listen(&self) -> bool {
        self.failed_ports.is_empty()
    }

    /// How it serves, if the server tells.
    pub(crate) fn serving(&self) -> Option<&Serving> {
        self.serving.as_ref()
    }

    /// How it serves now, if that is newer. Tells whether it is another answer.
    pub(crate) fn serves(&mut self, now: &Serving) -> bool {
        let before = self.serving.as_ref();
        if before.is_some_and(|before| before.sequence >= now.sequence) {
            return false;
        }
        let is_same = before.is_some_and(|before| is_same(before, now));
        self.serving = Some(now.clone());
        !is_same
    }

    /// The same load balancer was `before` this. Keeps the newer word about how it serves, and tells
    /// whether that is another.
    pub(crate) fn is_news_after(&mut self, before: &Self) -> bool {
        match (&self.serving, &before.serving) {
            (Some(now), Some(before)) if now.sequence > before.sequence => !is_same(now, before),
            (_, Some(before)) => {
                self.serving = Some(before.clone());
                false
            }
            (now, None) => now.is_some(),
        }
    }
}

fn is_same(one: &Serving, other: &Serving) -> bool {
    let told = |it: &Serving| (it.state, it.code.clone(), it.message.clone());
    told(one) == told(other)
}
