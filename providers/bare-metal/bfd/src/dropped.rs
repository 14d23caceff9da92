//! Why a packet does not count.

use crate::packet::Malformed;

/// Why a packet was dropped. Whatever was dropped has changed nothing but a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Dropped {
    /// It is no packet that could be meant.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its Your Discriminator is that of no session here: of a life that is over, or a forgery.
    #[error("no session has its discriminator")]
    UnknownDiscriminator,
    /// It begins a session, with somebody with whom none is to be.
    #[error("from a stranger")]
    Stranger,
    /// It came to the port for a single hop and is for a session over several, or the other way round.
    #[error("for a session over other hops")]
    OtherHops,
    /// It came from farther away than the peer is, or a router was on its way (RFC 5881 §5, RFC 5082).
    #[error("its TTL is too low")]
    Ttl,
    /// It is authenticated, and no authentication is in use here.
    #[error("authenticated, which is not in use")]
    Authenticated,
}

impl Dropped {
    /// A word for it, for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed(it) => it.reason(),
            Self::UnknownDiscriminator => "unknown_discriminator",
            Self::Stranger => "stranger",
            Self::OtherHops => "other_hops",
            Self::Ttl => "ttl",
            Self::Authenticated => "authenticated",
        }
    }
}
