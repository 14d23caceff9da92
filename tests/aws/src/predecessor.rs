//! What the AWS Load Balancer Controller makes for a Service, for tests of who takes it over. Made by hands: it
//! leaves no call in the diary.

use std::time::Duration;

use crate::aws::Aws;
use crate::elb::LoadBalancer;
use crate::parameters::Parameters;
use crate::request::{Credential, Request, Service};
use crate::world::Ids;

/// A Service of that controller, with nodes as targets.
#[derive(Debug, Clone, Copy)]
pub struct Predecessor<'a> {
    /// Its `--cluster-name`.
    pub cluster: &'a str,
    /// The Service's namespace.
    pub namespace: &'a str,
    /// The Service's name.
    pub name: &'a str,
    /// TCP ports of the Service, each with its node port.
    pub ports: &'a [(u16, u16)],
}

impl Aws {
    /// Makes what the controller would have made, with all nodes of a world as targets, and answers the load
    /// balancer. One security group is shared by all that it makes.
    pub fn made_by_predecessor(&self, ids: &Ids, of: Predecessor<'_>) -> LoadBalancer {
        let stack = format!("{}/{}", of.namespace, of.name);
        let tags = |resource: &str| of.tags(&stack, resource);
        let short = format!("k8s-{:.8}-{:.8}", of.namespace, of.name).replace("--", "-");
        let front = self.made_group(
            ids,
            &format!("{short}-front"),
            &tags("ManagedLBSecurityGroup"),
        );
        for (port, _) in of.ports {
            self.let_in(&front, *port, *port, ("IpRanges.1.CidrIp", "0.0.0.0/0"));
        }
        let shared = self.backend_group(ids, of);
        let mut parameters = vec![
            ("Name".to_owned(), format!("{short}-lb")),
            ("Type".to_owned(), "network".to_owned()),
            ("Scheme".to_owned(), "internal".to_owned()),
            ("SecurityGroups.1".to_owned(), front),
            ("SecurityGroups.2".to_owned(), shared),
        ];
        let subnets = (1..).zip(&ids.private_subnets);
        parameters.extend(subnets.map(|(n, it)| (format!("Subnets.{n}"), it.clone())));
        parameters.extend(listed("Tags", &tags("LoadBalancer")));
        self.carry_out(Service::Elb, "CreateLoadBalancer", &parameters);
        let made = self.load_balancers();
        let made = made.into_iter().find(|it| it.name == format!("{short}-lb"));
        let made = made.expect("it was just made");
        for (port, node_port) in of.ports {
            let group =
                self.made_target_group(ids, &short, *node_port, &tags(&format!("{stack}:{port}")));
            let mut parameters = vec![
                ("LoadBalancerArn".to_owned(), made.arn.clone()),
                ("Protocol".to_owned(), "TCP".to_owned()),
                ("Port".to_owned(), port.to_string()),
                ("DefaultActions.1.Type".to_owned(), "forward".to_owned()),
                ("DefaultActions.1.TargetGroupArn".to_owned(), group),
            ];
            parameters.extend(listed("Tags", &tags(&port.to_string())));
            self.carry_out(Service::Elb, "CreateListener", &parameters);
        }
        made
    }

    fn made_target_group(
        &self,
        ids: &Ids,
        short: &str,
        node_port: u16,
        tags: &[(String, String)],
    ) -> String {
        let name = format!("{short}-{node_port}");
        let mut parameters = vec![
            ("Name".to_owned(), name.clone()),
            ("Protocol".to_owned(), "TCP".to_owned()),
            ("Port".to_owned(), node_port.to_string()),
            ("VpcId".to_owned(), ids.vpc.clone()),
            ("TargetType".to_owned(), "instance".to_owned()),
            ("HealthCheckProtocol".to_owned(), "TCP".to_owned()),
            ("HealthCheckPort".to_owned(), "traffic-port".to_owned()),
            ("HealthCheckIntervalSeconds".to_owned(), "10".to_owned()),
            ("HealthCheckTimeoutSeconds".to_owned(), "10".to_owned()),
            ("HealthyThresholdCount".to_owned(), "3".to_owned()),
            ("UnhealthyThresholdCount".to_owned(), "3".to_owned()),
        ];
        parameters.extend(listed("Tags", tags));
        self.carry_out(Service::Elb, "CreateTargetGroup", &parameters);
        let made = self.target_groups();
        let made = made.into_iter().find(|it| it.name == name);
        let arn = made.expect("it was just made").arn;
        let mut parameters = vec![("TargetGroupArn".to_owned(), arn.clone())];
        for (n, node) in (1..).zip(&ids.nodes) {
            parameters.push((format!("Targets.{n}.Id"), node.id.clone()));
            parameters.push((format!("Targets.{n}.Port"), node_port.to_string()));
        }
        self.carry_out(Service::Elb, "RegisterTargets", &parameters);
        arn
    }

