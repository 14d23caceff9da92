//! Whether an expression makes sense before there is anything to run it on: names, fields and
//! types. Messages are those of the real compiler.

use super::expr::{Comprehension, Expr, Macro, Node};
use super::fault::Fault;
use super::signatures::OVERLOADS;
use super::types::{Bindings, Type, fit};
use super::value::Value;

/// Names that stand for types.
pub(super) const TYPES: [&str; 12] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
];

/// Finds the type of an expression and all that is wrong with it.
pub(super) fn check(expr: &Expr, variables: &[(&str, Type)]) -> (Type, Vec<Fault>) {
    let mut checker = Checker {
        variables: variables
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), kind.clone()))
            .collect(),
        faults: Vec::new(),
    };
    let found = checker.visit(expr);
    (found, checker.faults)
}

struct Checker {
    /// The innermost last.
    variables: Vec<(String, Type)>,
    faults: Vec<Fault>,
}

impl Checker {
    fn fault(&mut self, at: usize, what: String) -> Type {
        self.faults.push(Fault::new(at, what));
        // Nothing more is found wrong with what is wrong already.
        Type::Dyn
    }

    fn visit(&mut self, expr: &Expr) -> Type {
        match &expr.node {
            Node::Literal(value) => literal(value),
            Node::Identifier(name) => self.identifier(expr.at, name),
            Node::Select {
                operand,
                field,
                test,
                optional,
            } => {
                let operand = self.visit(operand);
                let found = self.select(expr.at, &operand, field, *optional);
                if *test { Type::Bool } else { found }
            }
            Node::Call {
                function,
                member,
                args,
            } => self.call(expr.at, function, *member, args),
            Node::List(items) => {
                let kinds: Vec<(usize, Type)> = items
                    .iter()
                    .map(|item| (item.at, self.visit(item)))
                    .collect();
                Type::list_of(self.join(&kinds))
            }
            Node::Map(entries) => {
                let keys: Vec<(usize, Type)> = entries
                    .iter()
                    .map(|(key, _)| (key.at, self.visit(key)))
                    .collect();
                let values: Vec<(usize, Type)> = entries
                    .iter()
                    .map(|(_, value)| (value.at, self.visit(value)))
                    .collect();
                Type::Map(self.join(&keys).into(), self.join(&values).into())
            }
            Node::Macro(comprehension) => self.comprehension(comprehension),
        }
    }

    fn identifier(&mut self, at: usize, name: &str) -> Type {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        match found {
            Some((_, kind)) => kind.clone(),
            None if TYPES.contains(&name) => Type::Kind,
            None => self.fault(
                at,
                format!("undeclared reference to '{name}' (in container '')"),
            ),
        }
    }

    /// The type that the elements of a literal have in common.
    fn join(&mut self, kinds: &[(usize, Type)]) -> Type {
        let mut joined: Option<Type> = None;
        for (at, kind) in kinds {
            match &joined {
                Some(first) if !fit(first, kind) => {
                    return self.fault(*at, format!("expected type '{first}' but found '{kind}'"));
                }
                Some(first) if *first != Type::Dyn => {}
                _ => joined = Some(kind.clone()),
            }
        }
        joined.unwrap_or(Type::Dyn)
    }

    fn select(&mut self, at: usize, operand: &Type, field: &str, optional: bool) -> Type {
        let found = match operand {
            Type::Dyn => Type::Dyn,
            Type::Map(_, value) => (**value).clone(),
            Type::Object(object) => match object.fields.get(field) {
                Some(kind) => kind.clone(),
                None => return self.fault(at, format!("undefined field '{field}'")),
            },
            Type::Optional(inner) => return self.select(at, &inner.clone(), field, true),
            other => {
                let why = format!("type '{other}' does not support field selection");
                return self.fault(at, why);
            }
        };
        match found {
            already @ Type::Optional(_) => already,
            plain if optional => Type::optional(plain),
            plain => plain,
        }
    }

