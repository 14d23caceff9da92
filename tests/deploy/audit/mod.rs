//! The controller under exactly the rights of `deploy/`, through a whole life, and what the API
//! server's audit log says of it.

mod bare_metal;
mod gateway;
mod installed;
mod mock_cloud;

pub use mock_cloud::EXAMPLE_CLOUD;
