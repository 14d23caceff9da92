//! Operators, conversions, and the way to every other function. Arguments are values; of a
//! member function the first is what stood before the dot.

use std::cmp::Ordering;
use std::sync::Arc;

use super::value::{Key, Value};
use super::{addresses, eval, lists, strings, times};

/// The answer where no way to call a function fits.
pub(super) fn no_overload() -> String {
    "no such overload".to_owned()
}

/// Calls a function.
pub(super) fn run(name: &str, args: &[Value]) -> Result<Value, String> {
    match (name, args) {
        ("_==_", [one, other]) => Ok(Value::Bool(one == other)),
        ("_!=_", [one, other]) => Ok(Value::Bool(one != other)),
        ("_<_", [one, other]) => ordered(one, other, Ordering::is_lt),
        ("_<=_", [one, other]) => ordered(one, other, Ordering::is_le),
        ("_>_", [one, other]) => ordered(one, other, Ordering::is_gt),
        ("_>=_", [one, other]) => ordered(one, other, Ordering::is_ge),
        ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [one, other]) => arithmetic(name, one, other),
        ("-_", [Value::Int(number)]) => {
            let negated = number.checked_neg().map(Value::Int);
            negated.ok_or_else(|| "integer overflow".to_owned())
        }
        ("-_", [Value::Double(number)]) => Ok(Value::Double(-number)),
        ("!_", [Value::Bool(flag)]) => Ok(Value::Bool(!flag)),
        ("@in", [item, Value::List(list)]) => Ok(Value::Bool(list.items.contains(item))),
        ("@in", [key, Value::Map(map)]) => {
            let found = Key::of(key).is_some_and(|key| map.contains_key(&key));
            Ok(Value::Bool(found))
        }
        ("_[_]", [operand @ Value::Optional(_), key]) | ("_[?_]", [operand, key]) => {
            eval::maybe(operand, key)
        }
        ("_[_]", [operand, key]) => eval::index(operand, key),
        ("size", [value]) => size(value),
        ("type", [value]) => Ok(Value::Type(value.type_name())),
        ("dyn", [value]) => Ok(value.clone()),
        ("int" | "uint" | "double" | "bool" | "string" | "bytes", [value]) => convert(name, value),
        (_, [Value::Optional(_), ..])
        | ("optional.of" | "optional.none" | "optional.ofNonZeroValue", _) => optional(name, args),
        ("timestamp" | "duration", _) | (_, [Value::Timestamp(_) | Value::Duration(_), ..]) => {
            times::run(name, args)
        }
        (_, [Value::List(list), rest @ ..]) => lists::run(name, list, rest),
        ("isIP" | "ip" | "ip.isCanonical" | "isCIDR" | "cidr", _)
        | (_, [Value::Ip(_) | Value::Cidr(_), ..]) => addresses::run(name, args),
        (_, [Value::String(text), rest @ ..]) => strings::run(name, text, rest),
        _ => Err(no_overload()),
    }
}

fn ordered(one: &Value, other: &Value, holds: impl Fn(Ordering) -> bool) -> Result<Value, String> {
    let order = one.compare(other).ok_or_else(no_overload)?;
    Ok(Value::Bool(holds(order)))
}

fn arithmetic(name: &str, one: &Value, other: &Value) -> Result<Value, String> {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => {
            let result = match name {
                "_+_" => one.checked_add(*other),
                "_-_" => one.checked_sub(*other),
                "_*_" => one.checked_mul(*other),
                "_/_" if *other == 0 => return Err("division by zero".to_owned()),
                "_/_" => one.checked_div(*other),
                _ if *other == 0 => return Err("modulus by zero".to_owned()),
                _ => one.checked_rem(*other),
            };
            result
                .map(Value::Int)
                .ok_or_else(|| "integer overflow".to_owned())
        }
        (Value::Uint(one), Value::Uint(other)) => {
            let result = match name {
                "_+_" => one.checked_add(*other),
                "_-_" => one.checked_sub(*other),
                "_*_" => one.checked_mul(*other),
                "_/_" if *other == 0 => return Err("division by zero".to_owned()),
                "_/_" => one.checked_div(*other),
                _ if *other == 0 => return Err("modulus by zero".to_owned()),
                _ => one.checked_rem(*other),
            };
            let result = result.map(Value::Uint);
            result.ok_or_else(|| "unsigned integer overflow".to_owned())
        }
        (Value::Double(one), Value::Double(other)) => match name {
            "_+_" => Ok(Value::Double(one + other)),
            "_-_" => Ok(Value::Double(one - other)),
            "_*_" => Ok(Value::Double(one * other)),
            "_/_" => Ok(Value::Double(one / other)),
            _ => Err(no_overload()),
        },
        (Value::String(one), Value::String(other)) if name == "_+_" => {
            Ok(Value::text(&format!("{one}{other}")))
        }
        (Value::Bytes(one), Value::Bytes(other)) if name == "_+_" => {
            Ok(Value::Bytes([&one[..], &other[..]].concat().into()))
        }
        (Value::List(one), Value::List(other)) if name == "_+_" => {
            Ok(Value::List(Arc::new(one.plus(other))))
        }
        _ => times::arithmetic(name, one, other),
    }
}

