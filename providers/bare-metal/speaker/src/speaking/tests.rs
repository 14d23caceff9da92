//! Speakers of a network, each on a thread of its own in the namespace of its node: what they are told,
//! and what they report.

use std::net::UdpSocket;
use std::thread::JoinHandle;

use landfall_bare_metal_l2::Pace;
use landfall_bare_metal_l2::peers::{Action, Body};
use landfall_test_network::{Lan, is_possible_or_skip};
use tokio::sync::watch;

use super::*;
use crate::election::Rule;
use crate::inside::inside;
use crate::report::Report;

const PORT: u16 = 7477;
const PATIENCE: Duration = Duration::from_mins(1);
const ADDRESSES: [IpAddr; 6] = {
    let mut addresses = [IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED); 6];
    let mut at = 0_u8;
    while at < 6 {
        addresses[at as usize] = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 200 + at));
        at += 1;
    }
    addresses
};

fn lan(nodes: u8) -> Option<Lan> {
    is_possible_or_skip("speakers in namespaces").then(|| Lan::new(nodes))
}

fn keys(text: &str) -> Arc<Keys> {
    Arc::new(Keys::new(text.as_bytes(), None))
}

fn members(lan: &Lan) -> BTreeMap<Arc<str>, Vec<IpAddr>> {
    let nodes = lan.nodes();
    nodes
        .map(|it| (it.into(), vec![lan.addresses(it).0.into()]))
        .collect()
}

/// A speaker. It ends when this is dropped.
struct Node {
    commands: mpsc::UnboundedSender<Command>,
    reports: watch::Receiver<Arc<Report>>,
    counts: watch::Receiver<Arc<Counts>>,
    thread: JoinHandle<Result<(), Failed>>,
}

impl Node {
    fn start(lan: &Lan, host: &str, remembered: &[(IpAddr, &str)]) -> Self {
        Self::start_as(lan, host, host, Timing::default(), remembered)
    }

    /// On a host, and as the speaker of this node.
    fn start_as(
        lan: &Lan,
        host: &str,
        node: &str,
        timing: Timing,
        remembered: &[(IpAddr, &str)],
    ) -> Self {
        let remembered = remembered.iter();
        let begin = Begin {
            name: node.into(),
            timing,
            port: PORT,
            keys: keys("a key that they all have"),
            members: members(lan),
            remembered: remembered
                .map(|(it, node)| (*it, NodeId::of(node)))
                .collect(),
        };
        let (commands, obeyed) = mpsc::unbounded_channel();
        let (reports, reported) = watch::channel(Arc::default());
        let (counts, counted) = watch::channel(Arc::default());
        let teller = Teller { reports, counts };
        let thread = inside(lan, host, move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(speak(begin, obeyed, teller))
        });
        Self {
            commands,
            reports: reported,
            counts: counted,
            thread,
        }
    }

    fn tell(&self, command: Command) {
        self.commands.send(command).unwrap();
    }

    /// Wants addresses of nodes, any of them alike.
    fn want(&self, addresses: &[IpAddr], nodes: &[&str]) {
        let rule = Rule {
            nodes: nodes.iter().map(|it| (NodeId::of(it), 0)).collect(),
            interfaces: Vec::new(),
            is_off_subnet: false,
            pace: Pace::Fast,
        };
        let wanted = Arc::new(Wanted {
            rules: [Arc::new(rule)].into(),
            local: None,
        });
        let all = addresses.iter().map(|it| (*it, Some(wanted.clone())));
        self.tell(Command::Want(all.collect()));
    }

    fn report(&self) -> Arc<Report> {
        self.reports.borrow().clone()
    }

    fn announced(&self) -> Vec<IpAddr> {
        let report = self.report();
        let announced = report.addresses.iter();
        let announced = announced.filter(|(_, it)| it.state == State::Announced);
        announced.map(|(address, _)| *address).collect()
    }

    fn knows(&self, peer: &str) -> bool {
        let report = self.report();
        report.peers.get(peer).is_some_and(|it| it.is_alive)
    }

    fn counts(&self) -> Arc<Counts> {
        self.counts.borrow().clone()
    }

    fn ended(self) -> Arc<Report> {
        self.thread.join().unwrap().unwrap();
        self.reports.borrow().clone()
    }
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Two speakers that know each other.
fn two(lan: &Lan) -> [Node; 2] {
    let both = ["node1", "node2"].map(|it| Node::start(lan, it, &[]));
    eventually("both know each other", || {
        both[0].knows("node2") && both[1].knows("node1")
    });
    both
}

