//! The rules of the house, read from `cargo metadata` and from the files themselves.

#![expect(clippy::unwrap_used, reason = "tests")]

mod dependencies;
mod files;
mod promises;
