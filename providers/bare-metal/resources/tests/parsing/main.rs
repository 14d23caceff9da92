//! What objects mean once they are parsed, and what is said of those that mean nothing.
#![expect(clippy::unwrap_used, reason = "tests")]

mod announcing;
mod entries;
mod pools;
mod sets;
