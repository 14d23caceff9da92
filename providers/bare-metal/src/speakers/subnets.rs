//! The subnets that nodes are in, as far as they report.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::report::Report;

/// Subnets, and how many reports have each.
#[derive(Debug, Default)]
pub(super) struct Subnets(BTreeMap<IpNet, usize>);

impl Subnets {
    /// A report is another than it was. Says whether there is a subnet more or less now.
    pub(super) fn change(&mut self, before: &Report, after: &Report) -> bool {
        let mut is_other = false;
        for subnet in after.subnets.difference(&before.subnets) {
            let count = self.0.entry(*subnet).or_default();
            *count += 1;
            is_other |= *count == 1;
        }
        for subnet in before.subnets.difference(&after.subnets) {
            if let Some(count) = self.0.get_mut(subnet) {
                *count -= 1;
                if *count == 0 {
                    self.0.remove(subnet);
                    is_other = true;
                }
            }
        }
        is_other
    }

    /// Whether one of them has this address.
    pub(super) fn have(&self, address: IpAddr) -> bool {
        self.0.keys().any(|subnet| subnet.contains(&address))
    }

    #[cfg(test)]
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }
}
