"""What of moto is not as AWS documents it, and in the way of any controller: corrected here, each with the
reason. Everything else stays as moto has it: also that it makes a second load balancer of a name, which AWS
does not, so that tests see whoever asks for one.
"""

from typing import Any

from moto.ec2.models.security_groups import SecurityGroupRule
from moto.elbv2.models import AvailabilityZone, ELBv2Backend, FakeLoadBalancer

# What chooses an address, of a SubnetMapping.
ADDRESSES = ("AllocationId", "PrivateIPv4Address", "IPv6Address")


def correct() -> None:
    """Corrects all of it."""
    groups_know_who_uses_them()
    listeners_of_network_load_balancers_change()
    chosen_addresses_are_told()
    rules_tell_what_they_are_for()


def groups_know_who_uses_them() -> None:
    """DescribeTargetGroups: LoadBalancerArns are those whose listeners send there now.

    moto adds one when a listener is made, and never takes one away: not with the listener, not with the
    load balancer. So a group could serve no other load balancer in the place of one that is gone.
    """
    describe = ELBv2Backend.describe_target_groups

    def groups(self: ELBv2Backend, *args: Any, **named: Any) -> Any:
        for group in self.target_groups.values():
            users = []
            for balancer in self.load_balancers.values():
                actions = [action for it in balancer.listeners.values() for action in it.default_actions]
                if any(group.arn in self._get_target_group_arns_from(it.data) for it in actions):
                    users.append(balancer.arn)
            group.load_balancer_arns = users
        return describe(self, *args, **named)

    ELBv2Backend.describe_target_groups = groups


def listeners_of_network_load_balancers_change() -> None:
    """ModifyListener: a listener becomes TLS, UDP or TCP_UDP, and gets another certificate.

    moto takes only the protocols of an Application Load Balancer here, and leaves the certificate of a
    listener that is TLS as it was.
    """
    modify = ELBv2Backend.modify_listener

    def change(
        self: ELBv2Backend,
        arn: str,
        port: str | None = None,
        protocol: str | None = None,
        ssl_policy: str | None = None,
        certificates: list[dict[str, Any]] | None = None,
        actions: list[dict[str, Any]] | None = None,
    ) -> Any:
        # To moto, TLS is what HTTPS is, and the others need no more than TCP does.
        listener = self.describe_listeners(None, [arn])[0]
        becomes = protocol or listener.protocol
        if becomes not in ("TLS", "UDP", "TCP_UDP"):
            return modify(self, arn, port, protocol, ssl_policy, certificates, actions)
        beside = listener.certificates[1:]
        passes = "HTTPS" if becomes == "TLS" else "TCP"
        modify(self, arn, port, passes, ssl_policy, certificates, actions)
        listener.protocol = becomes
        if certificates:
            # One call changes the default certificate only.
            listener.certificates = [certificates[0]["CertificateArn"], *beside]
        return listener

    ELBv2Backend.modify_listener = change


def chosen_addresses_are_told() -> None:
    """DescribeLoadBalancers: AvailabilityZones have the addresses that were chosen when it was made.

    moto forgets them. So nobody could see whether a load balancer stands at the addresses that are wanted.
    """
    make = ELBv2Backend.create_load_balancer

    def create(self: ELBv2Backend, *args: Any, **asked: Any) -> Any:
        made = make(self, *args, **asked)
        made.chosen = {it["SubnetId"]: it for it in asked.get("subnet_mappings") or []}
        return made

    def zones(self: FakeLoadBalancer) -> list[AvailabilityZone]:
        told = [AvailabilityZone(subnet) for subnet in self.subnets]
        for zone in told:
            mapping = self.chosen.get(zone.subnet_id, {})
            addresses = {key: mapping[key] for key in ADDRESSES if key in mapping}
            zone.load_balancer_addresses = [addresses] if addresses else []
        return told

    ELBv2Backend.create_load_balancer = create
    FakeLoadBalancer.availability_zones = property(zones)


def rules_tell_what_they_are_for() -> None:
    """DescribeSecurityGroupRules: Description is that of the rule, also where its source is a group.

    moto tells it of ranges only, and yet to revoke a rule it must be named as it was given. So nobody could
    revoke a rule as it was read.
    """

    def description(self: SecurityGroupRule) -> str | None:
        return self.ip_range.get("Description") or self.source_group.get("Description")

    SecurityGroupRule.description = property(description)
