//! Speakers among themselves, under a virtual clock.

mod cluster;
mod stories;