    fn call(&mut self, at: usize, function: &str, member: bool, args: &[Expr]) -> Type {
        // What is formatted may be of several types.
        let kinds: Vec<Type> = match (function, args) {
            (
                "format",
                [
                    target,
                    Expr {
                        node: Node::List(items),
                        ..
                    },
                ],
            ) => {
                let target = self.visit(target);
                for item in items {
                    self.visit(item);
                }
                vec![target, Type::list_of(Type::Dyn)]
            }
            _ => args.iter().map(|arg| self.visit(arg)).collect(),
        };
        let Some(overloads) = OVERLOADS.get(function) else {
            let why = format!("undeclared reference to '{function}' (in container '')");
            return self.fault(at, why);
        };
        let mut results: Vec<Type> = Vec::new();
        for overload in overloads {
            if overload.member != member || overload.args.len() != kinds.len() {
                continue;
            }
            let mut bindings = Bindings::default();
            let fits = overload
                .args
                .iter()
                .zip(&kinds)
                .all(|(want, have)| bindings.unify(want, have));
            let result = bindings.resolve(&overload.result);
            if fits && !results.contains(&result) {
                results.push(result);
            }
        }
        match results.as_slice() {
            [one] => one.clone(),
            [] => {
                let why = format!(
                    "found no matching overload for '{function}' applied to '{}'",
                    applied(member, &kinds)
                );
                self.fault(at, why)
            }
            _ => Type::Dyn,
        }
    }

    fn comprehension(&mut self, comprehension: &Comprehension) -> Type {
        let range = &comprehension.range;
        let over = self.visit(range);
        let optional = matches!(comprehension.kind, Macro::OptMap | Macro::OptFlatMap);
        let item = match (&over, optional) {
            (Type::Dyn, _) => Type::Dyn,
            (Type::List(item), false) | (Type::Optional(item), true) => (**item).clone(),
            (Type::Map(key, _), false) => (**key).clone(),
            (Type::Object(_), false) | (_, _) => {
                let why = if optional {
                    format!("found no matching overload for 'hasValue' applied to '{over}.()'")
                } else {
                    format!(
                        "expression of type '{over}' cannot be range of a comprehension (must be list, map, or dynamic)"
                    )
                };
                self.fault(range.at, why)
            }
        };
        self.variables
            .push((comprehension.variable.clone(), item.clone()));
        if let Some(filter) = &comprehension.filter {
            let kind = self.visit(filter);
            if !fit(&Type::Bool, &kind) {
                let why = format!("expected type 'bool' but found '{kind}'");
                self.fault(filter.at, why);
            }
        }
        let result = comprehension
            .result
            .as_ref()
            .map(|result| self.visit(result));
        self.variables.pop();
        let result = result.unwrap_or(Type::Dyn);
        match comprehension.kind {
            Macro::All | Macro::Exists | Macro::ExistsOne => Type::Bool,
            Macro::Filter => Type::list_of(item),
            Macro::Map => Type::list_of(result),
            Macro::OptMap => Type::optional(result),
            Macro::OptFlatMap => result,
        }
    }
}

fn literal(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::String(_) => Type::String,
        Value::Bytes(_) => Type::Bytes,
        _ => Type::Dyn,
    }
}

fn applied(member: bool, kinds: &[Type]) -> String {
    let list = |kinds: &[Type]| {
        let names: Vec<String> = kinds.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    match kinds.split_first() {
        Some((target, args)) if member => format!("{target}.({})", list(args)),
        _ => format!("({})", list(kinds)),
    }
}

/// Whether a name stands free anywhere in an expression.
pub(super) fn uses(expr: &Expr, name: &str) -> bool {
    match &expr.node {
        Node::Literal(_) => false,
        Node::Identifier(found) => found == name,
        Node::Select { operand, .. } => uses(operand, name),
        Node::Call { args, .. } | Node::List(args) => args.iter().any(|arg| uses(arg, name)),
        Node::Map(entries) => {
            let mut both = entries.iter().flat_map(|(key, value)| [key, value]);
            both.any(|one| uses(one, name))
        }
        Node::Macro(comprehension) => {
            let inner = comprehension.filter.iter().chain(&comprehension.result);
            uses(&comprehension.range, name)
                || (comprehension.variable != name && inner.into_iter().any(|one| uses(one, name)))
        }
    }
}
