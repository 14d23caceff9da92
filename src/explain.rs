//! Errors for people: everything that lies beneath, in one line.

use std::error::Error;

/// An error with its causes, each said once.
pub(crate) fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Nested {
        #[error("refused")]
        Inner,
        #[error("cannot connect")]
        Middle(#[source] Box<Nested>),
        #[error("cannot list: cannot connect")]
        Outer(#[source] Box<Nested>),
    }

    #[test]
    fn every_cause_is_said_once() {
        let error = Nested::Outer(Box::new(Nested::Middle(Box::new(Nested::Inner))));
        assert_eq!(explain(&error), "cannot list: cannot connect: refused");
    }
}
