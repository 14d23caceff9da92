//! Why a session ends, as one side says it to the other (RFC 4271 §4.5).

use std::fmt;

use bytes::Bytes;
use rustbgpd_wire::notification::{
    cease_subcode as cease, description, encode_shutdown_communication,
    extract_shutdown_communication, open_subcode as open,
};
use rustbgpd_wire::{DecodeError, NotificationCode, NotificationMessage};

/// A NOTIFICATION: an error code, its subcode, and data that depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Error code.
    pub code: u8,
    /// Error subcode.
    pub subcode: u8,
    /// Data.
    pub data: Vec<u8>,
}

/// Error code of a cease.
const CEASE: u8 = 6;
/// Error code of the state machine.
const FSM: u8 = 5;
/// Error code of the OPEN message.
const OPEN: u8 = 2;

impl Notification {
    pub(crate) fn new(code: u8, subcode: u8) -> Self {
        Self {
            code,
            subcode,
            data: Vec::new(),
        }
    }

    /// With the length that is wrong (RFC 4271 §6.1).
    pub(crate) fn bad_message_length(length: u16) -> Self {
        Self {
            data: length.to_be_bytes().to_vec(),
            ..Self::new(1, 2)
        }
    }

    fn open(subcode: u8) -> Self {
        Self::new(OPEN, subcode)
    }

    fn cease(subcode: u8) -> Self {
        Self::new(CEASE, subcode)
    }

    pub(crate) fn bad_peer_as() -> Self {
        Self::open(open::BAD_PEER_AS)
    }

    pub(crate) fn bad_identifier() -> Self {
        Self::open(open::BAD_BGP_IDENTIFIER)
    }

    pub(crate) fn unacceptable_hold_time() -> Self {
        Self::open(open::UNACCEPTABLE_HOLD_TIME)
    }

    /// With the capabilities that the router lacks, as they stand in an OPEN (RFC 5492 §5).
    pub(crate) fn unsupported_capability(data: Vec<u8>) -> Self {
        Self {
            data,
            ..Self::open(open::UNSUPPORTED_CAPABILITY)
        }
    }

    pub(crate) fn hold_timer_expired() -> Self {
        Self::new(4, 0)
    }

    /// The router takes nothing from us any more (RFC 9687 §5).
    pub(crate) fn send_hold_timer_expired() -> Self {
        Self::new(8, 0)
    }

    /// A message that does not belong where it came (RFC 6608 §3).
    pub(crate) fn unexpected(subcode: Unexpected) -> Self {
        Self::new(FSM, subcode as u8)
    }

    /// With what a person may read on the other side (RFC 9003 §2).
    pub(crate) fn administrative_shutdown(communication: &str) -> Self {
        Self {
            data: encode_shutdown_communication(communication).to_vec(),
            ..Self::cease(cease::ADMINISTRATIVE_SHUTDOWN)
        }
    }

    pub(crate) fn peer_deconfigured() -> Self {
        Self::cease(cease::PEER_DECONFIGURED)
    }

    pub(crate) fn other_configuration_change() -> Self {
        Self::cease(cease::OTHER_CONFIGURATION_CHANGE)
    }

    pub(crate) fn collision() -> Self {
        Self::cease(cease::CONNECTION_COLLISION_RESOLUTION)
    }

    /// Whether one of two connections was given up for the other (RFC 4271 §6.8).
    pub(crate) fn is_collision(&self) -> bool {
        self.code == CEASE && self.subcode == cease::CONNECTION_COLLISION_RESOLUTION
    }

    /// RFC 9384 §3.
    pub(crate) fn bfd_down() -> Self {
        Self::cease(cease::BFD_DOWN)
    }

    /// Whether it says that nothing went wrong: there is to be no session, another one, or another
    /// connection.
    pub(crate) fn is_orderly(&self) -> bool {
        let orderly = [
            cease::ADMINISTRATIVE_SHUTDOWN,
            cease::PEER_DECONFIGURED,
            cease::OTHER_CONFIGURATION_CHANGE,
            cease::CONNECTION_COLLISION_RESOLUTION,
        ];
        self.code == CEASE && orderly.contains(&self.subcode)
    }

    /// Whether it says that there is to be no session for some time.
    pub(crate) fn is_meant_to_last(&self) -> bool {
        let lasting = [
            cease::MAX_PREFIXES,
            cease::ADMINISTRATIVE_SHUTDOWN,
            cease::PEER_DECONFIGURED,
            cease::CONNECTION_REJECTED,
            cease::OUT_OF_RESOURCES,
        ];
        self.code == CEASE && lasting.contains(&self.subcode)
    }

    /// What a person on the other side has written (RFC 9003 §2), if it can be read.
    pub fn communication(&self) -> Option<String> {
        let message = self.message();
        let read = extract_shutdown_communication(&message).ok().flatten();
        read.filter(|it| !it.is_empty()).map(str::to_owned)
    }

    pub(crate) fn message(&self) -> NotificationMessage {
        NotificationMessage {
            code: NotificationCode::from_u8(self.code),
            subcode: self.subcode,
            data: Bytes::copy_from_slice(&self.data),
        }
    }
}

/// The state in which a message came that was not expected; the numbers are subcodes (RFC 6608 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Unexpected {
    OpenSent = 1,
    OpenConfirm = 2,
    Established = 3,
}

impl From<NotificationMessage> for Notification {
    fn from(message: NotificationMessage) -> Self {
        Self {
            code: message.code.as_u8(),
            subcode: message.subcode,
            data: message.data.to_vec(),
        }
    }
}

impl From<&DecodeError> for Notification {
    fn from(error: &DecodeError) -> Self {
        let (code, subcode, data) = error.to_notification();
        NotificationMessage {
            code,
            subcode,
            data,
        }
        .into()
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, subcode, .. } = self;
        let kind = NotificationCode::from_u8(*code);
        let meaning = description(kind, *subcode);
        write!(f, "{meaning} ({code}/{subcode})")?;
        match self.communication() {
            // Whatever another machine says stays on one line.
            Some(text) => write!(f, ": {text:?}"),
            None => Ok(()),
        }
    }
}
