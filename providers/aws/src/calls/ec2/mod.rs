//! Calls to EC2, through its Query protocol: `query` writes requests, `xml` reads answers, and each
//! other file holds a noun, its types and its calls.

mod groups;
mod instances;
mod query;
mod rules;
mod subnets;
mod vpcs;
mod xml;

pub(crate) use groups::SecurityGroups;
pub(crate) use instances::Instance;
pub(crate) use rules::{Revoked, Rule, RuleSource, SecurityGroupRule};
#[cfg(test)]
pub(crate) use subnets::Route;
pub(crate) use subnets::{RouteTable, Subnet, Subnets};
