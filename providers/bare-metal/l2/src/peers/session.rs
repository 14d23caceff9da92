//! Which messages of another speaker are fresh: said in its present life, to this life of ours, and
//! after all that was heard of it before.

use super::message::Message;
use super::node::Boot;

/// Lives of one node that are remembered as over.
const MOST_RETIRED: usize = 64;

/// What is known of another speaker's lives.
#[derive(Debug, Default)]
pub(super) struct Session {
    boot: Option<Boot>,
    sequence: u64,
    /// Its lives before, as far as they were heard of.
    retired: Vec<Boot>,
}

/// A message that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fresh {
    /// The next of a life that is known.
    Continues,
    /// The first of another life than the one known: it was started again.
    Begins,
}

/// Why a message does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Stale {
    /// It is for a life of ours that is over, or for nobody in particular: its sender does not know
    /// us yet. Answer, and it will.
    #[error("for another life")]
    ForAnotherLife,
    /// It is of a life of the sender that is over: a replay, or a second speaker of that node's name.
    #[error("of a life that is over")]
    OfAnotherLife,
    /// The same or a later one was heard already.
    #[error("heard before")]
    HeardBefore,
    /// It is of nobody that is known here.
    #[error("of a stranger")]
    OfStranger,
    /// It is said to be of this very speaker: another runs for a node of the same name.
    #[error("of our own name")]
    OfOwnName,
}

impl Session {
    /// Its present life, as far as it is known.
    pub(super) fn boot(&self) -> Option<Boot> {
        self.boot
    }

    /// Whether a message counts, for this life of ours.
    pub(super) fn hear(&mut self, own: Boot, message: &Message) -> Result<Fresh, Stale> {
        if message.echo != Some(own) {
            return Err(Stale::ForAnotherLife);
        }
        if self.retired.contains(&message.boot) {
            return Err(Stale::OfAnotherLife);
        }
        if self.boot == Some(message.boot) {
            if message.sequence <= self.sequence {
                return Err(Stale::HeardBefore);
            }
            self.sequence = message.sequence;
            return Ok(Fresh::Continues);
        }
        if let Some(before) = self.boot.replace(message.boot) {
            if self.retired.len() == MOST_RETIRED {
                self.retired.remove(0);
            }
            self.retired.push(before);
        }
        self.sequence = message.sequence;
        Ok(Fresh::Begins)
    }

    /// The life to be echoed to a speaker that says it in a message that does not count yet. It does
    /// not count as known: only who answers with an echo has shown that it lives.
    pub(super) fn to_echo(&self, message: &Message) -> Option<Boot> {
        (!self.retired.contains(&message.boot)).then_some(message.boot)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Body;
    use super::super::node::NodeId;
    use super::*;

    const OWN: Boot = Boot(1);

    fn message(boot: u64, sequence: u64, echo: Option<Boot>) -> Message {
        Message {
            from: NodeId(7),
            boot: Boot(boot),
            sequence,
            echo,
            version: 0,
            body: Body::Leaves,
        }
    }

    #[test]
    fn what_is_repeated_or_out_of_order_does_not_count() {
        let mut session = Session::default();
        let mut hear = |sequence| session.hear(OWN, &message(5, sequence, Some(OWN)));
        assert_eq!(hear(3), Ok(Fresh::Begins));
        assert_eq!(hear(4), Ok(Fresh::Continues));
        assert_eq!(hear(4), Err(Stale::HeardBefore));
        assert_eq!(hear(2), Err(Stale::HeardBefore));
        assert_eq!(hear(9), Ok(Fresh::Continues));
    }

    #[test]
    fn what_was_said_to_a_life_before_does_not_count_in_this_one() {
        let mut session = Session::default();
        for echo in [None, Some(Boot(2))] {
            let heard = session.hear(OWN, &message(5, 1, echo));
            assert_eq!(heard, Err(Stale::ForAnotherLife));
        }
        assert_eq!(session.boot(), None);
    }

    #[test]
    fn a_life_that_is_over_never_counts_again() {
        let mut session = Session::default();
        session.hear(OWN, &message(5, 1, Some(OWN))).unwrap();
        let restarted = session.hear(OWN, &message(6, 1, Some(OWN)));
        assert_eq!(restarted, Ok(Fresh::Begins));
        let replayed = message(5, 99, Some(OWN));
        assert_eq!(session.hear(OWN, &replayed), Err(Stale::OfAnotherLife));
        assert_eq!(session.to_echo(&replayed), None);
        assert_eq!(session.boot(), Some(Boot(6)));
    }
}
