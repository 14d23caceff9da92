//! What is wrong with an expression, told as the real compiler tells it: where, what, and the
//! line with a mark under it.

/// One fault at a place, which is counted in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    at: usize,
    what: String,
}

impl Fault {
    /// What the checker found.
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self {
            at,
            what: what.into(),
        }
    }

    /// What cannot be read.
    pub(super) fn syntax(at: usize, what: impl Into<String>) -> Self {
        Self::new(at, format!("Syntax error: {}", what.into()))
    }

    fn render(&self, text: &str) -> String {
        let before: Vec<char> = text.chars().take(self.at).collect();
        let line = before.iter().filter(|one| **one == '\n').count();
        let column = before.iter().rev().take_while(|one| **one != '\n').count();
        let shown = text.split('\n').nth(line).unwrap_or_default();
        format!(
            "ERROR: <input>:{}:{}: {}\n | {shown}\n | {}^",
            line + 1,
            column + 1,
            self.what,
            ".".repeat(column)
        )
    }
}

/// All faults of one expression.
pub(super) fn render(faults: &[Fault], text: &str) -> String {
    let all: Vec<String> = faults.iter().map(|fault| fault.render(text)).collect();
    all.join("\n")
}
