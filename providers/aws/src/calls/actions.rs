//! Every action of AWS that this crate can use: its name in IAM, what it is for, which budget it
//! takes from. No call is made without one, so a policy that allows this table allows the crate.

use super::budget::Family;

/// An action of AWS.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Action {
    /// Its name in IAM: `ec2:CreateSecurityGroup`.
    pub(crate) name: &'static str,
    /// What it is for, to follow "to" in a sentence.
    pub(crate) purpose: &'static str,
    /// The budget that a call takes from.
    pub(crate) family: Family,
    /// Whether it changes something.
    pub(crate) changes: bool,
}

impl Action {
    /// Its name in the API: `CreateSecurityGroup`.
    pub(crate) fn operation(&self) -> &'static str {
        self.name
            .split_once(':')
            .map_or(self.name, |(_, name)| name)
    }
}

macro_rules! actions {
    ($($name:ident $kind:ident $family:ident $action:literal $purpose:literal)*) => {
        $(
            #[doc = concat!("`", $action, "`")]
            pub(super) static $name: Action = Action {
                name: $action,
                purpose: $purpose,
                family: Family::$family,
                changes: actions!(@changes $kind),
            };
        )*
        /// Every action that this crate can use.
        #[cfg(test)]
        pub(crate) static ACTIONS: &[&Action] = &[$(&$name),*];
    };
    (@changes read) => { false };
    (@changes change) => { true };
}