#[test]
fn who_had_an_address_has_it_when_all_begin_anew() {
    let Some(lan) = lan(2) else { return };
    let remembered = ADDRESSES.map(|it| (it, "node2"));
    // Slow ones, so that neither has long begun when the other does.
    let slow = Timing::of_heartbeat(Duration::from_millis(200));
    let both = ["node1", "node2"].map(|it| Node::start_as(&lan, it, it, slow, &remembered));
    for node in &both {
        node.want(&ADDRESSES, &["node1", "node2"]);
    }
    eventually("all are announced", || {
        both.iter().map(|it| it.announced().len()).sum::<usize>() == ADDRESSES.len()
    });
    assert_eq!(both[1].announced(), ADDRESSES, "chance would share them");
    let counts = || both[1].counts();
    eventually("it is counted", || counts().network.gratuitous >= 6);
    assert_eq!((counts().claimed, counts().released), (6, 0));
}

#[test]
fn what_is_wanted_no_more_is_let_go() {
    let Some(lan) = lan(1) else { return };
    let node = Node::start(&lan, "node1", &[]);
    node.want(&ADDRESSES[..2], &["node1"]);
    eventually("both are announced", || node.announced() == ADDRESSES[..2]);
    assert_eq!(node.report().addresses[&ADDRESSES[0]].interfaces, ["eth0"]);
    node.tell(Command::Want(vec![(ADDRESSES[0], None)]));
    eventually("one is left", || node.announced() == ADDRESSES[1..2]);
    eventually("it is counted", || node.counts().released == 1);
    // Whoever changes nothing changes no time.
    let since = node.report().addresses[&ADDRESSES[1]].since;
    node.tell(Command::Keys(keys("another key that they have")));
    let first = keys("a key that they all have").id();
    eventually("it signs with the other", || {
        node.report().key_id != Some(first)
    });
    assert_eq!(node.report().addresses[&ADDRESSES[1]].since, since);
}

#[test]
fn addresses_go_where_interfaces_are_and_draining_is_not() {
    let Some(lan) = lan(2) else { return };
    let address: IpAddr = "198.51.100.200".parse().unwrap();
    for (host, own) in [("node1", "198.51.100.1"), ("node2", "198.51.100.2")] {
        lan.ip(host, "link add more0 type veth peer name end0");
        lan.ip(host, "link set more0 up");
        lan.ip(host, "link set end0 up");
        lan.ip(host, &format!("address add {own}/24 dev more0"));
    }
    let both = two(&lan);
    for node in &both {
        node.want(&[address], &["node1", "node2"]);
    }
    let has = |node: &Node| node.announced() == [address];
    eventually("one has it", || {
        both.iter().filter(|it| has(it)).count() == 1
    });
    let (owner, other) = if has(&both[0]) { (0, 1) } else { (1, 0) };
    assert_eq!(
        both[owner].report().addresses[&address].interfaces,
        ["more0"]
    );
    let host = ["node1", "node2"][owner];
    lan.ip(host, "link set more0 down");
    eventually("the other has it", || {
        !has(&both[owner]) && has(&both[other])
    });
    let is_up = || {
        let report = both[owner].report();
        let mut interfaces = report.interfaces.iter();
        interfaces.find(|it| it.name == "more0").map(|it| it.is_up)
    };
    eventually("it is told to be down", || is_up() == Some(false));
    lan.ip(host, "link set more0 up");
    eventually("it is told to be up", || is_up() == Some(true));
    both[other].tell(Command::Draining(true));
    eventually("it goes back", || has(&both[owner]) && !has(&both[other]));
    assert!(both[other].report().is_draining);
    both[other].tell(Command::Draining(false));
    eventually("it drains no more", || !both[other].report().is_draining);
}

