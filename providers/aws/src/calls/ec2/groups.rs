//! Security groups, and tags of whatever belongs to EC2.

use roxmltree::Node;

use super::query::Params;
use super::xml::{Element, Unreadable};
use crate::calls::actions::{
    CREATE_SECURITY_GROUP, CREATE_TAGS, DELETE_SECURITY_GROUP, DELETE_TAGS,
    DESCRIBE_SECURITY_GROUPS,
};
use crate::calls::or_gone;
use crate::calls::{Calls, Priority, Result, TagFilter, Tags};

/// Which security groups are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SecurityGroups<'a> {
    /// These. One that does not exist is left out of the answer.
    Ids(&'a [String]),
    /// Those of a VPC whose tag `Name`, or else whose name, is one of these.
    Names { vpc: &'a str, names: &'a [String] },
    /// Those of a VPC whose group name is this.
    GroupName { vpc: &'a str, name: &'a str },
    /// Those of a VPC that pass all these filters.
    Tagged {
        vpc: &'a str,
        filters: &'a [TagFilter<'a>],
    },
    /// Those with a rule that lets in traffic from this group.
    LettingIn(&'a str),
}

/// A security group (`SecurityGroup`), without its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecurityGroup {
    /// `groupId`
    pub(crate) id: String,
    /// `groupName`
    pub(crate) name: String,
    /// `tagSet`
    pub(crate) tags: Tags,
}

impl Calls {
    /// Security groups (`DescribeSecurityGroups`).
    pub(crate) async fn security_groups(
        &self,
        priority: Priority,
        which: SecurityGroups<'_>,
    ) -> Result<Vec<SecurityGroup>> {
        let params = Params::new().with("MaxResults", 1000);
        let in_vpc = |vpc: &str| params.clone().filter("vpc-id", &[vpc]);
        match which {
            SecurityGroups::Ids(ids) => self.groups_having(priority, params, "group-id", ids).await,
            SecurityGroups::Names { vpc, names } => {
                self.groups_named(priority, in_vpc(vpc), names).await
            }
            SecurityGroups::GroupName { vpc, name } => {
                let named = [name.to_owned()];
                self.groups_having(priority, in_vpc(vpc), "group-name", &named)
                    .await
            }
            SecurityGroups::Tagged { vpc, filters } => {
                let params = in_vpc(vpc).tagged(filters);
                let (action, set) = (&DESCRIBE_SECURITY_GROUPS, "securityGroupInfo");
                self.ec2_pages(action, priority, params, set, group).await
            }
            SecurityGroups::LettingIn(id) => {
                let from = [id.to_owned()];
                self.groups_having(priority, params, "ip-permission.group-id", &from)
                    .await
            }
        }
    }

    /// Makes a security group and gives its id. A name that the VPC has already is `Exists`,
    /// whatever else the group there has.
    pub(crate) async fn create_security_group(
        &self,
        priority: Priority,
        name: &str,
        description: &str,
        vpc: &str,
        tags: &Tags,
    ) -> Result<String> {
        let params = Params::new()
            .with("GroupName", name)
            .with("GroupDescription", description)
            .with("VpcId", vpc)
            .tagging("security-group", tags);
        let read = |root: Node<'_, '_>| root.required("groupId");
        self.ec2(&CREATE_SECURITY_GROUP, priority, name, &params, read)
            .await
    }

    /// Removes a security group. Gone already is success; one that an interface or a rule uses is
    /// `InUse`.
    pub(crate) async fn delete_security_group(&self, priority: Priority, id: &str) -> Result<()> {
        let params = Params::new().with("GroupId", id);
        let deleted = self.ec2(&DELETE_SECURITY_GROUP, priority, id, &params, |_| Ok(()));
        or_gone(deleted.await)
    }

    /// Adds these tags to all of these; a value that is there is replaced.
    pub(crate) async fn create_tags(
        &self,
        priority: Priority,
        ids: &[String],
        tags: &Tags,
    ) -> Result<()> {
        let params = Params::new().list("ResourceId", ids);
        let params = (1..).zip(tags).fold(params, |it, (place, (key, value))| {
            it.with(format!("Tag.{place}.Key"), key)
                .with(format!("Tag.{place}.Value"), value)
        });
        self.ec2(&CREATE_TAGS, priority, &ids.join(", "), &params, |_| Ok(()))
            .await
    }

    /// Takes the tags with these keys from all of these. One that is not there is none to be taken.
    pub(crate) async fn delete_tags(
        &self,
        priority: Priority,
        ids: &[String],
        keys: &[&str],
    ) -> Result<()> {
        let params = Params::new().list("ResourceId", ids);
        let params = (1..).zip(keys).fold(params, |it, (place, key)| {
            it.with(format!("Tag.{place}.Key"), key)
        });
        self.ec2(&DELETE_TAGS, priority, &ids.join(", "), &params, |_| Ok(()))
            .await
    }
}

impl Calls {
    async fn groups_having(
        &self,
        priority: Priority,
        params: Params,
        filter: &str,
        values: &[String],
    ) -> Result<Vec<SecurityGroup>> {
        let (action, having) = (&DESCRIBE_SECURITY_GROUPS, (filter, values));
        self.ec2_having(action, priority, params, having, "securityGroupInfo", group)
            .await
    }

    /// By the tag `Name`, which is what people see in the console, or else by the group's name.
    async fn groups_named(
        &self,
        priority: Priority,
        params: Params,
        names: &[String],
    ) -> Result<Vec<SecurityGroup>> {
        let by_tag = params.clone();
        let mut all = self
            .groups_having(priority, by_tag, "tag:Name", names)
            .await?;
        let found = |name: &&String| all.iter().any(|it| it.tags.get("Name") == Some(*name));
        let others: Vec<String> = names.iter().filter(|it| !found(it)).cloned().collect();
        let others = self
            .groups_having(priority, params, "group-name", &others)
            .await?;
        all.extend(others);
        Ok(all)
    }
}

fn group(item: Node<'_, '_>) -> std::result::Result<SecurityGroup, Unreadable> {
    Ok(SecurityGroup {
        id: item.required("groupId")?,
        name: item.string_of("groupName"),
        tags: item.tags(),
    })
}
