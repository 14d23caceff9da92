//! Datagrams of a transport to its own listener, by addresses of this machine.

use std::os::fd::AsRawFd;

use super::*;

const OWN: [u8; 4] = [127, 0, 0, 2];
const OTHER: [u8; 4] = [127, 0, 0, 3];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 4];

fn id(name: &str) -> NodeId {
    NodeId::of(name)
}

/// Of a speaker that knows one other, which is itself.
fn transport() -> Transport {
    let mut transport = Transport::open(0, vec![OWN.into()]).unwrap();
    transport.port = transport.listener.local_addr().unwrap().port();
    transport.set_peers(
        [
            (id("own"), vec![OWN.into()]),
            (id("other"), vec![OTHER.into()]),
        ]
        .into(),
    );
    transport
}

async fn receive(transport: &Transport, buffer: &mut Buffer) -> (usize, IpAddr) {
    std::future::poll_fn(|context| transport.poll_receive(context, buffer))
        .await
        .unwrap()
}

fn way(transport: &Transport, node: &str) -> SocketAddr {
    let socket = transport.ways[&id(node)].socket.as_ref().unwrap();
    socket.peer_addr().unwrap().as_socket().unwrap()
}

#[tokio::test]
async fn a_datagram_comes_from_the_nodes_own_address_and_is_known_by_it() {
    let mut transport = transport();
    let mut buffer = Buffer::default();
    // The first as well: nobody waits for a way to be found.
    assert_eq!(transport.send(id("other"), b"one"), Sent::Yes);
    let (length, from) = receive(&transport, &mut buffer).await;
    assert_eq!(&buffer.0[..length], b"one");
    assert_eq!(from.to_canonical(), IpAddr::from(OWN));
    assert!(transport.is_of(from, id("own")));
    assert!(!transport.is_of(from, id("other")));
    assert!(!transport.is_of(from, id("stranger")));
    assert_eq!(transport.send(id("stranger"), b"two"), Sent::No);
    // It is seen to be too long, and not taken for its beginning.
    let long = [7; LONGEST + 9];
    assert_eq!(transport.send(id("other"), &long), Sent::Yes);
    assert_eq!(receive(&transport, &mut buffer).await.0, LONGEST + 1);
}

#[tokio::test]
async fn who_is_elsewhere_now_is_known_and_reached_there() {
    let mut transport = transport();
    transport.send(id("own"), b"");
    transport.send(id("other"), b"");
    let kept = |it: &Transport| it.ways[&id("own")].socket.as_ref().unwrap().as_raw_fd();
    let before = kept(&transport);
    assert_eq!(way(&transport, "other").ip(), IpAddr::from(OTHER));
    let moved = [
        (id("own"), vec![OWN.into()]),
        (id("other"), vec![ELSEWHERE.into()]),
    ];
    transport.set_peers(moved.into());
    assert!(!transport.is_of(OTHER.into(), id("other")));
    assert!(transport.is_of(ELSEWHERE.into(), id("other")));
    assert_eq!(transport.send(id("other"), b""), Sent::Yes);
    assert_eq!(way(&transport, "other").ip(), IpAddr::from(ELSEWHERE));
    assert_eq!(kept(&transport), before, "who stays keeps its way");
    transport.set_peers(BTreeMap::new());
    assert!(!transport.is_of(OWN.into(), id("own")));
    assert_eq!(transport.send(id("own"), b""), Sent::No);
}

#[tokio::test]
async fn that_nobody_listens_is_told_and_what_is_sent_then_is_sent() {
    let mut transport = transport();
    let bind = |port: u16| std::net::UdpSocket::bind((Ipv4Addr::from(OTHER), port)).unwrap();
    transport.port = bind(0).local_addr().unwrap().port();
    assert_eq!(transport.send(id("other"), b"to nobody"), Sent::Yes);
    let late = bind(transport.port);
    assert_eq!(
        transport.send(id("other"), b"to who is there"),
        Sent::Refused
    );
    late.set_read_timeout(Some(std::time::Duration::from_mins(1)))
        .unwrap();
    let mut received = [0; 64];
    let length = late.recv(&mut received).unwrap();
    assert_eq!(&received[..length], b"to who is there");
    assert_eq!(transport.send(id("other"), b"again"), Sent::Yes);
}

#[tokio::test]
async fn after_an_error_the_way_is_made_anew() {
    let mut transport = transport();
    assert_eq!(transport.send(id("other"), b"one"), Sent::Yes);
    // Longer than UDP can be.
    assert_eq!(transport.send(id("other"), &vec![0; 70_000]), Sent::No);
    assert!(transport.ways[&id("other")].socket.is_none());
    assert_eq!(transport.send(id("other"), b"two"), Sent::Yes);
    // There is no way from one family to the other.
    transport.set_peers([(id("other"), vec![Ipv6Addr::LOCALHOST.into()])].into());
    assert_eq!(transport.send(id("other"), b"three"), Sent::No);
}

#[tokio::test]
async fn a_speaker_is_where_its_addresses_are_and_alone_on_its_port() {
    let transport = transport();
    assert!(transport.is_here());
    assert!(transport.listener.as_raw_fd() >= LAST);
    let taken = Transport::open(transport.port, Vec::new()).unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    let elsewhere = vec![Ipv4Addr::new(192, 0, 2, 1).into()];
    assert!(!Transport::open(0, elsewhere).unwrap().is_here());
}
