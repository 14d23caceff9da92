//! What the kernel says of links and addresses, put together: the interfaces of this node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use landfall_bare_metal_l2::Mac;
use landfall_bare_metal_l2::peers::shares_subnet;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope,
};
use rtnetlink::packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, State,
};

/// An Ethernet interface on which addresses can be announced: no port of a bridge or of a bond, and
/// no loopback. VLANs, bridges, bonds and macvlans are interfaces like others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The kernel's number for it. One that is deleted and made again gets another.
    pub index: u32,
    /// Its name, which can change.
    pub name: String,
    /// Its hardware address.
    pub mac: Mac,
    /// Whether it is switched on and has a carrier.
    pub is_up: bool,
    /// Its addresses of global scope, each with the bits of its subnet.
    pub subnets: BTreeSet<(IpAddr, u8)>,
    /// An IPv6 address of this link, if it has one.
    pub link_local: Option<Ipv6Addr>,
}

impl Interface {
    /// The interface's own address in the smallest subnet that has this other one.
    pub fn own_address_towards(&self, other: IpAddr) -> Option<IpAddr> {
        let shares =
            |(own, bits): &&(IpAddr, u8)| *own != other && shares_subnet(other, *own, *bits);
        let sharing = self.subnets.iter().filter(shares);
        sharing.max_by_key(|(_, bits)| *bits).map(|(own, _)| *own)
    }
}

/// A link as the kernel tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    name: String,
    mac: Option<Mac>,
    is_up: bool,
    is_ethernet: bool,
    is_vrf: bool,
    master: Option<u32>,
}

/// All links and addresses of this node.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Table {
    links: BTreeMap<u32, Link>,
    addresses: BTreeMap<u32, BTreeSet<(IpAddr, u8)>>,
}

impl Table {
    /// Applies what the kernel says, in the order in which it does.
    pub(super) fn apply(&mut self, message: &RouteNetlinkMessage) {
        match message {
            // Ports of bridges are told of in another family, also when they only leave the bridge.
            RouteNetlinkMessage::NewLink(it) | RouteNetlinkMessage::DelLink(it)
                if it.header.interface_family != AddressFamily::Unspec => {}
            RouteNetlinkMessage::NewLink(it) => {
                self.links.insert(it.header.index, Link::new(it));
            }
            RouteNetlinkMessage::DelLink(it) => {
                self.links.remove(&it.header.index);
                self.addresses.remove(&it.header.index);
            }
            RouteNetlinkMessage::NewAddress(it) => {
                if let Some(address) = address(it) {
                    let addresses = self.addresses.entry(it.header.index).or_default();
                    if it.header.flags.contains(AddressHeaderFlags::Dadfailed) {
                        addresses.remove(&address);
                    } else {
                        addresses.insert(address);
                    }
                }
            }
            RouteNetlinkMessage::DelAddress(it) => {
                if let (Some(address), Some(addresses)) =
                    (address(it), self.addresses.get_mut(&it.header.index))
                {
                    addresses.remove(&address);
                }
            }
            _ => {}
        }
    }

    /// The interfaces on which addresses can be announced, by index.
    pub(super) fn interfaces(&self) -> BTreeMap<u32, Interface> {
        let interfaces = self.links.iter().filter_map(|(index, link)| {
            let is_free = link.master.is_none_or(|master| {
                // Of another kind of master it is a part, and has no life of its own.
                self.links.get(&master).is_some_and(|it| it.is_vrf)
            });
            let mac = link.mac.filter(|_| link.is_ethernet && is_free)?;
            let addresses = self.addresses.get(index);
            let (here, global): (BTreeSet<_>, BTreeSet<_>) = addresses
                .into_iter()
                .flatten()
                .partition(|(it, _)| is_link_local(*it));
            let interface = Interface {
                index: *index,
                name: link.name.clone(),
                mac,
                is_up: link.is_up,
                subnets: global,
                link_local: here.iter().find_map(|(it, _)| match it {
                    IpAddr::V6(it) => Some(*it),
                    IpAddr::V4(_) => None,
                }),
            };
            Some((*index, interface))
        });
        interfaces.collect()
    }
}

impl Link {
    fn new(message: &LinkMessage) -> Self {
        let (header, mut state) = (&message.header, State::Unknown);
        let mut link = Self {
            name: String::new(),
            mac: None,
            is_up: false,
            is_ethernet: header.link_layer_type == LinkLayerType::Ether
                && !header.flags.contains(LinkFlags::Loopback),
            is_vrf: false,
            master: None,
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Address(bytes) => {
                    link.mac = <[u8; 6]>::try_from(&bytes[..]).ok().map(Mac);
                }
                LinkAttribute::OperState(it) => state = *it,
                LinkAttribute::Controller(0) => {}
                LinkAttribute::Controller(master) => link.master = Some(*master),
                LinkAttribute::LinkInfo(infos) => {
                    link.is_vrf = infos.contains(&LinkInfo::Kind(InfoKind::Vrf));
                }
                _ => {}
            }
        }
        let is_on = header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp);
        link.is_up = is_on && matches!(state, State::Up | State::Unknown);
        link
    }
}

/// An interface's own address, if others can reach it there.
fn address(message: &AddressMessage) -> Option<(IpAddr, u8)> {
    let own = message.attributes.iter().find_map(|it| match it {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    // Without a peer, IPv6 has no attribute of this name.
    let own = own.or_else(|| {
        message.attributes.iter().find_map(|it| match it {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    let is_reached = message.header.scope == AddressScope::Universe
        || message.header.scope == AddressScope::Site
        || own.is_ipv6() && is_link_local(own);
    is_reached.then_some((own, message.header.prefix_len))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        // It may be a network's only kind of address, and has global scope then.
        IpAddr::V4(_) => false,
        IpAddr::V6(it) => it.is_unicast_link_local(),
    }
}
