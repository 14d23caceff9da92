//! What a Service asks for, and what to do next about it.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock. The controller asks
//! [`plan`] for one [`Step`] at a time, takes it, and asks again, until there is nothing to do.

mod answer;
mod claim;
mod endpoints;
mod marks;
mod nodes;
mod parse;
mod plan;
#[cfg(test)]
mod properties;
mod reach;
mod record;
mod status;
#[cfg(test)]
mod testing;
mod write;

pub use answer::check;
pub use claim::{Claim, Claims, Class, Predecessor};
pub use endpoints::{Slice, Unready, service_of};
pub use marks::{
    CLASS, FINALIZER, PROVISIONED, SERVING, created, is_provisioned, load_balancer_id, name_of,
    uid_of,
};
pub use nodes::targets;
pub use parse::{Fault, Parsed, Surroundings, parse};
pub use plan::{Step, World, plan};
pub use record::{Attempt, Failure, Record, Tenure};
pub use status::{Condition, Own, Status, present_ingress};
pub use write::{Write, patch};