actions! {
    DESCRIBE_LOAD_BALANCERS read ElbRead "elasticloadbalancing:DescribeLoadBalancers" "see load balancers and their state"
    CREATE_LOAD_BALANCER change ElbWrite "elasticloadbalancing:CreateLoadBalancer" "make load balancers"
    DELETE_LOAD_BALANCER change ElbWrite "elasticloadbalancing:DeleteLoadBalancer" "remove load balancers"
    DESCRIBE_LOAD_BALANCER_ATTRIBUTES read ElbRead "elasticloadbalancing:DescribeLoadBalancerAttributes" "see the attributes of a load balancer"
    MODIFY_LOAD_BALANCER_ATTRIBUTES change ElbWrite "elasticloadbalancing:ModifyLoadBalancerAttributes" "set the attributes of a load balancer"
    SET_SUBNETS change ElbWrite "elasticloadbalancing:SetSubnets" "change the subnets of a load balancer"
    SET_SECURITY_GROUPS change ElbWrite "elasticloadbalancing:SetSecurityGroups" "change the security groups of a load balancer"
    SET_IP_ADDRESS_TYPE change ElbWrite "elasticloadbalancing:SetIpAddressType" "change the address families of a load balancer"
    DESCRIBE_CAPACITY_RESERVATION read ElbRead "elasticloadbalancing:DescribeCapacityReservation" "see the capacity that is reserved for a load balancer"
    MODIFY_CAPACITY_RESERVATION change ElbWrite "elasticloadbalancing:ModifyCapacityReservation" "reserve capacity for a load balancer"
    DESCRIBE_TARGET_GROUPS read ElbRead "elasticloadbalancing:DescribeTargetGroups" "see target groups"
    CREATE_TARGET_GROUP change ElbWrite "elasticloadbalancing:CreateTargetGroup" "make target groups"
    MODIFY_TARGET_GROUP change ElbWrite "elasticloadbalancing:ModifyTargetGroup" "change the health check of a target group"
    DELETE_TARGET_GROUP change ElbWrite "elasticloadbalancing:DeleteTargetGroup" "remove target groups"
    DESCRIBE_TARGET_GROUP_ATTRIBUTES read ElbRead "elasticloadbalancing:DescribeTargetGroupAttributes" "see the attributes of a target group"
    MODIFY_TARGET_GROUP_ATTRIBUTES change ElbWrite "elasticloadbalancing:ModifyTargetGroupAttributes" "set the attributes of a target group"
    REGISTER_TARGETS change ElbTargets "elasticloadbalancing:RegisterTargets" "add nodes and pods to target groups"
    DEREGISTER_TARGETS change ElbTargets "elasticloadbalancing:DeregisterTargets" "take nodes and pods out of target groups"
    DESCRIBE_TARGET_HEALTH read ElbRead "elasticloadbalancing:DescribeTargetHealth" "see the targets and their health"
    DESCRIBE_LISTENERS read ElbRead "elasticloadbalancing:DescribeListeners" "see listeners"
    CREATE_LISTENER change ElbWrite "elasticloadbalancing:CreateListener" "make listeners"
    MODIFY_LISTENER change ElbWrite "elasticloadbalancing:ModifyListener" "change listeners"
    DELETE_LISTENER change ElbWrite "elasticloadbalancing:DeleteListener" "remove listeners"
    DESCRIBE_LISTENER_ATTRIBUTES read ElbRead "elasticloadbalancing:DescribeListenerAttributes" "see the attributes of a listener"
    MODIFY_LISTENER_ATTRIBUTES change ElbWrite "elasticloadbalancing:ModifyListenerAttributes" "set the attributes of a listener"
    DESCRIBE_LISTENER_CERTIFICATES read ElbRead "elasticloadbalancing:DescribeListenerCertificates" "see the certificates of a listener"
    ADD_LISTENER_CERTIFICATES change ElbWrite "elasticloadbalancing:AddListenerCertificates" "add certificates to a listener"
    REMOVE_LISTENER_CERTIFICATES change ElbWrite "elasticloadbalancing:RemoveListenerCertificates" "take certificates from a listener"
    DESCRIBE_TAGS read ElbRead "elasticloadbalancing:DescribeTags" "see whose a load balancer, target group or listener is"
    ADD_TAGS change ElbWrite "elasticloadbalancing:AddTags" "mark load balancers, target groups and listeners as ours"
    REMOVE_TAGS change ElbWrite "elasticloadbalancing:RemoveTags" "take tags away that are not wanted any more"
    DESCRIBE_SUBNETS read Ec2Read "ec2:DescribeSubnets" "find subnets for load balancers"
    DESCRIBE_ROUTE_TABLES read Ec2Read "ec2:DescribeRouteTables" "tell public subnets from private ones"
    DESCRIBE_VPCS read Ec2Read "ec2:DescribeVpcs" "know the address ranges of the VPC"
    DESCRIBE_INSTANCES read Ec2Read "ec2:DescribeInstances" "see the nodes' instances and their security groups"
    DESCRIBE_SECURITY_GROUPS read Ec2Read "ec2:DescribeSecurityGroups" "see security groups"
    CREATE_SECURITY_GROUP change Ec2Write "ec2:CreateSecurityGroup" "make security groups for load balancers"
    DELETE_SECURITY_GROUP change Ec2Write "ec2:DeleteSecurityGroup" "remove security groups"
    DESCRIBE_SECURITY_GROUP_RULES read Ec2Read "ec2:DescribeSecurityGroupRules" "see the rules of security groups"
    AUTHORIZE_SECURITY_GROUP_INGRESS change Ec2Write "ec2:AuthorizeSecurityGroupIngress" "let traffic in"
    REVOKE_SECURITY_GROUP_INGRESS change Ec2Write "ec2:RevokeSecurityGroupIngress" "stop letting traffic in"
    CREATE_TAGS change Ec2Write "ec2:CreateTags" "mark security groups as ours"
    DELETE_TAGS change Ec2Write "ec2:DeleteTags" "take tags of security groups away that are not wanted any more"
    GET_RESOURCES read Tagging "tag:GetResources" "find all that belongs to the cluster"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_is_named_once_and_counted_where_aws_counts_it() {
        let names: BTreeSet<&str> = ACTIONS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), ACTIONS.len());
        for action in ACTIONS {
            let (service, operation) = action.name.split_once(':').unwrap();
            assert_eq!(action.operation(), operation);
            let looks = operation.starts_with("Describe") || operation.starts_with("Get");
            assert_eq!(action.changes, !looks, "{action:?}");
            let families: &[Family] = match (service, looks) {
                ("elasticloadbalancing", true) => &[Family::ElbRead],
                ("elasticloadbalancing", false) => &[Family::ElbWrite, Family::ElbTargets],
                ("ec2", true) => &[Family::Ec2Read],
                ("ec2", false) => &[Family::Ec2Write],
                ("tag", true) => &[Family::Tagging],
                other => panic!("{other:?}"),
            };
            assert!(families.contains(&action.family), "{action:?}");
        }
    }

    const POLICY: &str = include_str!("../../../../deploy/aws/iam-policy.json");
    /// Beside the other, while another controller's load balancers are taken over.
    const TAKING_OVER: &str = include_str!("../../../../deploy/aws/iam-policy-taking-over.json");
    /// Makes the role by which Elastic Load Balancing acts in an account, once.
    const LINKED_ROLE: &str = "iam:CreateServiceLinkedRole";

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Statement {
        sid: String,
        effect: String,
        action: Vec<String>,
        resource: String,
        #[serde(default)]
        condition: serde_json::Value,
    }

    fn statements(of: &str) -> Vec<Statement> {
        let policy: serde_json::Value = serde_json::from_str(of).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        serde_json::from_value(policy["Statement"].clone()).unwrap()
    }

    #[test]
    fn the_policies_allow_every_action_and_no_other() {
        let allowed = |policy| {
            let statements = statements(policy);
            assert!(statements.iter().all(|it| it.effect == "Allow"));
            let allowed = statements.into_iter().flat_map(|it| it.action);
            allowed.collect::<BTreeSet<_>>()
        };
        let (always, while_taking_over) = (allowed(POLICY), allowed(TAKING_OVER));
        let ours = ACTIONS.iter().map(|it| it.name).chain([LINKED_ROLE]);
        let ours: BTreeSet<_> = ours.map(str::to_owned).collect();
        assert_eq!(always, ours);
        // To take over is no other action, but on what is not tagged yet.
        assert!(while_taking_over.is_subset(&always));
        // What AWS takes as a managed policy.
        let is_seen = |it: &char| !it.is_whitespace();
        assert!(POLICY.chars().filter(is_seen).count() <= 6144);
    }

    #[test]
    fn the_policy_lets_nobody_change_what_is_not_the_clusters() {
        let tag = landfall_provider_api::tags::CLUSTER_NAME;
        let keys = ["RequestTag", "ResourceTag"].map(|it| format!("aws:{it}/{tag}"));
        // Rules go into groups of nodes too, which others have made; and a VPC has no tag of ours.
        let free = [
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupIngress",
        ];
        for statement in statements(POLICY) {
            let Statement { sid, condition, .. } = &statement;
            let is_tagged = keys.iter().any(|key| condition["Null"][key] == "false");
            let of_vpc = statement.resource.ends_with(":vpc/*");
            for action in &statement.action {
                if action == LINKED_ROLE {
                    let service = "elasticloadbalancing.amazonaws.com";
                    assert_eq!(condition["StringEquals"]["iam:AWSServiceName"], service);
                    continue;
                }
                let known = ACTIONS.iter().find(|it| it.name == action).unwrap();
                let is_free = !known.changes || free.contains(&known.name) || of_vpc;
                assert_eq!(is_tagged, !is_free, "{action} in {sid}");
            }
            // What does not exist yet has no tags, and what exists is not tagged by asking for it.
            let makes = |it: &String| it.contains(":Create") && it != "ec2:CreateTags";
            if is_tagged && statement.action.iter().any(makes) {
                assert_eq!(condition["Null"][&keys[0]], "false", "{sid}");
                assert!(statement.action.iter().all(makes), "{sid}");
            }
        }
    }

    #[test]
    fn to_take_over_is_to_tag_what_another_controller_has_made_and_nothing_else() {
        let tag = landfall_provider_api::tags::CLUSTER_NAME;
        let given = format!("aws:RequestTag/{tag}");
        let tags = ["elasticloadbalancing:AddTags", "ec2:CreateTags"];
        for Statement {
            action,
            condition,
            resource,
            ..
        } in statements(TAKING_OVER)
        {
            let condition = &condition["Null"];
            assert!(action.iter().all(|it| tags.contains(&it.as_str())));
            assert_eq!(condition[&given], "false");
            // That controller can be told not to tag listeners.
            let is_listener = resource == "arn:*:elasticloadbalancing:*:*:listener/net/*";
            let theirs = &condition["aws:ResourceTag/elbv2.k8s.aws/cluster"];
            assert!(is_listener || theirs == "false", "{action:?}");
        }
    }
}
