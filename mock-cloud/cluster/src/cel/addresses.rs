//! Kubernetes' libraries for IP addresses and blocks of them. Zones, and IPv4 addresses in the
//! clothes of IPv6, are refused as there.

use std::net::IpAddr;

use ipnet::IpNet;

use super::functions::no_overload;
use super::value::Value;

/// Calls a function of an address or a block, or one that makes them.
pub(super) fn run(name: &str, args: &[Value]) -> Result<Value, String> {
    let flag = |flag: bool| Ok(Value::Bool(flag));
    match (name, args) {
        ("isIP", [Value::String(text)]) => flag(parse(text).is_ok()),
        ("ip", [Value::String(text)]) => parse(text).map(Value::Ip),
        ("ip.isCanonical", [Value::String(text)]) => flag(parse(text)?.to_string() == **text),
        ("isCIDR", [Value::String(text)]) => flag(parse_block(text).is_ok()),
        ("cidr", [Value::String(text)]) => parse_block(text).map(Value::Cidr),
        ("family", [Value::Ip(address)]) => Ok(Value::Int(if address.is_ipv4() { 4 } else { 6 })),
        ("isUnspecified", [Value::Ip(address)]) => flag(address.is_unspecified()),
        ("isLoopback", [Value::Ip(address)]) => flag(address.is_loopback()),
        ("isLinkLocalMulticast", [Value::Ip(address)]) => flag(is_link_local_multicast(address)),
        ("isLinkLocalUnicast", [Value::Ip(address)]) => flag(is_link_local_unicast(address)),
        ("isGlobalUnicast", [Value::Ip(address)]) => flag(is_global_unicast(address)),
        ("ip", [Value::Cidr(block)]) => Ok(Value::Ip(block.addr())),
        ("masked", [Value::Cidr(block)]) => Ok(Value::Cidr(block.trunc())),
        ("prefixLength", [Value::Cidr(block)]) => Ok(Value::Int(block.prefix_len().into())),
        ("containsIP", [Value::Cidr(block), Value::Ip(address)]) => flag(block.contains(address)),
        ("containsIP", [Value::Cidr(block), Value::String(text)]) => {
            flag(block.contains(&parse(text)?))
        }
        ("containsCIDR", [Value::Cidr(block), Value::Cidr(other)]) => {
            flag(block.trunc().contains(&other.trunc()))
        }
        ("containsCIDR", [Value::Cidr(block), Value::String(text)]) => {
            flag(block.trunc().contains(&parse_block(text)?.trunc()))
        }
        _ => Err(no_overload()),
    }
}

fn parse(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| {
        format!(
            "IP Address {text:?} parse error during conversion from string: ParseAddr({text:?}): unable to parse IP"
        )
    })?;
    if is_mapped(&address) {
        return Err(format!("IPv4-mapped IPv6 address {text:?} is not allowed"));
    }
    Ok(address)
}

fn parse_block(text: &str) -> Result<IpNet, String> {
    let block: IpNet = text.parse().map_err(|_| {
        format!(
            "network address parse error during conversion from string: netip.ParsePrefix({text:?}): no '/'"
        )
    })?;
    if is_mapped(&block.addr()) {
        return Err(format!("IPv4-mapped IPv6 address {text:?} is not allowed"));
    }
    Ok(block)
}

fn is_mapped(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

fn is_link_local_multicast(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
        IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
    }
}

fn is_link_local_unicast(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Go's notion: anything that is none of the others.
fn is_global_unicast(address: &IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !broadcast
        && !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && !is_link_local_unicast(address)
}
