//! The Address Resolution Protocol (RFC 826) for IPv4 on Ethernet.

use std::net::Ipv4Addr;

use etherparse::{ArpEthIpv4Packet, ArpHardwareId, ArpOperation, ArpPacketSlice, EtherType};

use crate::frame::Frame;
use crate::heard::Malformed;
use crate::mac::Mac;

/// What an ARP packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It asks who has the target, and says who asks.
    Request,
    /// It says who has the sender's address.
    Reply,
}

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// What it is.
    pub operation: Operation,
    /// Who sent it.
    pub sender_mac: Mac,
    /// The sender's address; `0.0.0.0` in a probe (RFC 5227, section 1.1).
    pub sender: Ipv4Addr,
    /// Whom it is for; of no meaning in a request.
    pub target_mac: Mac,
    /// The address asked for, or that of whom it is for.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Reads what follows the Ethernet header. `None` is a packet for others: another hardware, protocol
    /// or operation.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let packet = ArpPacketSlice::from_slice(bytes).map_err(|_| Malformed::Truncated)?;
        if packet.hw_addr_type() != ArpHardwareId::ETHERNET
            || packet.proto_addr_type() != EtherType::IPV4
        {
            return Ok(None);
        }
        let operation = match packet.operation() {
            ArpOperation::REQUEST => Operation::Request,
            ArpOperation::REPLY => Operation::Reply,
            _ => return Ok(None),
        };
        let packet: ArpEthIpv4Packet = packet
            .to_packet()
            .try_eth_ipv4()
            .map_err(|_| Malformed::AddressLength)?;
        let sender_mac = Mac(packet.sender_mac);
        if !sender_mac.is_somebody() {
            return Err(Malformed::SenderIsGroup);
        }
        Ok(Some(Self {
            operation,
            sender_mac,
            sender: packet.sender_ipv4_addr(),
            target_mac: Mac(packet.target_mac),
            target: packet.target_ipv4_addr(),
        }))
    }

    /// Whether it asks, with no address of its own, whether somebody has the target (RFC 5227).
    pub fn is_probe(&self) -> bool {
        self.operation == Operation::Request && self.sender.is_unspecified()
    }

    /// Asks whether somebody has an address, without a word about the one who asks (RFC 5227,
    /// section 2.1.1).
    pub fn probe(mac: Mac, address: Ipv4Addr) -> Frame {
        request(mac, Ipv4Addr::UNSPECIFIED, address).to(Mac::BROADCAST)
    }

    /// Asks everybody who has an address.
    pub fn request(mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Frame {
        request(mac, sender, target).to(Mac::BROADCAST)
    }

    /// Says to everybody who has an address: a request, because neighbours believe a reply to
    /// everybody less readily (RFC 5227, section 3).
    pub fn announcement(mac: Mac, address: Ipv4Addr) -> Frame {
        request(mac, address, address).to(Mac::BROADCAST)
    }

    /// Answers this request, as one who has the address asked for.
    pub fn reply(&self, mac: Mac) -> Frame {
        let reply = Self {
            operation: Operation::Reply,
            sender_mac: mac,
            sender: self.target,
            target_mac: self.sender_mac,
            target: self.sender,
        };
        reply.to(self.sender_mac)
    }

    fn to(self, destination: Mac) -> Frame {
        let operation = match self.operation {
            Operation::Request => ArpOperation::REQUEST,
            Operation::Reply => ArpOperation::REPLY,
        };
        let packet = ArpEthIpv4Packet {
            operation,
            sender_mac: self.sender_mac.0,
            sender_ipv4: self.sender.octets(),
            target_mac: self.target_mac.0,
            target_ipv4: self.target.octets(),
        };
        let mut frame = Frame::new(destination, self.sender_mac, EtherType::ARP.0);
        frame.put(&packet.to_bytes());
        frame
    }
}

fn request(sender_mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Arp {
    Arp {
        operation: Operation::Request,
        sender_mac,
        sender,
        target_mac: Mac::ZERO,
        target,
    }
}
