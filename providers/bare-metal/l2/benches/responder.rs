//! What a frame costs: `cargo bench -p landfall-bare-metal-l2`. Prints a table.
//!
//! Frames are timed one by one, with what it takes to read the clock; that alone is a row as well.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use landfall_bare_metal_l2::{Arp, Mac, Malformed, Reaction, Responder, Solicitation};

/// Of each thing that is measured.
const ROUNDS: u32 = 100_000;
/// Addresses of each family that are announced.
const ANNOUNCED: u32 = 1000;
/// From one frame to the next: less than what one neighbour may ask.
const EVERY: Duration = Duration::from_millis(2);

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const CLIENT: Mac = Mac([2, 0, 0, 0, 0, 2]);
const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, 1);

/// 10.0.0.0/16.
fn v4(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + number)
}

/// `2001:db8::/64`.
fn v6(number: u32) -> Ipv6Addr {
    Ipv6Addr::from((0x2001_0db8_u128 << 96) + u128::from(number))
}

fn responder() -> Responder {
    let mut responder = Responder::new(OWN, Instant::now());
    for number in 0..ANNOUNCED {
        responder.announce(IpAddr::V4(v4(number)));
        responder.announce(IpAddr::V6(v6(number)));
    }
    responder
}

/// Prints the median and the 99th percentile.
fn row(what: &str, mut nanoseconds: Vec<u128>, aim: &str) {
    nanoseconds.sort_unstable();
    let at = |percent: usize| nanoseconds[(nanoseconds.len() - 1) * percent / 100];
    println!("| {what} | {} | {} | {aim} |", at(50), at(99));
}

type Expected = fn(&Result<Reaction, Malformed>) -> bool;

/// The frame of each round is heard, and what comes of it is as expected.
fn hear(frame: impl Fn(u32) -> Vec<u8>, is_expected: Expected) -> Vec<u128> {
    let mut responder = responder();
    let start = Instant::now();
    let round = |number: u32| {
        let frame = frame(number);
        let at = start + EVERY * number;
        let began = Instant::now();
        let reaction = responder.hear(black_box(&frame), at);
        let took = began.elapsed();
        assert!(is_expected(&reaction), "{number}: {reaction:?}");
        took.as_nanos()
    };
    (0..ROUNDS).map(round).collect()
}

fn is_answer(reaction: &Result<Reaction, Malformed>) -> bool {
    matches!(reaction, Ok(Reaction::Answer(_)))
}

fn is_nothing(reaction: &Result<Reaction, Malformed>) -> bool {
    matches!(reaction, Ok(Reaction::Nothing))
}

fn main() {
    let load = std::fs::read_to_string("/proc/loadavg");
    let load = load.unwrap_or_else(|_| "unknown".to_owned());
    println!("load average: {}\n", load.trim());
    println!("| a frame, of {ROUNDS} | median, ns | p99, ns | aim |");
    println!("|---|---:|---:|---|");
    let clock = (0..ROUNDS).map(|_| Instant::now().elapsed().as_nanos());
    row("none: the clock alone", clock.collect(), "");
    let arp = |target: Ipv4Addr| Arp::request(CLIENT, CLIENT_V4, target).to_vec();
    let ndp = |target: Ipv6Addr| Solicitation::request(CLIENT, CLIENT_V6, target).to_vec();
    // Each round another address, as neighbours ask.
    let one_of = |number: u32| number * 7 % ANNOUNCED;
    row(
        "ARP request for one of 1,000 announced addresses",
        hear(|it| arp(v4(one_of(it))), is_answer),
        "≤ 1,000",
    );
    row(
        "ARP request for an address of somebody else",
        hear(|it| arp(v4(ANNOUNCED + it % 50_000)), is_nothing),
        "≤ 1,000",
    );
    row(
        "NDP solicitation for one of 1,000 announced addresses",
        hear(|it| ndp(v6(one_of(it))), is_answer),
        "≤ 1,000",
    );
    row(
        "NDP solicitation for an address of somebody else",
        hear(|it| ndp(v6(ANNOUNCED + it)), is_nothing),
        "≤ 1,000",
    );
    row(
        "ARP request that is cut off",
        hear(|it| arp(v4(one_of(it)))[..30].to_vec(), Result::is_err),
        "≤ 1,000",
    );
    let spoilt = |it| {
        let mut frame = ndp(v6(one_of(it)));
        // Within the target, so that the checksum is wrong.
        frame[70] ^= 1;
        frame
    };
    row(
        "NDP solicitation with a wrong checksum",
        hear(spoilt, Result::is_err),
        "≤ 1,000",
    );
    let mut flood = responder();
    let (now, asked) = (Instant::now(), arp(v4(1)));
    let round = |_| {
        let began = Instant::now();
        let reaction = flood.hear(black_box(&asked), now);
        let took = began.elapsed();
        assert!(reaction.is_ok());
        took.as_nanos()
    };
    let limited = (0..ROUNDS).map(round).collect();
    row("ARP requests of one source without end", limited, "≤ 1,000");
}
