//! What AWS's words name. No I/O.

/// Whether a message names this, and not only another that begins or ends so.
pub(super) fn names(message: &str, name: &str) -> bool {
    let part = |it: char| it.is_alphanumeric() || matches!(it, '-' | '/' | ':');
    message.match_indices(name).any(|(at, _)| {
        !message[..at].ends_with(part) && !message[at + name.len()..].starts_with(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_whose_name_begins_as_another_is_not_taken_for_it() {
        assert!(names("Load balancers '[web-1]' not found", "web-1"));
        assert!(!names("Load balancers '[web-10]' not found", "web-1"));
        assert!(!names("Load balancers '[my-web-1]' not found", "web-1"));
        assert!(!names(
            "The IP address '10.0.0.12' is not valid",
            "10.0.0.1"
        ));
        assert!(names(
            "The IP address '10.0.0.12' is not valid",
            "10.0.0.12"
        ));
    }
}
