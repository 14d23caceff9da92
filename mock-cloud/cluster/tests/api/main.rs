//! The mock cluster as its clients see it: raw requests, kube-rs' client and runtime.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "helpers take `json!` literals, which read better without a reference"
)]

mod allocation;
mod controllers;
mod custom;
mod deletion;
mod events;
mod kube_runtime;
mod noop_and_json_patch;
mod patches;
mod raw;
mod reads;
mod replay;
mod secrets;
mod server_side_apply;
mod service_status;
mod services;
mod speed;
mod tls;
mod validation;
mod watches;
mod world;
