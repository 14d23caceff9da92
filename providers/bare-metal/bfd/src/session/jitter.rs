//! How far packets are drawn together.
//!
//! RFC 5880 §6.8.7 lets each periodic packet come after 75 to 100 % of the interval, at random (75 to
//! 90 % when Detect Mult is 1), and says nothing of how the chance is spread. Here it is drawn from the
//! lower part, since what counts is how many packets reach the peer within its Detection Time, Detect
//! Mult × interval:
//!
//! - With Detect Mult 4 or more, n + 1 packets fit in instead of n when each comes after less than
//!   n / (n + 1) of the interval. The upper end is halfway between 75 % and that, which leaves room for
//!   latency; with 4 × 50 ms the fifth packet comes 6 ms before the end at the latest.
//! - With up to 3 no packet more can fit in: four times 75 % are all of the Detection Time. So three
//!   losses in a row take a session of Detect Mult 3 down, whatever the jitter: at 5 % loss about 1.7
//!   times in ten minutes of 50 ms. The upper end is 90 %, so that the last packet has room for a process
//!   that is woken late.
//!
//! `cargo bench -p landfall-bare-metal-bfd` measures it.

use std::num::NonZeroU8;
use std::ops::RangeInclusive;

use fastrand::Rng;

/// What a whole interval is counted in.
pub(super) const WHOLE: u32 = 10_000;
/// The least that may pass of it.
const LEAST: u32 = WHOLE / 4 * 3;
/// The most, for Detect Mult 1.
const MOST: u32 = WHOLE / 10 * 9;

/// What may pass of an interval.
pub(super) fn range(multiplier: NonZeroU8) -> RangeInclusive<u32> {
    let count = u32::from(multiplier.get());
    let fits_one_more = WHOLE * count / (count + 1);
    if fits_one_more > LEAST {
        LEAST..=LEAST.midpoint(fits_one_more)
    } else {
        LEAST..=MOST
    }
}

/// What is to pass of the next.
pub(super) fn draw(multiplier: NonZeroU8, random: &mut Rng) -> u32 {
    random.u32(range(multiplier))
}
