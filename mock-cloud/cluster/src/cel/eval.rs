//! Runs an expression, as far as its budget goes. Logic that is decided by one side forgives the other its error, as the
//! CEL specification wants it.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::check::TYPES;
use super::expr::{Comprehension, Expr, Macro, Node};
use super::functions;
use super::value::{Key, Value};

/// What a name stands for, and the names around it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a Value,
    pub(super) outer: Option<&'a Scope<'a>>,
    /// How many expressions may still be evaluated, all in all.
    pub(super) steps: &'a Cell<u32>,
}

impl Scope<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        if self.name == name {
            return Some(self.value);
        }
        self.outer?.get(name)
    }
}

/// Why an expression that loops over loops ends.
pub(crate) const EXCEEDED: &str = "operation cancelled: actual cost limit exceeded";

/// The value of an expression, or why it has none.
pub(super) fn eval(expr: &Expr, scope: &Scope<'_>) -> Result<Value, String> {
    match scope.steps.get().checked_sub(1) {
        Some(left) => scope.steps.set(left),
        None => return Err(EXCEEDED.to_owned()),
    }
    match &expr.node {
        Node::Literal(value) => Ok(value.clone()),
        Node::Identifier(name) => match scope.get(name) {
            Some(value) => Ok(value.clone()),
            None => TYPES
                .iter()
                .find(|known| *known == name)
                .map(|known| Value::Type(known))
                .ok_or_else(|| format!("no such attribute(s): {name}")),
        },
        Node::Select {
            operand,
            field,
            test,
            optional,
        } => {
            let operand = eval(operand, scope)?;
            let key = Value::text(field);
            if *test {
                return has(&operand, &key);
            }
            match (&operand, optional) {
                (Value::Optional(_), _) | (_, true) => maybe(&operand, &key),
                _ => index(&operand, &key),
            }
        }
        Node::Call { function, args, .. } => call(function, args, scope),
        Node::List(items) => {
            let items: Result<Vec<Value>, String> =
                items.iter().map(|item| eval(item, scope)).collect();
            Ok(Value::list(items?))
        }
        Node::Map(entries) => {
            let mut map = BTreeMap::new();
            for (key, value) in entries {
                let key = Key::of(&eval(key, scope)?).ok_or("unsupported key type")?;
                map.insert(key, eval(value, scope)?);
            }
            Ok(Value::Map(map.into()))
        }
        Node::Macro(comprehension) => fold(comprehension, scope),
    }
}

fn call(function: &str, args: &[Expr], scope: &Scope<'_>) -> Result<Value, String> {
    let truth = |expr: &Expr| match eval(expr, scope) {
        Ok(Value::Bool(flag)) => Ok(flag),
        Ok(_) => Err("no such overload".to_owned()),
        Err(error) => Err(error),
    };
    match (function, args) {
        ("_&&_", [one, other]) => decide(truth(one), || truth(other), false),
        ("_||_", [one, other]) => decide(truth(one), || truth(other), true),
        ("_?_:_", [condition, yes, no]) => eval(if truth(condition)? { yes } else { no }, scope),
        ("orValue", [optional, other]) => match eval(optional, scope)? {
            Value::Optional(Some(value)) => Ok((*value).clone()),
            _ => eval(other, scope),
        },
        _ => {
            let args: Result<Vec<Value>, String> =
                args.iter().map(|arg| eval(arg, scope)).collect();
            functions::run(function, &args?)
        }
    }
}

/// One side that is `decisive` decides, whatever the other is.
fn decide(
    one: Result<bool, String>,
    other: impl FnOnce() -> Result<bool, String>,
    decisive: bool,
) -> Result<Value, String> {
    if one == Ok(decisive) {
        return Ok(Value::Bool(decisive));
    }
    match (one, other()) {
        (_, Ok(flag)) if flag == decisive => Ok(Value::Bool(decisive)),
        (Err(error), _) | (_, Err(error)) => Err(error),
        (Ok(_), Ok(_)) => Ok(Value::Bool(!decisive)),
    }
}

