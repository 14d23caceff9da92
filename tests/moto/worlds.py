"""An account with a cluster in it: a VPC with a public and a private subnet in each of two zones, three nodes
with a security group, two Elastic IP addresses and two certificates. And what load balancers of it consist of.
"""

import itertools
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from moto.acm.models import acm_backends
from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends

REGION = "eu-central-1"
# The name of the cluster.
CLUSTER = "conformance"


def make(account: str) -> dict[str, Any]:
    """Makes all of it, and tells its identifiers."""
    ec2 = ec2_backends[account][REGION]
    vpc = ec2.create_vpc("10.0.0.0/16")
    gateway = ec2.create_internet_gateway()
    ec2.attach_internet_gateway(gateway.id, vpc.id)
    routes = ec2.create_route_table(vpc.id)
    ec2.create_route(routes.id, "0.0.0.0/0", gateway_id=gateway.id)
    public, private = [], []
    blocks = (f"10.0.{16 * it}.0/20" for it in itertools.count())
    for zone, (role, subnets) in itertools.product("ab", [("elb", public), ("internal-elb", private)]):
        subnet = ec2.create_subnet(vpc.id, next(blocks), availability_zone=f"{REGION}{zone}")
        ec2.create_tags([subnet.id], {**owned(), f"kubernetes.io/role/{role}": "1"})
        subnets.append(subnet)
    for subnet in public:
        ec2.associate_route_table(routes.id, subnet_id=subnet.id)
    group = ec2.create_security_group("nodes", "nodes", vpc_id=vpc.id, tags=owned())
    acm = acm_backends[account][REGION]
    return {
        "account": account,
        "region": REGION,
        "vpc": vpc.id,
        "elasticIps": [ec2.allocate_address("vpc").allocation_id for _ in range(2)],
        "nodes": [node(ec2, private[it % 2], group.id) for it in range(3)],
        "certificates": [acm.import_certificate(*certificate(), None, None, []) for _ in range(2)],
    }


def owned() -> dict[str, str]:
    """By this tag, the parts of a cluster are known."""
    return {f"kubernetes.io/cluster/{CLUSTER}": "owned"}


def node(ec2: Any, subnet: Any, group: str) -> dict[str, str]:
    """Runs an instance, with an interface of this security group."""
    interface = ec2.create_network_interface(subnet, "", group_ids=[group])
    nics = [{"NetworkInterfaceId": interface.id, "DeviceIndex": 0}]
    # As a default, the type is not looked up among all that there are, which takes a second.
    kind = {"instance_type": "m5.large", "is_instance_type_default": True}
    run = ec2.run_instances("ami-0", 1, None, [], nics=nics, region_name=REGION, tags={}, **kind)
    instance = run.instances[0]
    zone = subnet.availability_zone
    return {
        "address": interface.private_ip_address,
        "zone": zone,
        "providerId": f"aws:///{zone}/{instance.id}",
    }


@cache
def certificate() -> tuple[bytes, bytes]:
    """A certificate that signs itself, and its key."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.com")])
    now = datetime.now(timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return signed.public_bytes(pem), key.private_bytes(pem, form, serialization.NoEncryption())


def balancers(account: str) -> int:
    """How many load balancers there are."""
    return len(elbv2_backends[account][REGION].load_balancers)


def remove(account: str) -> None:
    """Removes all load balancers, and their listeners with them."""
    elb = elbv2_backends[account][REGION]
    for arn in list(elb.load_balancers):
        elb.delete_load_balancer(arn)


def parts(account: str) -> list[dict[str, Any]]:
    """What there is of load balancers, each with what it is, in a few words, and its tags."""
    elb, ec2 = elbv2_backends[account][REGION], ec2_backends[account][REGION]
    found: list[dict[str, Any]] = []

    def add(what: str, tags: dict[str, str]) -> None:
        found.append({"what": what, "tags": tags})

    def tags(arn: str) -> dict[str, str]:
        return elb.tagging_service.get_tag_dict_for_resource(arn)

    for it in elb.load_balancers.values():
        add(f"load balancer {it.scheme}", tags(it.arn))
        for listener in it.listeners.values():
            said = [listener.protocol, str(listener.port), *listener.certificates]
            add(f"listener {' '.join(said)}", tags(listener.arn))
    for it in elb.target_groups.values():
        add(f"target group {it.protocol} {it.port} with {len(it.targets)}", tags(it.arn))
    for groups in ec2.groups.values():
        for it in groups.values():
            said = {tag["key"]: tag["value"] for tag in it.get_tags()}
            add(f"security group with {len(it.ingress_rules)}", said)
    return found
