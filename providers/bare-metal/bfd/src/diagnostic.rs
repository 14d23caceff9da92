//! Why a session changed its state last.

/// Why a session changed its state last, as packets tell it (RFC 5880 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Diagnostic {
    /// No reason is told.
    #[default]
    None,
    /// The other was not heard for the Detection Time.
    ControlDetectionTimeExpired,
    /// Echo packets did not come back.
    EchoFunctionFailed,
    /// The other said that the session is down.
    NeighborSignaledSessionDown,
    /// The forwarding plane was reset.
    ForwardingPlaneReset,
    /// The path is known to be down from elsewhere.
    PathDown,
    /// A path that this one is a part of is down.
    ConcatenatedPathDown,
    /// An administrator has taken the session down.
    AdministrativelyDown,
    /// A path in the other direction that this one is a part of is down.
    ReverseConcatenatedPathDown,
    /// A code that the RFC reserves: 9 to 31.
    Reserved(u8),
}

impl Diagnostic {
    /// Of the lower five bits of an octet.
    pub fn from_code(code: u8) -> Self {
        match code & 0x1f {
            0 => Self::None,
            1 => Self::ControlDetectionTimeExpired,
            2 => Self::EchoFunctionFailed,
            3 => Self::NeighborSignaledSessionDown,
            4 => Self::ForwardingPlaneReset,
            5 => Self::PathDown,
            6 => Self::ConcatenatedPathDown,
            7 => Self::AdministrativelyDown,
            8 => Self::ReverseConcatenatedPathDown,
            code => Self::Reserved(code),
        }
    }

    /// Its number, 0 to 31.
    pub fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::ControlDetectionTimeExpired => 1,
            Self::EchoFunctionFailed => 2,
            Self::NeighborSignaledSessionDown => 3,
            Self::ForwardingPlaneReset => 4,
            Self::PathDown => 5,
            Self::ConcatenatedPathDown => 6,
            Self::AdministrativelyDown => 7,
            Self::ReverseConcatenatedPathDown => 8,
            Self::Reserved(code) => code & 0x1f,
        }
    }
}
