//! What the stand-in is strict about: each behaviour of AWS that emulators get wrong, and the
//! faults that tests order.
#![expect(
    clippy::unwrap_used,
    reason = "tests end where something is not as it should be"
)]

mod addresses;
mod client;
mod faults;
mod hands;
mod health;
mod keys;
mod listeners;
mod load_balancers;
mod networks;
mod pages;
mod security_groups;
mod settings;
mod tagging;
mod target_groups;
