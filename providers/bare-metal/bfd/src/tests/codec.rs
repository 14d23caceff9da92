//! What packets look like (RFC 5880 §4.1, §6.8.6).

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use proptest::prelude::*;

use super::{OWN, PEER, milliseconds, packet};
use crate::{ControlPacket, Diagnostic, Malformed, State};

/// As another implementation writes it: Up, no diagnostic, 3 × 50 ms, a second wanted of us.
const WRITTEN: [u8; 24] = [
    0x20, 0xc0, 3, 24, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 7, 0, 0, 0xc3, 0x50, 0, 0x0f, 0x42, 0x40,
    0, 0, 0, 0,
];

fn with(changes: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = WRITTEN.to_vec();
    for (at, octet) in changes {
        bytes[*at] = *octet;
    }
    bytes
}

#[test]
fn a_packet_is_read_and_written_octet_by_octet() {
    let expected = ControlPacket {
        receive_interval: Duration::from_secs(1),
        ..packet(State::Up)
    };
    assert_eq!(ControlPacket::parse(&WRITTEN), Ok(expected));
    assert_eq!(expected.encode(), WRITTEN);
}

#[test]
fn each_flag_and_each_code_stands_in_its_bits() {
    let read = |changes: &[(usize, u8)]| ControlPacket::parse(&with(changes)).unwrap();
    assert_eq!(read(&[(1, 0x00)]).state, State::AdminDown);
    assert_eq!(read(&[(1, 0x40)]).state, State::Down);
    assert_eq!(read(&[(1, 0x80)]).state, State::Init);
    assert!(read(&[(1, 0xe0)]).is_poll);
    assert!(read(&[(1, 0xd0)]).is_final);
    assert!(read(&[(1, 0xc8)]).is_control_plane_independent);
    assert!(read(&[(1, 0xc2)]).is_demand);
    let diagnostics = [
        (0, Diagnostic::None),
        (1, Diagnostic::ControlDetectionTimeExpired),
        (2, Diagnostic::EchoFunctionFailed),
        (3, Diagnostic::NeighborSignaledSessionDown),
        (4, Diagnostic::ForwardingPlaneReset),
        (5, Diagnostic::PathDown),
        (6, Diagnostic::ConcatenatedPathDown),
        (7, Diagnostic::AdministrativelyDown),
        (8, Diagnostic::ReverseConcatenatedPathDown),
        (9, Diagnostic::Reserved(9)),
        (31, Diagnostic::Reserved(31)),
    ];
    for (code, diagnostic) in diagnostics {
        assert_eq!(read(&[(0, 0x20 | code)]).diagnostic, diagnostic);
        assert_eq!(diagnostic.code(), code);
    }
    assert_eq!(
        read(&[(20, 1)]).echo_interval,
        milliseconds(16_777) + Duration::from_micros(216)
    );
}

#[test]
fn what_could_not_be_meant_is_refused_by_what_is_wrong_with_it() {
    let authenticated = |length: u8, total| {
        let mut bytes = with(&[(1, 0xc4), (3, length)]);
        bytes.resize(total, 0);
        bytes
    };
    let table: [(&str, Vec<u8>, Malformed); 14] = [
        ("nothing", vec![], Malformed::Cut),
        ("cut off", WRITTEN[..23].to_vec(), Malformed::Cut),
        ("version 0", with(&[(0, 0x00)]), Malformed::Version),
        ("version 2", with(&[(0, 0x40)]), Malformed::Version),
        ("length 0", with(&[(3, 0)]), Malformed::TooShort),
        ("length 23", with(&[(3, 23)]), Malformed::TooShort),
        (
            "length 25 with A",
            authenticated(25, 40),
            Malformed::TooShort,
        ),
        ("length 25 of 24", with(&[(3, 25)]), Malformed::TooLong),
        ("length 255", with(&[(3, 255)]), Malformed::TooLong),
        ("multiplier 0", with(&[(2, 0)]), Malformed::ZeroMultiplier),
        ("multipoint", with(&[(1, 0xc1)]), Malformed::Multipoint),
        (
            "no discriminator",
            with(&[(4, 0), (5, 0), (6, 0), (7, 0)]),
            Malformed::ZeroMyDiscriminator,
        ),
        (
            "up to nobody",
            with(&[(11, 0)]),
            Malformed::ZeroYourDiscriminator,
        ),
        (
            "init to nobody",
            with(&[(1, 0x80), (11, 0)]),
            Malformed::ZeroYourDiscriminator,
        ),
    ];
    for (name, bytes, malformed) in table {
        assert_eq!(ControlPacket::parse(&bytes), Err(malformed), "{name}");
    }
    for flags in [0x00, 0x40] {
        let read = ControlPacket::parse(&with(&[(1, flags), (11, 0)])).unwrap();
        assert_eq!(read.your_discriminator, None);
    }
    let read = ControlPacket::parse(&authenticated(26, 26)).unwrap();
    assert!(read.has_authentication);
    let mut padded = WRITTEN.to_vec();
    padded.extend([0xff; 10]);
    assert_eq!(
        ControlPacket::parse(&padded),
        ControlPacket::parse(&WRITTEN)
    );
}

#[test]
fn intervals_that_cannot_be_said_are_no_intervals() {
    use crate::Interval;
    let longest = Duration::from_micros(u32::MAX.into());
    for duration in [Duration::from_micros(1), milliseconds(50), longest] {
        let interval = Interval::try_from(duration).unwrap();
        assert_eq!(Duration::from(interval), duration);
    }
    let beyond = longest + Duration::from_micros(1);
    for duration in [Duration::ZERO, Duration::from_nanos(999), beyond] {
        assert_eq!(Interval::try_from(duration).unwrap_err().0, duration);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_the_same(
        flags in any::<[bool; 4]>(),
        (code, state) in (0_u8..32, 0_usize..4),
        (multiplier, my, your) in (1_u8.., 1_u32.., any::<u32>()),
        intervals in any::<[u32; 3]>(),
    ) {
        let [is_poll, is_final, is_control_plane_independent, is_demand] = flags;
        let state = [State::AdminDown, State::Down, State::Init, State::Up][state];
        let own = matches!(state, State::Init | State::Up).then_some(OWN);
        let [transmit_interval, receive_interval, echo_interval] =
            intervals.map(|it| Duration::from_micros(it.into()));
        let packet = ControlPacket {
            diagnostic: Diagnostic::from_code(code),
            state,
            is_poll,
            is_final,
            is_control_plane_independent,
            has_authentication: false,
            is_demand,
            multiplier: NonZeroU8::new(multiplier).unwrap(),
            my_discriminator: NonZeroU32::new(my).unwrap_or(PEER),
            your_discriminator: NonZeroU32::new(your).or(own),
            transmit_interval,
            receive_interval,
            echo_interval,
        };
        prop_assert_eq!(ControlPacket::parse(&packet.encode()), Ok(packet));
    }

    #[test]
    fn no_bytes_do_harm_to_the_codec(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(packet) = ControlPacket::parse(&bytes) {
            prop_assert_eq!(packet.encode().len(), 24);
        }
    }
}
