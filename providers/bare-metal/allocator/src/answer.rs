//! What a Service is told.

use std::net::IpAddr;
use std::sync::Arc;

use landfall_provider_api::ServiceName;

use crate::Allocator;
use crate::choose::have_common_node;
use crate::need::Need;
use crate::refusal::Refusal;
use crate::tenants::Slot;

/// What a Service has, what it lacks, and what is odd about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its addresses, in the order of its families.
    pub addresses: Vec<Given>,
    /// Why it lacks what it lacks.
    pub refusals: Vec<Refusal>,
    /// An address that its status had when this process began, and the older Service that has it.
    pub evicted: Option<(IpAddr, ServiceName)>,
}

/// An address that a Service has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The address.
    pub address: IpAddr,
    /// The pool that has it.
    pub pool: Option<Arc<str>>,
    /// If no pool has it, one that had it.
    pub lost_by: Option<Arc<str>>,
    /// Whether it is shared by Services that no node has an endpoint of each of, though they
    /// take traffic only there.
    pub lacks_common_node: bool,
}

impl Allocator {
    pub(crate) fn answer(&self, slot: Slot, need: &Need, refusals: &[Refusal]) -> Answer {
        let tenant = self.tenants.get(slot);
        let addresses = need.families.iter();
        let addresses = addresses.filter_map(|family| tenant.address(*family));
        Answer {
            addresses: addresses.map(|it| self.given(it)).collect(),
            refusals: refusals.to_vec(),
            evicted: self.evicted.get(&slot).cloned(),
        }
    }

    fn given(&self, address: IpAddr) -> Given {
        let pool = self.pools.of(address);
        let mut losers = self.pools.iter().filter(|it| it.lost.contains(&address));
        let loser = losers.next().filter(|_| pool.is_none());
        let holders = self.holders.of(address).iter();
        let sharing = holders.filter_map(|slot| self.tenants.get(*slot).terms.sharing.as_deref());
        Given {
            address,
            pool: pool.map(|it| it.name.clone()),
            lost_by: loser.map(|it| it.name.clone()),
            lacks_common_node: !have_common_node(sharing),
        }
    }
}
