//! Sockets and netlink, on a thread in the namespace of a node.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::net::IpAddr;
use std::process::Command;
use std::task::Poll;
use std::time::Duration;

use landfall_bare_metal_l2::{Arp, Frame, Mac};
use landfall_test_network::{Lan, Probe, is_possible_or_skip};

use super::{FOREIGN, V4, V6};
use crate::inside::inside;
use crate::network::links::Links;
use crate::network::port::Port;
use crate::network::{Network, Start};

const PATIENCE: Duration = Duration::from_mins(1);
const SHORTLY: Duration = Duration::from_millis(10);

fn lan() -> Option<Lan> {
    is_possible_or_skip("sockets for ARP and NDP").then(|| Lan::new(1))
}

/// Does something in the namespace of the node.
fn on_node<F: Future<Output = ()>>(lan: &Lan, work: impl FnOnce() -> F + Send + 'static) {
    let worked = inside(lan, "node1", move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let work = async { tokio::time::timeout(PATIENCE, work()).await };
        runtime.block_on(work).expect("it takes too long");
    });
    worked.join().unwrap();
}

/// In the namespace of this thread.
fn ip(arguments: &str) -> String {
    let mut command = Command::new("ip");
    let output = command.args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// One without an address, which is up.
fn add_interface() {
    ip("link add more0 type veth peer name end0");
    ip("link set more0 up");
    ip("link set end0 up");
}

fn index(network: &Network, name: &str) -> Option<u32> {
    let mut all = network.interfaces().values();
    all.find(|it| it.name == name).map(|it| it.index)
}

/// Whether the interface that was added is up, if there is one.
fn is_up(network: &Network) -> Option<bool> {
    let mut all = network.interfaces().values();
    all.find(|it| it.name == "more0").map(|it| it.is_up)
}

/// Lets the network work until it is so.
async fn until(network: &mut Network, is_so: impl Fn(&Network) -> bool) {
    while !is_so(network) {
        let _ = tokio::time::timeout(SHORTLY, network.next()).await;
    }
}

fn announcement() -> Frame {
    let IpAddr::V4(address) = V4 else { panic!() };
    Arp::announcement(FOREIGN, address)
}

#[test]
fn an_interface_without_a_subnet_has_sockets_while_something_is_announced_there() {
    let Some(lan) = lan() else { return };
    on_node(&lan, async || {
        add_interface();
        let mut network = Network::open().await.unwrap();
        until(&mut network, |it| is_up(it) == Some(true)).await;
        let more = index(&network, "more0").unwrap();
        assert!(!network.ports.contains_key(&more), "pods have hundreds");
        network.announce(V4, &[more].into(), Start::AtOnce);
        assert!(network.ports.contains_key(&more));
        until(&mut network, |it| it.counters().gratuitous > 0).await;
        // A port of a bridge is none of ours, and is again when it is let go.
        ip("link add br1 type bridge");
        ip("link set more0 master br1");
        until(&mut network, |it| index(it, "more0").is_none()).await;
        assert!(!network.ports.contains_key(&more));
        assert_eq!(network.announcer.next(), None, "nothing is due there");
        ip("link set more0 nomaster");
        until(&mut network, |it| index(it, "more0") == Some(more)).await;
        assert!(network.ports.contains_key(&more));
    });
}

#[test]
fn a_group_is_left_where_its_address_is_not_to_be_any_more() {
    let Some(lan) = lan() else { return };
    on_node(&lan, async || {
        add_interface();
        let mut network = Network::open().await.unwrap();
        let [eth, more] = ["eth0", "more0"].map(|it| index(&network, it).unwrap());
        let is_in = || ip("maddress show dev more0").contains("ff02::1:ff00:200");
        let both: BTreeSet<_> = [eth, more].into();
        network.announce(V6, &both, Start::AtOnce);
        assert!(is_in());
        // As often as it was joined anew, it is joined once.
        network.groups.join_again(more).unwrap();
        network.groups.join_again(more).unwrap();
        network.announce(V6, &[eth].into(), Start::AtOnce);
        assert!(!is_in());
    });
}

#[test]
fn who_is_behind_an_interface_that_is_down_cannot_be_asked() {
    let Some(lan) = lan() else { return };
    on_node(&lan, async || {
        add_interface();
        ip("address add 198.51.100.1/24 dev more0");
        let mut network = Network::open().await.unwrap();
        let other = "198.51.100.2".parse().unwrap();
        assert!(network.ask(other, SHORTLY));
        ip("link set more0 down");
        until(&mut network, |it| is_up(it) == Some(false)).await;
        assert!(!network.ask(other, SHORTLY));
    });
}

#[test]
fn what_cannot_be_sent_is_counted() {
    let Some(lan) = lan() else { return };
    on_node(&lan, async || {
        add_interface();
        let mut network = Network::open().await.unwrap();
        let more = index(&network, "more0").unwrap();
        network.announce(V4, &[more].into(), Start::AtOnce);
        until(&mut network, |it| it.counters().gratuitous > 0).await;
        assert_eq!(network.counters().unsent, 0);
        // Refused by the kernel.
        ip("link set more0 down");
        until(&mut network, |it| is_up(it) == Some(false)).await;
        let before = network.counters().unsent;
        assert!(network.ports.get_mut(&more).unwrap().put(announcement()));
        until(&mut network, |it| it.counters().unsent > before).await;
        // There is no socket.
        ip("link set more0 up");
        until(&mut network, |it| is_up(it) == Some(true)).await;
        network.ports.clear();
        let before = network.counters().unsent;
        network.reassert(V4);
        until(&mut network, |it| it.counters().unsent > before).await;
    });
}

#[test]
fn what_waits_is_bounded_and_can_be_forgotten() {
    let Some(lan) = lan() else { return };
    on_node(&lan, async || {
        let network = Network::open().await.unwrap();
        let eth = index(&network, "eth0").unwrap();
        let mut port = Port::open(eth, FOREIGN).unwrap();
        let room = (0..100_000)
            .take_while(|_| port.put(announcement()))
            .count();
        assert!((4096..100_000).contains(&room), "{room}");
        port.clear();
        ip("link set eth0 down");
        // It is counted what the kernel does not take, once it is known to be asked.
        let sent =
            async |port: &mut Port| poll_fn(|context| Poll::Ready(port.poll_send(context))).await;
        assert!(port.put(announcement()));
        let mut refused = 0;
        while refused == 0 {
            refused = sent(&mut port).await;
            tokio::time::sleep(SHORTLY).await;
        }
        assert_eq!(refused, 1, "the others were forgotten");
        assert!(port.put(announcement()));
        port.clear();
        assert_eq!(sent(&mut port).await, 0);
    });
}

#[test]
fn our_own_frames_that_come_back_show_no_other_host() {
    let Some(lan) = lan() else { return };
    let client = lan.mac("client");
    let _asking = Probe::who_has(&lan, "client", V4, SHORTLY);
    on_node(&lan, async move || {
        let network = Network::open().await.unwrap();
        let eth = index(&network, "eth0").unwrap();
        // As if the client's were ours.
        let mut port = Port::open(eth, client).unwrap();
        let hear = async |port: &mut Port, count: usize| {
            let mut heard = 0;
            while heard < count {
                poll_fn(|context| {
                    port.poll_read(context, |_, frame| {
                        heard += usize::from(frame.get(6..12) == Some(&client.0));
                    })
                })
                .await;
            }
        };
        // Of others there may be some, too.
        hear(&mut port, 3).await;
        port.last_heard = None;
        hear(&mut port, 3).await;
        assert_eq!(port.last_heard, None);
        port.set_mac(Mac([2, 7, 7, 7, 7, 7]));
        hear(&mut port, 3).await;
        assert!(port.last_heard.is_some());
    });
}

#[test]
fn when_the_kernel_says_no_more_it_is_asked_anew() {
    let Some(lan) = lan() else { return };
    on_node(&lan, async || {
        let mut links = Links::open().await.unwrap();
        assert!(!links.is_behind());
        links.hang_up();
        while !links.is_behind() {
            poll_fn(|context| links.poll_changed(context)).await;
        }
        links.catch_up().await.unwrap();
        assert!(!links.is_behind());
        // It is listened to again: what changes is heard.
        add_interface();
        while !links
            .interfaces()
            .values()
            .any(|it| it.name == "more0" && it.is_up)
        {
            poll_fn(|context| links.poll_changed(context)).await;
        }
        assert!(!links.is_behind());
    });
}
