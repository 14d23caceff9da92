use std::net::IpAddr;
use std::time::{Duration, Instant};

use landfall_bare_metal_l2::{Advertisement, Arp, Heard, hear};

use super::{FOREIGN, OWN, V4, V6};
use crate::network::asking::Asking;

const ETH0: u32 = 2;
const WITHIN: Duration = Duration::from_millis(300);

fn own(address: IpAddr) -> IpAddr {
    let own = if address.is_ipv4() {
        "192.0.2.1"
    } else {
        "fd00:192:0:2::1"
    };
    own.parse().unwrap()
}

#[test]
fn a_neighbour_is_asked_three_times_and_then_no_more() {
    for address in [V4, V6] {
        let start = Instant::now();
        let mut asking = Asking::default();
        asking.ask(address, (ETH0, OWN, own(address)), WITHIN, start);
        let mut times = Vec::new();
        while let Some(now) = asking.next() {
            for (interface, frame) in asking.tick(now) {
                assert_eq!(interface, ETH0);
                let (sender, target) = match hear(&frame).unwrap().unwrap() {
                    Heard::Arp(it) => (IpAddr::V4(it.sender), IpAddr::V4(it.target)),
                    Heard::Solicitation(it) => (it.source.into(), it.target.into()),
                    other @ Heard::Advertisement(_) => panic!("{other:?}"),
                };
                assert_eq!((sender, target), (own(address), address));
                times.push((now - start).as_millis());
            }
        }
        assert_eq!(times, [0, 100, 200]);
    }
}

#[test]
fn its_answer_is_heard_once_and_on_its_interface() {
    let reply = {
        let (IpAddr::V4(address), IpAddr::V4(own)) = (V4, own(V4)) else {
            panic!();
        };
        let question = Arp::request(OWN, own, address);
        let Ok(Some(Heard::Arp(question))) = hear(&question) else {
            panic!();
        };
        question.reply(FOREIGN)
    };
    let IpAddr::V6(address) = V6 else { panic!() };
    let advertisement = Advertisement::unsolicited(FOREIGN, address);
    for (address, answer) in [(V4, reply), (V6, advertisement)] {
        let now = Instant::now();
        let mut asking = Asking::default();
        assert_eq!(asking.hear(ETH0, &answer), None, "nobody asked");
        asking.ask(address, (ETH0, OWN, own(address)), WITHIN, now);
        asking.tick(now);
        assert_eq!(asking.hear(ETH0 + 1, &answer), None, "elsewhere");
        assert_eq!(asking.hear(ETH0, &answer), Some(address));
        assert_eq!(asking.hear(ETH0, &answer), None, "once");
        assert_eq!(asking.next(), None);
    }
}

#[test]
fn who_was_held_up_waits_as_long_for_each_answer() {
    let start = Instant::now();
    let mut asking = Asking::default();
    asking.ask(V4, (ETH0, OWN, own(V4)), WITHIN, start);
    let late = start + WITHIN * 5;
    assert_eq!(asking.tick(late).len(), 1);
    assert_eq!(asking.next(), Some(late + WITHIN / 3));
}

#[test]
fn a_question_is_no_answer() {
    let (IpAddr::V4(address), IpAddr::V4(own_address)) = (V4, own(V4)) else {
        panic!();
    };
    let now = Instant::now();
    let mut asking = Asking::default();
    asking.ask(V4, (ETH0, OWN, own(V4)), WITHIN, now);
    asking.tick(now);
    // Whoever runs there may ask in its node's name, and its kernel be dead.
    let question = Arp::request(FOREIGN, address, own_address);
    assert_eq!(asking.hear(ETH0, &question), None);
}
