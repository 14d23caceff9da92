"""Makes what the AWS Load Balancer Controller makes for a Service, in an account of this server, with its tags.

    python predecessor.py URL ACCOUNT CLUSTER NAMESPACE NAME PORT:NODEPORT…

Prints the name of the load balancer in DNS.
"""

import sys
from typing import Any

import boto3

REGION = "eu-central-1"


def main() -> None:
    url, account, cluster, namespace, name, *ports = sys.argv[1:]
    of = {"region_name": REGION, "endpoint_url": url, "aws_access_key_id": account, "aws_secret_access_key": "s"}
    elb, ec2 = boto3.client("elbv2", **of), boto3.client("ec2", **of)
    stack = f"{namespace}/{name}"

    def tags(resource: str) -> list[dict[str, str]]:
        said = {"elbv2.k8s.aws/cluster": cluster, "service.k8s.aws/stack": stack, "service.k8s.aws/resource": resource}
        return [{"Key": key, "Value": value} for key, value in said.items()]

    def group(called: str, said: list[dict[str, str]]) -> str:
        spec = [{"ResourceType": "security-group", "Tags": said}]
        made = ec2.create_security_group(GroupName=called, Description="[k8s]", VpcId=vpc, TagSpecifications=spec)
        return made["GroupId"]

    def let_in(into: str, first: int, last: int, source: dict[str, Any]) -> None:
        rule = {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, **source}
        ec2.authorize_security_group_ingress(GroupId=into, IpPermissions=[rule])

    nodes = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["nodes"]}])["SecurityGroups"][0]
    vpc = nodes["VpcId"]
    role = [{"Name": "tag-key", "Values": ["kubernetes.io/role/internal-elb"]}]
    subnets = [it["SubnetId"] for it in ec2.describe_subnets(Filters=role)["Subnets"]]
    reservations = ec2.describe_instances()["Reservations"]
    instances = [it["InstanceId"] for reservation in reservations for it in reservation["Instances"]]
    pairs = [tuple(int(it) for it in pair.split(":")) for pair in ports]

    front = group(f"k8s-{name}", tags("ManagedLBSecurityGroup"))
    for port, _ in pairs:
        let_in(front, port, port, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]})
    shared = [
        {"Key": "elbv2.k8s.aws/cluster", "Value": cluster},
        {"Key": "elbv2.k8s.aws/resource", "Value": "backend-sg"},
    ]
    backend = group(f"k8s-traffic-{cluster}", shared)
    let_in(nodes["GroupId"], 30000, 32767, {"UserIdGroupPairs": [{"GroupId": backend}]})
    balancer = elb.create_load_balancer(
        Name=f"k8s-{name}",
        Type="network",
        Scheme="internal",
        Subnets=subnets,
        SecurityGroups=[front, backend],
        Tags=tags("LoadBalancer"),
    )["LoadBalancers"][0]
    for port, node_port in pairs:
        made = elb.create_target_group(
            Name=f"k8s-{name}-{node_port}",
            Protocol="TCP",
            Port=node_port,
            VpcId=vpc,
            TargetType="instance",
            HealthCheckProtocol="TCP",
            HealthCheckIntervalSeconds=10,
            Tags=tags(f"{stack}:{port}"),
        )["TargetGroups"][0]["TargetGroupArn"]
        targets = [{"Id": it, "Port": node_port} for it in instances]
        elb.register_targets(TargetGroupArn=made, Targets=targets)
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="TCP",
            Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": made}],
            Tags=tags(str(port)),
        )
    print(balancer["DNSName"])


main()