#[test]
fn members_come_go_and_move() {
    let Some(lan) = lan(2) else { return };
    let both = two(&lan);
    lan.ip("node2", "address add 192.0.2.99/24 dev eth0");
    let mut moved = members(&lan);
    // From where it speaks is as before, so both are its addresses.
    let addresses: Vec<IpAddr> = vec![
        "192.0.2.99".parse().unwrap(),
        lan.addresses("node2").0.into(),
    ];
    moved.insert("node2".into(), addresses);
    both[0].tell(Command::Members(moved.clone()));
    let sent = both[1].counts().received;
    eventually("it is heard there", || {
        both[1].counts().received > sent + 20
    });
    assert!(both[0].knows("node2") && both[1].knows("node1"));
    moved.remove("node2");
    both[0].tell(Command::Members(moved));
    eventually("nobody is known", || both[0].report().peers.is_empty());
    let dropped = |reason| {
        let counts = both[0].counts();
        let mut dropped = counts.dropped.iter();
        dropped.any(|(why, _)| why.reason() == reason)
    };
    eventually("a stranger is dropped", || dropped("source address"));
    eventually("the other finds it gone", || {
        !both[1].knows("node1") && both[1].counts().deaths == 1
    });
}

/// Another speaker, which announces nothing: its machine, and what it was told.
struct Fake {
    agreement: Agreement,
    keys: Arc<Keys>,
    own: NodeId,
    socket: UdpSocket,
    to: (IpAddr, u16),
    heard: Vec<Body>,
}

impl Fake {
    fn turn(&mut self, of: NodeId) {
        let mut buffer = [0; 2048];
        if let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
            let message = self.keys.open(self.own, &buffer[..length]).unwrap();
            self.heard.push(message.body.clone());
            // The first is for another life, and answered.
            let _ = self.agreement.hear(&message, Instant::now());
        }
        self.agreement.tick(Instant::now());
        for action in self.agreement.take_actions() {
            if let Action::Send(to, message) = action
                && to == of
            {
                let datagram = self.keys.seal(to, &message);
                self.socket.send_to(&datagram, self.to).unwrap();
            }
        }
    }
}

#[test]
fn who_ends_hands_over_for_a_while_and_says_that_it_leaves() {
    let Some(lan) = lan(2) else { return };
    let own = lan.addresses("node2").0;
    let socket = inside(&lan, "node2", move || {
        let socket = UdpSocket::bind((own, PORT)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        socket
    });
    let mut agreement = Agreement::new("node2", Boot(7), Timing::default(), Instant::now());
    agreement.members(&members(&lan).into_keys().collect(), Instant::now());
    let mut fake = Fake {
        agreement,
        keys: keys("a key that they all have"),
        own: NodeId::of("node2"),
        socket: socket.join().unwrap(),
        to: (lan.addresses("node1").0.into(), PORT),
        heard: Vec::new(),
    };
    let node = Node::start(&lan, "node1", &[]);
    node.want(&ADDRESSES[..1], &["node1"]);
    let id = NodeId::of("node1");
    eventually("it announces and knows the other", || {
        fake.turn(id);
        node.knows("node2") && node.announced() == ADDRESSES[..1]
    });
    assert!(!fake.heard.contains(&Body::Leaves));
    node.tell(Command::End);
    eventually("it drains, and has it on", || {
        fake.turn(id);
        let report = node.report();
        let told = fake.agreement.statement(id);
        report.is_draining
            && report.addresses.len() == 1
            && told.is_some_and(landfall_bare_metal_l2::peers::Statement::is_draining)
    });
    eventually("it leaves", || {
        fake.turn(id);
        fake.heard.contains(&Body::Leaves)
    });
    let last = node.ended();
    assert!(last.addresses.is_empty() && last.is_draining, "{last:?}");
}

#[test]
fn who_has_nothing_ends_at_once() {
    let Some(lan) = lan(1) else { return };
    let node = Node::start(&lan, "node1", &[]);
    eventually("it reports", || node.report().key_id.is_some());
    let Node {
        commands, thread, ..
    } = node;
    // Who commands has gone.
    drop(commands);
    thread.join().unwrap().unwrap();
}

#[test]
fn who_is_elsewhere_or_second_ends_and_says_why() {
    let Some(lan) = lan(1) else { return };
    let node = Node::start(&lan, "node1", &[]);
    eventually("it reports", || node.report().key_id.is_some());
    let why = |second: Node| second.thread.join().unwrap().unwrap_err().to_string();
    let second = why(Node::start(&lan, "node1", &[]));
    assert!(second.contains("does another speaker run"), "{second}");
    let elsewhere = why(Node::start_as(
        &lan,
        "client",
        "node1",
        Timing::default(),
        &[],
    ));
    assert!(elsewhere.contains("is --node-name right?"), "{elsewhere}");
    assert!(!node.thread.is_finished());
}
