//! The machine under a virtual clock, against itself and against messages made by hand.

mod bench;
mod collisions;
mod hand;
mod many;
mod next_hops;
mod opens;
mod orders;
mod received;
mod restarts;
mod routes;
mod sessions;
mod states;
mod times;
mod updates;
mod waits;