fn has(operand: &Value, key: &Value) -> Result<Value, String> {
    match operand {
        Value::Map(map) => Ok(Value::Bool(
            Key::of(key).is_some_and(|key| map.contains_key(&key)),
        )),
        Value::Optional(None) => Ok(Value::Bool(false)),
        Value::Optional(Some(inner)) => has(inner, key),
        _ => Err("no such overload".to_owned()),
    }
}

/// An element, by its place or its key.
pub(super) fn index(operand: &Value, key: &Value) -> Result<Value, String> {
    match (operand, key) {
        (Value::Map(map), key) => Key::of(key)
            .and_then(|key| map.get(&key).cloned())
            .ok_or_else(|| format!("no such key: {}", functions::spell(key))),
        (Value::List(list), key) => {
            let place = match key {
                Value::Int(number) => usize::try_from(*number).ok(),
                Value::Uint(number) => usize::try_from(*number).ok(),
                _ => None,
            };
            place
                .and_then(|place| list.items.get(place).cloned())
                .ok_or_else(|| format!("index out of bounds: {}", functions::spell(key)))
        }
        _ => Err("no such overload".to_owned()),
    }
}

/// An element as an optional: none where there is none.
pub(super) fn maybe(operand: &Value, key: &Value) -> Result<Value, String> {
    match operand {
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => maybe(inner, key),
        Value::Map(_) | Value::List(_) => {
            Ok(index(operand, key).map_or(Value::Optional(None), Value::some))
        }
        _ => Err("no such overload".to_owned()),
    }
}

fn fold(comprehension: &Comprehension, scope: &Scope<'_>) -> Result<Value, String> {
    let range = eval(&comprehension.range, scope)?;
    if matches!(comprehension.kind, Macro::OptMap | Macro::OptFlatMap) {
        return map_optional(comprehension, &range, scope);
    }
    let items: Vec<Value> = match &range {
        Value::List(list) => list.items.clone(),
        Value::Map(map) => map.keys().map(Key::value).collect(),
        _ => return Err("no such overload".to_owned()),
    };
    let (mut kept, mut error) = (Vec::new(), None);
    for item in items {
        let inner = Scope {
            name: &comprehension.variable,
            value: &item,
            outer: Some(scope),
            steps: scope.steps,
        };
        let holds = match &comprehension.filter {
            None => Ok(true),
            Some(filter) => match eval(filter, &inner) {
                Ok(Value::Bool(flag)) => Ok(flag),
                Ok(_) => Err("no such overload".to_owned()),
                Err(error) => Err(error),
            },
        };
        match (comprehension.kind, holds) {
            (Macro::All, Ok(false)) => return Ok(Value::Bool(false)),
            (Macro::Exists, Ok(true)) => return Ok(Value::Bool(true)),
            // Another element may decide it yet.
            (Macro::All | Macro::Exists, Err(why)) => error = Some(why),
            (_, Err(why)) => return Err(why),
            (_, Ok(false)) | (Macro::All, Ok(true)) => {}
            (_, Ok(true)) => kept.push(match &comprehension.result {
                Some(result) => eval(result, &inner)?,
                None => item,
            }),
        }
    }
    match (comprehension.kind, error) {
        (_, Some(error)) => Err(error),
        (Macro::All, None) => Ok(Value::Bool(true)),
        (Macro::Exists, None) => Ok(Value::Bool(false)),
        (Macro::ExistsOne, None) => Ok(Value::Bool(kept.len() == 1)),
        _ => Ok(Value::list(kept)),
    }
}

fn map_optional(
    comprehension: &Comprehension,
    range: &Value,
    scope: &Scope<'_>,
) -> Result<Value, String> {
    let (Value::Optional(inner), Some(result)) = (range, &comprehension.result) else {
        return Err("no such overload".to_owned());
    };
    let Some(value) = inner else {
        return Ok(Value::Optional(None));
    };
    let inner = Scope {
        name: &comprehension.variable,
        value,
        outer: Some(scope),
        steps: scope.steps,
    };
    let mapped = eval(result, &inner)?;
    Ok(match comprehension.kind {
        Macro::OptMap => Value::some(mapped),
        _ => mapped,
    })
}
