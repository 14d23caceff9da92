//! The controller and the speaker under exactly the rights of `deploy/`, each through a whole life, and what the API
//! server's audit log says of it.

mod account;
mod aws;
mod bare_metal;
mod gateway;
mod installed;
mod mock_cloud;
mod speaker;

pub use mock_cloud::EXAMPLE_CLOUD;
