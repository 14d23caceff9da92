//! A frame to be sent.

use std::fmt;
use std::ops::Deref;

use crate::mac::Mac;

/// Longest frame that is sent: a Neighbor Advertisement with one option.
const LONGEST: usize = 86;

/// An Ethernet frame, without its check sequence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Frame {
    /// A frame with a header, to be filled.
    pub(crate) fn new(to: Mac, from: Mac, ether_type: u16) -> Self {
        let mut frame = Self {
            bytes: [0; LONGEST],
            length: 0,
        };
        frame.put(&to.0);
        frame.put(&from.0);
        frame.put(&ether_type.to_be_bytes());
        frame
    }

    /// Adds bytes, of which there is room for all that is sent here.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
