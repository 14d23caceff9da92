//! Lists in conditions, which have room for so much.

use std::fmt::Display;

/// At most so many of these texts, with `between` between them, and how many more there are.
pub fn listed(
    texts: impl IntoIterator<Item = impl Display, IntoIter: ExactSizeIterator>,
    most: usize,
    between: &str,
) -> String {
    let texts = texts.into_iter();
    let more = texts.len().saturating_sub(most);
    let mut told: Vec<_> = texts.take(most).map(|it| it.to_string()).collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        assert_eq!(listed([1, 2], 2, "; "), "1; 2");
        assert_eq!(listed([1, 2, 3, 4], 2, "; "), "1; 2; and 2 more");
        assert_eq!(listed([""; 0], 2, "; "), "");
    }
}
