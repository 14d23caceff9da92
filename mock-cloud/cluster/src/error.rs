//! What can go wrong with serving the API. Refusals of requests are not errors of this crate:
//! they are answers.

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster's certificates could not be made.
    #[error("cannot make the cluster's certificates")]
    Certificate(#[from] rcgen::Error),
    /// The TLS configuration does not hold together.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}
