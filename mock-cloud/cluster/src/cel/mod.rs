//! The Common Expression Language, as far as rules of `CustomResourceDefinition`s use it
//! (docs/decisions/0012): text is parsed, checked against types, and run on values. It knows no
//! Kubernetes object and no schema.

mod addresses;
mod check;
mod eval;
mod expr;
mod fault;
mod functions;
mod lexer;
mod lists;
mod macros;
mod parser;
mod signatures;
mod strings;
#[cfg(test)]
mod tests;
mod times;
mod types;
mod value;

use std::cell::Cell;

pub(crate) use self::eval::EXCEEDED;
use self::eval::Scope;
use self::expr::Expr;
pub(crate) use self::times::parse_duration;
pub(crate) use self::types::{Object, Type};
pub(crate) use self::value::{By, Key, List, Value};

/// How many expressions one run may evaluate: the real server has a limit of a million, too, of
/// something that it calls cost.
const STEPS: u32 = 1_000_000;

/// An expression that was found sound.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    expr: Expr,
    /// The type of what it gives.
    pub(crate) result: Type,
}

impl Program {
    /// Compiles an expression over these variables.
    ///
    /// # Errors
    /// Everything that is wrong with it, as the real compiler tells it.
    pub(crate) fn compile(text: &str, variables: &[(&str, Type)]) -> Result<Self, String> {
        let expr = parser::parse(text).map_err(|one| fault::render(&[one], text))?;
        let (result, faults) = check::check(&expr, variables);
        if faults.is_empty() {
            Ok(Self { expr, result })
        } else {
            Err(fault::render(&faults, text))
        }
    }

    /// Whether it looks at a variable.
    pub(crate) fn uses(&self, variable: &str) -> bool {
        check::uses(&self.expr, variable)
    }

    /// Runs it on `self` and, if there is one, `oldSelf`.
    ///
    /// # Errors
    /// What went wrong: a key that is not there, an index out of bounds, an overflow.
    pub(crate) fn run(&self, value: &Value, old: Option<&Value>) -> Result<Value, String> {
        let steps = Cell::new(STEPS);
        let own = Scope {
            name: "self",
            value,
            outer: None,
            steps: &steps,
        };
        match old {
            None => eval::eval(&self.expr, &own),
            Some(old) => {
                let both = Scope {
                    name: "oldSelf",
                    value: old,
                    outer: Some(&own),
                    steps: &steps,
                };
                eval::eval(&self.expr, &both)
            }
        }
    }
}
