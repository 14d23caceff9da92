//! Watches of the API server that tell how they fare, and what keeps a process from its work. For
//! whoever reads objects: the controller, and providers that have objects of their own.

mod explain;
mod foreign;
mod health;
mod kind;
mod wait;
mod watched;

pub use explain::explain;
pub use foreign::Foreign;
pub use health::Health;
pub use kind::Kind;
pub use wait::sleep_until;
pub use watched::{watched, watched_of};
