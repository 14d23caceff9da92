//! Speakers among themselves, under a virtual clock.

mod cluster;
mod owning;
mod properties;
mod stories;
