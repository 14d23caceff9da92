//! The parts that do no I/O, under a clock that stands still between events.

mod announcing;
mod asking;
mod interfaces;
mod shell;
mod turning;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use landfall_bare_metal_l2::Mac;

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const FOREIGN: Mac = Mac([2, 0, 0, 0, 0, 9]);
const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x192, 0, 2, 0, 0, 0, 0x200));