/// Adds up, for lists.
pub(super) fn add(one: &Value, other: &Value) -> Result<Value, String> {
    arithmetic("_+_", one, other)
}

/// A length as CEL counts.
pub(super) fn count(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn size(value: &Value) -> Result<Value, String> {
    Ok(count(match value {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.len(),
        _ => return Err(no_overload()),
    }))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "conversions between numbers are what is asked for; their ranges are checked"
)]
fn convert(name: &str, value: &Value) -> Result<Value, String> {
    let malformed = |text: &str| format!("type conversion error from 'string' to '{name}': {text}");
    let overflow = || "integer overflow".to_owned();
    Ok(match (name, value) {
        ("int", Value::Int(_))
        | ("uint", Value::Uint(_))
        | ("double", Value::Double(_))
        | ("bool", Value::Bool(_))
        | ("string", Value::String(_))
        | ("bytes", Value::Bytes(_)) => value.clone(),
        ("int", Value::Uint(number)) => Value::Int(i64::try_from(*number).map_err(|_| overflow())?),
        ("int", Value::Double(number)) if number.abs() < i64::MAX as f64 => {
            Value::Int(*number as i64)
        }
        ("int", Value::Timestamp(time)) => Value::Int(time.as_second()),
        ("int", Value::Duration(span)) => Value::Int(*span),
        ("uint", Value::Int(number)) => {
            let number = u64::try_from(*number);
            Value::Uint(number.map_err(|_| "unsigned integer overflow".to_owned())?)
        }
        ("uint", Value::Double(number)) if *number >= 0.0 && *number < u64::MAX as f64 => {
            Value::Uint(*number as u64)
        }
        ("int" | "uint", Value::Double(_)) => return Err(overflow()),
        ("double", Value::Int(number)) => Value::Double(*number as f64),
        ("double", Value::Uint(number)) => Value::Double(*number as f64),
        ("int", Value::String(text)) => Value::Int(text.parse().map_err(|_| malformed(text))?),
        ("uint", Value::String(text)) => Value::Uint(text.parse().map_err(|_| malformed(text))?),
        ("double", Value::String(text)) => {
            Value::Double(text.parse().map_err(|_| malformed(text))?)
        }
        ("bool", Value::String(text)) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Value::Bool(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Value::Bool(false),
            other => return Err(malformed(other)),
        },
        ("bytes", Value::String(text)) => Value::Bytes(text.as_bytes().into()),
        ("string", Value::Bytes(bytes)) => {
            let text = std::str::from_utf8(bytes).map_err(|_| "invalid UTF-8 in bytes")?;
            Value::text(text)
        }
        (
            "string",
            Value::Bool(_)
            | Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::Timestamp(_)
            | Value::Duration(_)
            | Value::Ip(_)
            | Value::Cidr(_),
        ) => Value::text(&spell(value)),
        _ => return Err(no_overload()),
    })
}

fn optional(name: &str, args: &[Value]) -> Result<Value, String> {
    Ok(match (name, args) {
        ("optional.none", []) => Value::Optional(None),
        ("optional.ofNonZeroValue", [value]) if value.is_zero() => Value::Optional(None),
        ("optional.of" | "optional.ofNonZeroValue", [value]) => Value::some(value.clone()),
        ("hasValue", [Value::Optional(inner)]) => Value::Bool(inner.is_some()),
        ("value", [Value::Optional(Some(inner))]) => (**inner).clone(),
        ("value", [Value::Optional(None)]) => return Err("optional.none() dereference".to_owned()),
        ("or", [some @ Value::Optional(Some(_)), _]) => some.clone(),
        ("or", [Value::Optional(None), other @ Value::Optional(_)]) => other.clone(),
        _ => return Err(no_overload()),
    })
}

/// A value within a list or a map that is shown.
fn nested(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Double(number) => format!("{number:.6}"),
        plain => spell(plain),
    }
}

/// A value as text, as `string()` and messages show it.
pub(super) fn spell(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::String(text) => text.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Timestamp(time) => time.to_string(),
        Value::Duration(span) => times::spell(*span),
        Value::Ip(address) => address.to_string(),
        Value::Cidr(block) => block.to_string(),
        Value::Type(name) => (*name).to_owned(),
        Value::List(list) => {
            let items: Vec<String> = list.items.iter().map(nested).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}:{}", nested(&key.value()), nested(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Optional(Some(inner)) => spell(inner),
        Value::Optional(None) => "optional.none()".to_owned(),
    }
}
