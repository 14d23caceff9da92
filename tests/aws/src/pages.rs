//! Pages of lists. A marker names the last item that was given, so that an insertion or removal
//! between two pages shows nothing twice and hides nothing that stays.

use std::fmt::Write as _;

/// A list cut to a page, and the marker of the next one.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// The marker is none that was given out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadMarker;

/// A page of what stands in the order of its keys.
pub(crate) fn page<T>(
    mut items: Vec<(String, T)>,
    size: usize,
    marker: Option<&str>,
) -> Result<Page<T>, BadMarker> {
    if let Some(marker) = marker {
        let last = unhex(marker).ok_or(BadMarker)?;
        items.retain(|(key, _)| *key > last);
    }
    let more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| more).map(|(key, _)| hex(key));
    let items = items.into_iter().map(|(_, it)| it).collect();
    Ok(Page { items, next })
}

fn hex(text: &str) -> String {
    let mut digits = String::new();
    for byte in text.bytes() {
        write!(digits, "{byte:02x}").expect("a string takes all that is written");
    }
    digits
}

fn unhex(digits: &str) -> Option<String> {
    let pairs = digits.as_bytes().chunks(2);
    let bytes = pairs.map(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok());
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}
