//! Reading server-sent events (WHATWG HTML §9.2) as they come. Pure.

/// The longest event that is read; a longer one makes the stream useless.
const LONGEST: usize = 256 * 1024;

/// An event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// `event`.
    pub(crate) name: String,
    /// `data`.
    pub(crate) data: String,
    /// `id`, if it has one.
    pub(crate) id: Option<String>,
}

/// The stream makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream of changes has an event of more than {LONGEST} bytes")]
pub(crate) struct TooLong;

/// What was read of the event that is not yet complete.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    event: Event,
    is_empty: bool,
}

impl Parser {
    pub(crate) fn new() -> Self {
        Self {
            is_empty: true,
            ..Self::default()
        }
    }

    /// Reads on; returns the events that are complete now, those without a name and with nothing
    /// but an id included.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.end_line(&String::from_utf8_lossy(&line)));
                }
                // Before a line feed it is part of the line's end; alone it does not come here.
                b'\r' => {}
                other => self.line.push(other),
            }
            if self.line.len() + self.event.data.len() > LONGEST {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let is_empty = std::mem::replace(&mut self.is_empty, true);
            return (!is_empty).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "id" => self.event.id = Some(value.to_owned()),
            // Comments, and what is not for us.
            _ => return None,
        }
        self.is_empty = false;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str, id: Option<&str>) -> Event {
        Event {
            name: name.into(),
            data: data.into(),
            id: id.map(str::to_owned),
        }
    }

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = "id: e-1\n\n: a sign of life\n\nevent: changed\ndata: {\"a\":\ndata: 1}\nid:e-2\n\n\
                    event: reset\r\ndata\r\n\r\nretry: 5\n\nevent: unfinished\n";
        let expected = [
            event("", "", Some("e-1")),
            event("changed", "{\"a\":\n1}", Some("e-2")),
            event("reset", "", None),
        ];
        for size in [1, 2, 7, 1000] {
            let mut parser = Parser::new();
            let chunks = text.as_bytes().chunks(size);
            let events: Vec<_> = chunks
                .flat_map(|chunk| parser.read(chunk).unwrap())
                .collect();
            assert_eq!(events, expected, "{size}");
        }
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        let mut parser = Parser::new();
        assert_eq!(parser.read(&vec![b'x'; LONGEST + 1]), Err(TooLong));
    }
}
