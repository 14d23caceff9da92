//! The gateways of this node's default routes, as the kernel lists them. Their answers show that a link
//! works where no other speaker is left to show it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ROUTES: &str = "/proc/net/route";
const ROUTES_IPV6: &str = "/proc/net/ipv6_route";

/// The gateways, as far as they can be read.
pub(crate) fn gateways() -> Vec<IpAddr> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (ipv4, ipv6) = (read(ROUTES), read(ROUTES_IPV6));
    of_ipv4(&ipv4).chain(of_ipv6(&ipv6)).collect()
}

/// Lines of interface, destination, gateway and more; numbers are hexadecimal in the byte order of the
/// machine.
fn of_ipv4(text: &str) -> impl Iterator<Item = IpAddr> {
    let lines = text.lines().skip(1);
    lines.filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (destination, gateway) = (fields.next()?, fields.next()?);
        let mask = fields.nth(4)?;
        let gateway = u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes();
        let is_default = destination == "00000000" && mask == "00000000";
        (is_default && gateway != [0; 4]).then(|| Ipv4Addr::from(gateway).into())
    })
}

/// Lines of destination, its length, source, its length, gateway and more; addresses are 32 digits.
fn of_ipv6(text: &str) -> impl Iterator<Item = IpAddr> {
    text.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (_, length) = (fields.next()?, fields.next()?);
        let gateway = Ipv6Addr::from(u128::from_str_radix(fields.nth(2)?, 16).ok()?);
        (length == "00" && !gateway.is_unspecified()).then_some(gateway.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_of_default_routes_are_found_among_others() {
        let gateway = u32::from_ne_bytes([192, 0, 2, 1]);
        let text = format!(
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
             eth0\t00000000\t{gateway:08X}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
             eth0\t000200C0\t{gateway:08X}\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
             nonsense\n"
        );
        let found: Vec<_> = of_ipv4(&text).collect();
        assert_eq!(found, [IpAddr::from([192, 0, 2, 1])]);
    }

    #[test]
    fn gateways_of_ipv6_are_found_among_others() {
        let zero = "0".repeat(32);
        let text = format!(
            "{zero} 00 {zero} 00 fd00019200000002000000000000000001 00000400\n\
             {zero} 00 {zero} 00 fd000192000000020000000000000001 00000400 1 0 3 eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 1 0 00200200 lo\n\
             fd000192000000020000000000000000 40 {zero} 00 {zero} 00000100 1 0 1 eth0\n"
        );
        let found: Vec<_> = of_ipv6(&text).collect();
        assert_eq!(found, ["fd00:192:0:2::1".parse::<IpAddr>().unwrap()]);
    }
}
