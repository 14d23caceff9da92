//! From bytes to messages.

use bytes::{Bytes, BytesMut};
use rustbgpd_wire::{
    Afi, DecodeError, MAX_MESSAGE_LEN, Message, OpenMessage, RouteRefreshMessage, Safi,
    UpdateMessage, decode_message, peek_message_length,
};

use crate::notification::Notification;
use crate::route::Family;

/// A message of a router's, as far as it matters here.
#[derive(Debug)]
pub(crate) enum Received {
    Open(OpenMessage),
    Keepalive,
    Notification(Notification),
    Update(UpdateMessage),
    /// Of a family that is ours, or of another, which is nothing to us (RFC 2918 §4).
    Refresh(Option<Family>),
}

/// Takes the next whole message out of what has come in; None: more must come.
pub(crate) fn next(input: &mut BytesMut) -> Result<Option<Received>, Notification> {
    let wrong = |error: DecodeError| Notification::from(&error);
    let Some(length) = peek_message_length(input, MAX_MESSAGE_LEN).map_err(wrong)? else {
        return Ok(None);
    };
    if !may_be_so_long(input[18], length) {
        return Err(Notification::bad_message_length(length));
    }
    if input.len() < usize::from(length) {
        return Ok(None);
    }
    let mut message = input.split_to(usize::from(length)).freeze();
    let message = decode_message(&mut message, MAX_MESSAGE_LEN).map_err(wrong)?;
    match message {
        Message::Open(it) => Ok(Some(Received::Open(it))),
        Message::Keepalive => Ok(Some(Received::Keepalive)),
        Message::Notification(it) => Ok(Some(Received::Notification(it.into()))),
        Message::Update(it) => Ok(Some(Received::Update(it))),
        Message::RouteRefresh(it) => Ok(Some(Received::Refresh(family(&it)))),
        // A kind that this version of the codec does not know.
        _ => Err(Notification::new(1, 3)),
    }
}

/// Whether a message of this type has a length that it may have at all (RFC 4271 §6.1, RFC 2918 §3).
fn may_be_so_long(kind: u8, length: u16) -> bool {
    match kind {
        1 => length >= 29,
        2 => length >= 23,
        3 => length >= 21,
        4 => length == 19,
        // We offer no filters (RFC 5291), which alone would make it longer.
        5 => length == 23,
        _ => true,
    }
}

fn family(refresh: &RouteRefreshMessage) -> Option<Family> {
    family_of(refresh.afi()?, refresh.safi()?)
}

pub(crate) fn family_of(afi: Afi, safi: Safi) -> Option<Family> {
    match (afi, safi) {
        (Afi::Ipv4, Safi::Unicast) => Some(Family::Ipv4),
        (Afi::Ipv6, Safi::Unicast) => Some(Family::Ipv6),
        _ => None,
    }
}

pub(crate) fn afi_of(family: Family) -> Afi {
    match family {
        Family::Ipv4 => Afi::Ipv4,
        Family::Ipv6 => Afi::Ipv6,
    }
}

/// The bytes of a message of ours.
pub(crate) fn encode(message: &Message) -> Bytes {
    let encoded = rustbgpd_wire::encode_message(message);
    let encoded = encoded.expect("what we say is made so that it fits into a message");
    encoded.freeze()
}

/// How an UPDATE of a router's is to be taken (RFC 7606).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    Fine,
    /// Attributes are wrong, and its routes do not count (§2: treat-as-withdraw and less).
    Malformed,
}

/// Judges an UPDATE. Its routes are not kept, so that all the ways of RFC 7606 to go on are one; Err: there
/// is no going on, as it cannot be told which routes are meant.
pub(crate) fn judge(
    update: &UpdateMessage,
    is_four_octet: bool,
    is_internal: bool,
) -> Result<Judged, Notification> {
    let parsed = update.parse_revised(is_four_octet, is_internal, false, &[]);
    let parsed = parsed.map_err(|error| Notification::from(&error))?;
    Ok(if parsed.malformed.is_empty() {
        Judged::Fine
    } else {
        Judged::Malformed
    })
}
