//! Expressions, taken apart.

use super::value::Value;

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) at: usize,
    pub(super) node: Node,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Literal(Value),
    Identifier(String),
    /// `a.b`; with `test` it is `has(a.b)`, with `optional` it is `a.?b`.
    Select {
        operand: Box<Expr>,
        field: String,
        test: bool,
        optional: bool,
    },
    /// A function or an operator; of a member function the target is the first argument.
    Call {
        function: String,
        member: bool,
        args: Vec<Expr>,
    },
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Macro(Box<Comprehension>),
}

/// `range.all(variable, …)` and its like.
#[derive(Clone, Debug)]
pub(super) struct Comprehension {
    pub(super) kind: Macro,
    pub(super) range: Expr,
    pub(super) variable: String,
    /// The condition, where there is one.
    pub(super) filter: Option<Expr>,
    /// What an element becomes, where it does.
    pub(super) result: Option<Expr>,
}

/// The macros over lists, maps and optionals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    OptMap,
    OptFlatMap,
}

pub(super) fn literal(at: usize, value: Value) -> Expr {
    Expr {
        at,
        node: Node::Literal(value),
    }
}

pub(super) fn call(at: usize, function: &str, args: Vec<Expr>) -> Expr {
    Expr {
        at,
        node: Node::Call {
            function: function.to_owned(),
            member: false,
            args,
        },
    }
}

pub(super) fn select(at: usize, operand: Expr, field: String, optional: bool) -> Expr {
    Expr {
        at,
        node: Node::Select {
            operand: Box::new(operand),
            field,
            test: false,
            optional,
        },
    }
}
