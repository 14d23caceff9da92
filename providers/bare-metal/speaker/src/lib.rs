//! The speaker: what runs on each node of bare metal, so that traffic for addresses comes to it.
//!
//! [`network`] has everything that touches the node's network; what it decides by itself is pure, and
//! stands beside in modules of their own.

pub mod network;
