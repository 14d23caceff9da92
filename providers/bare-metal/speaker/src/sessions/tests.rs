//! Sessions with routers of this machine, and with such as are on interfaces that are only said to be there.

mod settling;
pub(super) mod world;
