//! The mock cloud: a load-balancer API with a real data plane and faults on demand, for one
//! machine and nothing but it.
//!
//! A load balancer gets an address of the pool for each family that it wants and listens there, for
//! TCP and UDP; what clients send goes to its targets, as long as its source ranges admit them. A
//! client can stay with its target, and targets are checked by connecting or by HTTP, on the port
//! of their traffic or another. What is taken away has time to end. Each load balancer tells whether
//! what arrives gets through: not every check, but what has held for two seconds, and the longer
//! the more often it was another lately.
//!
//! The API, with its description at `/openapi.json`:
//!
//! | call | does |
//! |---|---|
//! | `PUT`, `GET`, `DELETE /v1/load-balancers/{id}` | make it exactly this, read it, remove it; entity tags and `If-Match` |
//! | `GET /v1/load-balancers?tag=KEY=VALUE` | all that have these tags, in one read |
//! | `GET /v1/changes?tag=KEY=VALUE` | what happens, as server-sent events; `Last-Event-ID` goes on |
//! | `GET /v1/capabilities` | what this cloud can do |
//! | `GET`, `DELETE /admin/calls` | every call, in order: the oracle of tests; streams of changes only if asked for |
//! | `POST`, `GET`, `DELETE /admin/faults` | latency, errors, lost answers, hanging, throttling, outages, changes half-way, stale reads |
//! | `PATCH`, `DELETE /admin/load-balancers/{id}` | changes behind the client's back |
//! | `PUT /admin/quota`, `/admin/provisioning` | what there may be, and how long it takes to be there |
//! | `PUT`, `DELETE /admin/token` | exchange the token of the API, let it expire |
//!
//! Inside, `book` decides and knows no socket, `front` forwards and knows no id, `cloud` is the one
//! task that owns both, `desk` owns the journal of calls and the faults, and `api` speaks HTTP.
//! Nothing is kept on disk, and nothing but addresses of the pool is ever listened on.

mod api;
pub mod bind;
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
mod recent;
mod server;
mod specification;
mod timing;
mod token;
mod verdict;
mod vigil;

pub use book::Quota;
pub use faults::{Fault, FaultList, FaultRule, LostAnswer};
pub use journal::{Call, CallList};
pub use landfall_mock_cloud_wire::{Interval, NoInterval};
pub use operation::Operation;
pub use recent::{Recent, Stamp};
pub use server::{MockCloud, Options, StartError};
pub use timing::Timing;
