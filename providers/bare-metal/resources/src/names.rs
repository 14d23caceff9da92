//! Names, and lists in which nothing stands twice.

use crate::fault::Fault;

/// The name of an object, as the API server takes them (RFC 1123).
pub(crate) fn object_name(field: &str, text: &str, faults: &mut Vec<Fault>) {
    let inner = |it: u8| matches!(it, b'a'..=b'z' | b'0'..=b'9');
    let bytes = text.as_bytes();
    let bounded =
        bytes.first().copied().is_some_and(inner) && bytes.last().copied().is_some_and(inner);
    let allowed = bytes
        .iter()
        .all(|it| inner(*it) || matches!(it, b'-' | b'.'));
    if !bounded || !allowed || text.len() > 253 {
        let message = format!("'{text}' is no name of an object");
        let hint = "lower-case letters, digits, - and .";
        faults.push(Fault::new(field, message).hint(hint));
    }
}

/// Names of objects, none twice.
pub(crate) fn object_names(field: &str, names: &[String], faults: &mut Vec<Fault>) {
    for (at, name) in names.iter().enumerate() {
        object_name(&format!("{field}[{at}]"), name, faults);
    }
    none_twice(field, names, faults);
    at_most(field, 1000, names.len(), faults);
}

/// Every item that stands in the list before already is a fault.
pub(crate) fn none_twice<T: PartialEq>(field: &str, items: &[T], faults: &mut Vec<Fault>) {
    for (at, item) in items.iter().enumerate() {
        if let Some(before) = items[..at].iter().position(|it| it == item) {
            let message = format!("it stands in {field}[{before}] already");
            faults.push(Fault::new(format!("{field}[{at}]"), message));
        }
    }
}

/// More items than the schema takes are a fault of the list.
pub(crate) fn at_most(field: &str, most: usize, count: usize, faults: &mut Vec<Fault>) {
    if count > most {
        let message = format!("{count} items are too many; {most} may be there");
        faults.push(Fault::new(field, message));
    }
}

/// A name for a community: lower-case letters, digits, `-` and `.`, a letter first.
pub(crate) fn is_alias(text: &str) -> bool {
    let inner = |it: u8| matches!(it, b'a'..=b'z' | b'0'..=b'9');
    let bytes = text.as_bytes();
    text.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().copied().is_some_and(inner)
        && bytes
            .iter()
            .all(|it| inner(*it) || matches!(it, b'-' | b'.'))
}
