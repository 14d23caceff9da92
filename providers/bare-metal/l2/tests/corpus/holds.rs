//! What holds for any bytes. The fuzz targets look for such for which it does not.
#![allow(dead_code, reason = "each fuzz target uses its part")]

use std::net::IpAddr;
use std::time::Instant;

use landfall_bare_metal_l2::peers::{Keys, NodeId};
use landfall_bare_metal_l2::{Arp, Heard, Mac, Operation, Responder, Solicitation, hear};
use ring::hmac;

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const SECRET: &[u8] = b"the key that the corpus is made with";
const NODE: NodeId = NodeId(7);

/// A frame is dropped or understood, never more. What is understood is written as it would be read, and is
/// answered with what others understand.
pub fn frame(bytes: &[u8]) {
    let heard = hear(bytes);
    let mut responder = Responder::new(OWN, Instant::now());
    if let Ok(Some(heard)) = &heard {
        responder.announce(target(heard));
    }
    let reaction = responder.hear(bytes, Instant::now());
    assert_eq!(heard.is_err(), reaction.is_err());
    match heard {
        Ok(Some(Heard::Arp(arp))) => {
            let written = match arp.operation {
                Operation::Request => Arp::request(arp.sender_mac, arp.sender, arp.target),
                Operation::Reply => {
                    // What is answered by it: its target asked for its sender.
                    let asked = Arp {
                        operation: Operation::Request,
                        sender_mac: arp.target_mac,
                        sender: arp.target,
                        target_mac: Mac::ZERO,
                        target: arp.sender,
                    };
                    asked.reply(arp.sender_mac)
                }
            };
            let target_mac = match arp.operation {
                Operation::Request => Mac::ZERO,
                Operation::Reply => arp.target_mac,
            };
            let expected = Arp { target_mac, ..arp };
            assert_eq!(hear(&written), Ok(Some(Heard::Arp(expected))));
            assert!(matches!(hear(&arp.reply(OWN)), Ok(Some(Heard::Arp(_)))));
        }
        Ok(Some(Heard::Solicitation(asked))) => {
            let written = if asked.is_probe() {
                Solicitation::probe(asked.link_source, asked.target)
            } else {
                Solicitation::request(asked.link_source, asked.source, asked.target)
            };
            let read = hear(&written);
            let Ok(Some(Heard::Solicitation(read))) = read else {
                panic!("{read:?}");
            };
            assert_eq!((read.source, read.target), (asked.source, asked.target));
            let answer = hear(&asked.answer(OWN));
            let Ok(Some(Heard::Advertisement(answer))) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(answer.target, asked.target);
        }
        Ok(Some(Heard::Advertisement(_)) | None) | Err(_) => {}
    }
}

fn target(heard: &Heard) -> IpAddr {
    match heard {
        Heard::Arp(it) => it.target.into(),
        Heard::Solicitation(it) => it.target.into(),
        Heard::Advertisement(it) => it.target.into(),
    }
}

/// The bytes of a message, from its sender on and without the tag. Nobody without the key gets as far as
/// its body; so that bodies are tried, too, it is authenticated here. What is understood is written as it
/// was.
pub fn message(bytes: &[u8]) {
    let keys = Keys::new(SECRET, None);
    assert!(
        keys.open(NODE, bytes).is_err(),
        "nobody has authenticated it"
    );
    let mut datagram = b"LF\x01".to_vec();
    datagram.push(keys.id());
    datagram.extend(NODE.0.to_be_bytes());
    datagram.extend(bytes);
    assert!(keys.open(NODE, &datagram).is_err(), "nor this");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    datagram.extend_from_slice(hmac::sign(&key, &datagram).as_ref());
    if let Ok(message) = keys.open(NODE, &datagram) {
        assert_eq!(keys.seal(NODE, &message), datagram);
    }
}
