//! A session of ours, a router as others make them, and a line that loses packets: how often each takes the
//! other for gone, though both live.
#![allow(dead_code, reason = "the tests and the bench use each their part")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::{NonZeroU8, NonZeroU32};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use fastrand::Rng;
use landfall_bare_metal_bfd::{
    Action, Config, ControlPacket, Diagnostic, DownReason, Hops, Session, State,
};

pub(crate) const TEN_MINUTES: Duration = Duration::from_mins(10);
const OWN: NonZeroU32 = NonZeroU32::new(1).unwrap();
const ROUTER: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// How two that hear each other are.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// The interval of both, each way.
    pub(crate) interval: Duration,
    /// The multiplier of both.
    pub(crate) multiplier: u8,
    /// After how many thousandths of the interval the router sends.
    pub(crate) router_sends: RangeInclusive<u32>,
    /// Whether the router answers Polls, as it must.
    pub(crate) router_answers: bool,
    /// Of a thousand packets so many are lost.
    pub(crate) lost: u32,
    /// By how much a process is woken late, at most.
    pub(crate) late: Duration,
}

impl World {
    /// 50 ms, one in twenty lost, and a router that sends as BIRD does.
    pub(crate) fn new(multiplier: u8) -> Self {
        Self {
            interval: Duration::from_millis(50),
            multiplier,
            router_sends: 750..=900,
            router_answers: true,
            lost: 50,
            late: Duration::from_millis(1),
        }
    }
}

/// How often who was taken for gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Falls {
    /// The router, by us.
    pub(crate) router: u32,
    /// We, by the router.
    pub(crate) own: u32,
    /// Packets that we sent.
    pub(crate) sent: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Flight {
    ToRouter { is_poll: bool },
    ToUs { is_final: bool },
}

struct Run<'a> {
    world: &'a World,
    random: Rng,
    now: Instant,
    session: Session,
    under_way: BinaryHeap<Reverse<(Instant, Flight)>>,
    /// When we are woken, as long as nothing else happens; by what is due, and how late.
    own_late: Duration,
    /// When the router sends next.
    router_due: Instant,
    /// When the router gives us up.
    router_detects: Instant,
    falls: Falls,
}

/// What happens in this time.
pub(crate) fn run(world: &World, time: Duration, seed: u64) -> Falls {
    let now = Instant::now();
    let interval = world.interval.try_into().expect("an interval");
    let config = Config {
        transmit_interval: interval,
        receive_interval: interval,
        multiplier: NonZeroU8::new(world.multiplier).expect("not zero"),
        passive: false,
        hops: Hops::SingleHop,
    };
    let mut random = Rng::with_seed(seed);
    let mut run = Run {
        world,
        now,
        session: Session::new(config, OWN, random.u64(..), now),
        random,
        under_way: BinaryHeap::new(),
        own_late: Duration::ZERO,
        router_due: now,
        router_detects: now + world.interval * 4,
        falls: Falls::default(),
    };
    run.come_up();
    while run.now < now + time {
        run.step();
    }
    run.falls.sent = run.session.counts().sent;
    run.falls
}

impl Run<'_> {
    fn step(&mut self) {
        let arrival = self.under_way.peek().map(|it| it.0.0);
        let own = self.session.next_tick().map(|due| due + self.own_late);
        let all = [
            arrival,
            own,
            Some(self.router_due),
            Some(self.router_detects),
        ];
        let next = all.into_iter().flatten().min().expect("the router sends");
        self.now = self.now.max(next);
        if Some(next) == arrival {
            if let Some(Reverse((_, flight))) = self.under_way.pop() {
                self.arrive(&flight);
            }
        } else if next == self.router_due {
            self.fly(Flight::ToUs { is_final: false });
            let parts = self.random.u32(self.world.router_sends.clone());
            let late = self.late();
            self.router_due = self.now + self.world.interval * parts / 1000 + late;
        } else if next == self.router_detects {
            self.falls.own += 1;
            self.router_hears();
        }
        // As a shell does: what has arrived comes first.
        if self.session.next_tick().is_some_and(|due| due <= self.now) {
            self.session.tick(self.now);
            self.own_late = self.late();
        }
        self.act();
    }

    fn arrive(&mut self, flight: &Flight) {
        match flight {
            Flight::ToRouter { is_poll } => {
                self.router_hears();
                if *is_poll && self.world.router_answers {
                    self.fly(Flight::ToUs { is_final: true });
                }
            }
            Flight::ToUs { is_final } => self.hear(State::Up, *is_final),
        }
    }

    fn act(&mut self) {
        for action in self.session.take_actions() {
            match action {
                Action::Send(bytes) => {
                    let packet = ControlPacket::parse(&bytes).expect("we write what can be read");
                    let is_poll = packet.is_poll;
                    self.fly(Flight::ToRouter { is_poll });
                }
                Action::Down { reason } => {
                    assert_eq!(reason, DownReason::ControlDetectionTimeExpired);
                    self.falls.router += 1;
                }
                Action::Up => {}
            }
        }
        if self.session.state() != State::Up {
            self.come_up();
        }
    }

    /// As if the three-way handshake took no time.
    fn come_up(&mut self) {
        self.hear(State::Init, false);
        self.hear(State::Up, true);
        self.session.take_actions();
    }

    fn hear(&mut self, state: State, is_final: bool) {
        let packet = ControlPacket {
            diagnostic: Diagnostic::None,
            state,
            is_poll: false,
            is_final,
            is_control_plane_independent: false,
            has_authentication: false,
            is_demand: false,
            multiplier: NonZeroU8::new(self.world.multiplier).expect("not zero"),
            my_discriminator: ROUTER,
            your_discriminator: Some(OWN),
            transmit_interval: self.world.interval,
            receive_interval: self.world.interval,
            echo_interval: Duration::ZERO,
        };
        let heard = self.session.receive(&packet, 255, self.now);
        heard.expect("nothing is wrong with it");
    }

    fn router_hears(&mut self) {
        let detection = self.world.interval * u32::from(self.world.multiplier);
        self.router_detects = self.now + detection + self.late();
    }

    fn fly(&mut self, flight: Flight) {
        if self.random.u32(..1000) >= self.world.lost {
            let takes = Duration::from_micros(self.random.u64(200..500));
            self.under_way.push(Reverse((self.now + takes, flight)));
        }
    }

    fn late(&mut self) -> Duration {
        self.world.late * self.random.u32(..=1000) / 1000
    }
}

/// How often a receiver takes a sender for gone that sends after so many thousandths of the interval.
pub(crate) fn stream(world: &World, sends: RangeInclusive<u32>, time: Duration, seed: u64) -> u32 {
    let mut random = Rng::with_seed(seed);
    let detection = world.interval * u32::from(world.multiplier);
    let (mut at, mut heard, mut falls) = (Duration::ZERO, Duration::ZERO, 0);
    while at < time {
        let mut late = || world.late * random.u32(..=1000) / 1000;
        let (woken, detected) = (late(), late());
        at += world.interval * random.u32(sends.clone()) / 1000 + woken;
        if random.u32(..1000) >= world.lost {
            let arrives = at + Duration::from_micros(random.u64(200..500));
            falls += u32::from(arrives > heard + detection + detected);
            heard = arrives;
        }
    }
    falls
}