    /// The group that nodes let in, and the rule by which they do.
    fn backend_group(&self, ids: &Ids, of: Predecessor<'_>) -> String {
        let name = format!("k8s-traffic-{}", of.cluster);
        let groups = self.security_groups();
        if let Some(there) = groups.into_iter().find(|it| it.name == name) {
            return there.id;
        }
        let tags = [
            ("elbv2.k8s.aws/cluster", of.cluster),
            ("elbv2.k8s.aws/resource", "backend-sg"),
        ];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let group = self.made_group(ids, &name, &tags);
        let source = ("Groups.1.GroupId", group.as_str());
        self.let_in(&ids.node_security_group, 30_000, 32_767, source);
        group
    }

    fn made_group(&self, ids: &Ids, name: &str, tags: &[(String, String)]) -> String {
        let mut parameters = vec![
            ("GroupName".to_owned(), name.to_owned()),
            ("GroupDescription".to_owned(), "[k8s] Managed".to_owned()),
            ("VpcId".to_owned(), ids.vpc.clone()),
            (
                "TagSpecification.1.ResourceType".to_owned(),
                "security-group".to_owned(),
            ),
        ];
        parameters.extend(listed("TagSpecification.1.Tag", tags));
        self.carry_out(Service::Ec2, "CreateSecurityGroup", &parameters);
        let groups = self.security_groups();
        let made = groups.into_iter().find(|it| it.name == name);
        made.expect("it was just made").id
    }

    fn let_in(&self, group: &str, from: u16, to: u16, source: (&str, &str)) {
        let parameters = [
            ("GroupId".to_owned(), group.to_owned()),
            ("IpPermissions.1.IpProtocol".to_owned(), "tcp".to_owned()),
            ("IpPermissions.1.FromPort".to_owned(), from.to_string()),
            ("IpPermissions.1.ToPort".to_owned(), to.to_string()),
            (format!("IpPermissions.1.{}", source.0), source.1.to_owned()),
        ];
        self.carry_out(Service::Ec2, "AuthorizeSecurityGroupIngress", &parameters);
    }

    /// Does what a call would. What is refused is a fault of the test.
    fn carry_out(&self, service: Service, action: &str, parameters: &[(String, String)]) {
        let key = crate::Options::default().keys[0].clone();
        let request = Request {
            service,
            action: action.to_owned(),
            parameters: Parameters::of_pairs(parameters),
            json: serde_json::Value::Null,
            credential: Some(Credential {
                key,
                region: self.region(),
                service: service.prefix().to_owned(),
                has_token: false,
            }),
        };
        let done = self.state(|state, now: Duration| state.handle(&request, now));
        if let Err(refusal) = done {
            panic!("{action} was refused: {refusal:?}");
        }
    }
}

impl Predecessor<'_> {
    fn tags(&self, stack: &str, resource: &str) -> Vec<(String, String)> {
        let tags = [
            ("elbv2.k8s.aws/cluster", self.cluster),
            ("service.k8s.aws/stack", stack),
            ("service.k8s.aws/resource", resource),
        ];
        let tags = tags.iter();
        tags.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }
}

/// Tags as parameters.
fn listed(name: &str, tags: &[(String, String)]) -> Vec<(String, String)> {
    let tags = (1..).zip(tags);
    tags.flat_map(|(n, (key, value))| {
        [
            (format!("{name}.{n}.Key"), key.clone()),
            (format!("{name}.{n}.Value"), value.clone()),
        ]
    })
    .collect()
}
