//! What looks like a call and is none: `has`, the loops over lists and maps, and functions in a
//! namespace.

use super::expr::{Comprehension, Expr, Macro, Node, call};
use super::fault::Fault;

/// Functions in a namespace: what looks like a member of `sets` is none.
const QUALIFIED: [(&str, &str, usize); 7] = [
    ("sets", "contains", 2),
    ("sets", "equivalent", 2),
    ("sets", "intersects", 2),
    ("ip", "isCanonical", 1),
    ("optional", "of", 1),
    ("optional", "none", 0),
    ("optional", "ofNonZeroValue", 1),
];

pub(super) fn has(at: usize, mut args: Vec<Expr>) -> Result<Expr, Fault> {
    let argument = args.first().map_or(at, |argument| argument.at);
    match (args.pop(), args.is_empty()) {
        (
            Some(Expr {
                node:
                    Node::Select {
                        operand,
                        field,
                        optional: false,
                        ..
                    },
                ..
            }),
            true,
        ) => Ok(Expr {
            at,
            node: Node::Select {
                operand,
                field,
                test: true,
                optional: false,
            },
        }),
        _ => Err(Fault::new(argument, "invalid argument to has() macro")),
    }
}

pub(super) fn member(
    at: usize,
    target: Expr,
    function: &str,
    args: Vec<Expr>,
) -> Result<Expr, Fault> {
    if let Node::Identifier(namespace) = &target.node
        && QUALIFIED.contains(&(namespace.as_str(), function, args.len()))
    {
        return Ok(call(at, &format!("{namespace}.{function}"), args));
    }
    let kind = match (function, args.len()) {
        ("all", 2) => Macro::All,
        ("exists", 2) => Macro::Exists,
        ("exists_one" | "existsOne", 2) => Macro::ExistsOne,
        ("filter", 2) => Macro::Filter,
        ("map", 2 | 3) => Macro::Map,
        ("optMap", 2) => Macro::OptMap,
        ("optFlatMap", 2) => Macro::OptFlatMap,
        _ => {
            let mut all = vec![target];
            all.extend(args);
            return Ok(Expr {
                at,
                node: Node::Call {
                    function: function.to_owned(),
                    member: true,
                    args: all,
                },
            });
        }
    };
    let mut args = args.into_iter();
    let variable = match args.next() {
        Some(Expr {
            node: Node::Identifier(name),
            ..
        }) => name,
        other => {
            let place = other.map_or(at, |other| other.at);
            return Err(Fault::new(place, "argument must be a simple name"));
        }
    };
    let (first, second) = (args.next(), args.next());
    let (filter, result) = match kind {
        Macro::Map if second.is_some() => (first, second),
        Macro::Map | Macro::OptMap | Macro::OptFlatMap => (None, first),
        _ => (first, None),
    };
    Ok(Expr {
        at,
        node: Node::Macro(Box::new(Comprehension {
            kind,
            range: target,
            variable,
            filter,
            result,
        })),
    })
}
