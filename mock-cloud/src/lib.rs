//! The mock cloud: a load-balancer API with a real data plane and faults on demand, for one
//! machine and nothing but it.
//!
//! A load balancer gets an address of the pool and listens there; what clients send goes to its
//! targets. The API, with its description at `/openapi.json`, makes and removes load balancers;
//! under `/admin` tests see every call and order faults.
//!
//! Inside, `book` decides and knows no socket, `front` forwards and knows no id, `cloud` is the one
//! task that owns both, `desk` owns the journal of calls and the faults, and `api` speaks HTTP.

mod api;
mod book;
mod changes;
mod cloud;
mod desk;
mod faults;
mod front;
mod id;
mod journal;
mod operation;
mod precondition;
mod server;
mod specification;
mod timing;
mod token;

pub use book::Quota;
pub use faults::{Fault, FaultList, FaultRule, LostAnswer};
pub use journal::{Call, CallList};
pub use landfall_mock_cloud_wire::{Interval, NoInterval};
pub use operation::Operation;
pub use server::{MockCloud, Options, StartError};
pub use timing::Timing;
