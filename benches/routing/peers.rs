//! Worlds with routers.

use ipnet::IpNet;
use landfall_test_network::Lan;
use landfall_test_routers::{Bfd, Neighbour, RemoteAs, RouterConfig};
use serde_json::{Value, json};

use crate::world::{Shape, World};

pub const OURS: u32 = 64512;
pub const THEIRS: u32 = 64500;

pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// A network of so many nodes, the speakers of which have routes to announce, and are not started.
pub async fn world(nodes: u8) -> World {
    world_of(Shape { nodes, config: "" }).await
}

/// The same with a configuration.
pub async fn world_of(shape: Shape) -> World {
    let world = World::without_speakers(shape).await;
    world.pool(&["203.0.113.0/24", "10.64.0.0/16"]).await;
    world.advertise_to_routers("all", json!({})).await;
    world
}

pub fn peer(lan: &Lan, host: &str) -> Value {
    json!({
        "localASN": OURS, "peerASN": THEIRS, "address": lan.addresses(host).0,
        "connectRetryTime": "1s", "families": ["IPv4"],
    })
}

/// A router that waits for all of the network, and takes BFD of them if it is said how.
pub fn waiting(lan: &Lan, host: &str, bfd: Option<Bfd>) -> RouterConfig {
    RouterConfig::new(THEIRS, lan.addresses(host).0).with(Neighbour {
        bfd,
        ..Neighbour::in_range(net("192.0.2.0/24"), RemoteAs::Asn(OURS))
    })
}
