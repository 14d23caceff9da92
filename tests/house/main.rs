//! The rules of the house, read from `cargo metadata` and from the files themselves.

mod dependencies;
mod files;
