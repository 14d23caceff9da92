//! VPCs and their ranges of addresses.

use ipnet::IpNet;
use roxmltree::Node;

use super::query::Params;
use super::subnets::associated;
use super::xml::Unreadable;
use crate::calls::actions::DESCRIBE_VPCS;
use crate::calls::{Calls, Priority, Result};

/// A VPC (`Vpc`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vpc {
    /// `cidrBlockAssociationSet`, those that are `associated`.
    pub(crate) ipv4: Vec<IpNet>,
    /// `ipv6CidrBlockAssociationSet`, those that are `associated`.
    pub(crate) ipv6: Vec<IpNet>,
}

impl Calls {
    /// VPCs by their ids. One that does not exist is left out of the answer.
    pub(crate) async fn vpcs(&self, priority: Priority, ids: &[String]) -> Result<Vec<Vpc>> {
        let params = Params::new().with("MaxResults", 1000);
        self.ec2_having(
            &DESCRIBE_VPCS,
            priority,
            params,
            ("vpc-id", ids),
            "vpcSet",
            vpc,
        )
        .await
    }
}

fn vpc(item: Node<'_, '_>) -> std::result::Result<Vpc, Unreadable> {
    Ok(Vpc {
        ipv4: associated(item, "cidrBlockAssociationSet", "cidrBlock")?,
        ipv6: associated(item, "ipv6CidrBlockAssociationSet", "ipv6CidrBlock")?,
    })
}
