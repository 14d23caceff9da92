//! Functions of texts: CEL's own, its extension for strings, and Kubernetes' for regular
//! expressions. Places are counted in characters.

use regex::Regex;

use super::functions::{no_overload, spell};
use super::lists::place;
use super::value::Value;

/// Calls a function of a text.
pub(super) fn run(name: &str, text: &str, rest: &[Value]) -> Result<Value, String> {
    let flag = |flag: bool| Ok(Value::Bool(flag));
    match (name, rest) {
        ("contains", [Value::String(part)]) => flag(text.contains(&**part)),
        ("startsWith", [Value::String(part)]) => flag(text.starts_with(&**part)),
        ("endsWith", [Value::String(part)]) => flag(text.ends_with(&**part)),
        ("matches", [Value::String(pattern)]) => flag(compile(pattern)?.is_match(text)),
        ("find", [Value::String(pattern)]) => {
            let pattern = compile(pattern)?;
            let found = pattern.find(text).map_or("", |found| found.as_str());
            Ok(Value::text(found))
        }
        ("findAll", [Value::String(pattern), limit @ ..]) => {
            let pattern = compile(pattern)?;
            let found = pattern.find_iter(text);
            let most = most(limit)?.unwrap_or(usize::MAX);
            let found = found.take(most).map(|found| Value::text(found.as_str()));
            Ok(Value::list(found.collect()))
        }
        ("lowerAscii", []) => Ok(Value::text(&text.to_ascii_lowercase())),
        ("upperAscii", []) => Ok(Value::text(&text.to_ascii_uppercase())),
        ("trim", []) => Ok(Value::text(text.trim())),
        ("charAt", [Value::Int(at)]) => char_at(text, *at),
        ("indexOf" | "lastIndexOf", [Value::String(part), from @ ..]) => {
            index_of(name == "lastIndexOf", text, part, from)
        }
        ("replace", [Value::String(old), Value::String(new), limit @ ..]) => {
            Ok(Value::text(&match most(limit)? {
                None => text.replace(&**old, new),
                Some(limit) => text.replacen(&**old, new, limit),
            }))
        }
        ("split", [Value::String(by), limit @ ..]) => split(text, by, limit),
        ("substring", [Value::Int(start), end @ ..]) => substring(text, *start, end),
        ("format", [Value::List(args)]) => format(text, &args.items),
        _ => Err(no_overload()),
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| format!("error parsing regexp: {error}"))
}

/// How many at most; a negative number means all.
fn most(limit: &[Value]) -> Result<Option<usize>, String> {
    match limit {
        [] => Ok(None),
        [Value::Int(number)] => Ok(usize::try_from(*number).ok()),
        _ => Err(no_overload()),
    }
}

fn out_of_range(at: i64) -> String {
    format!("index out of range: {at}")
}

fn char_at(text: &str, at: i64) -> Result<Value, String> {
    let length = text.chars().count();
    match usize::try_from(at) {
        Ok(at) if at == length => Ok(Value::text("")),
        Ok(at) if at < length => {
            let found: String = text.chars().skip(at).take(1).collect();
            Ok(Value::text(&found))
        }
        _ => Err(out_of_range(at)),
    }
}

fn index_of(last: bool, text: &str, part: &str, from: &[Value]) -> Result<Value, String> {
    let text: Vec<char> = text.chars().collect();
    let part: Vec<char> = part.chars().collect();
    let bound = match from {
        [] => None,
        [Value::Int(at)] => {
            let bound = usize::try_from(*at).ok().filter(|at| *at <= text.len());
            Some(bound.ok_or_else(|| out_of_range(*at))?)
        }
        _ => return Err(no_overload()),
    };
    let Some(last_start) = text.len().checked_sub(part.len()) else {
        return Ok(Value::Int(-1));
    };
    let fits = |start: &usize| text[*start..*start + part.len()] == part[..];
    Ok(place(if last {
        let end = bound.unwrap_or(last_start).min(last_start);
        (0..=end).rev().find(fits)
    } else {
        (bound.unwrap_or(0)..=last_start).find(fits)
    }))
}

fn split(text: &str, by: &str, limit: &[Value]) -> Result<Value, String> {
    let parts: Vec<&str> = match (most(limit)?, by.is_empty()) {
        (Some(0), _) => Vec::new(),
        (None, false) => text.split(by).collect(),
        (Some(most), false) => text.splitn(most, by).collect(),
        // Every character by itself.
        (most, true) => {
            let most = most.unwrap_or(usize::MAX);
            let mut parts = Vec::new();
            let mut rest = text;
            while let Some(first) = rest.chars().next() {
                if parts.len() + 1 == most {
                    parts.push(rest);
                    break;
                }
                let (one, others) = rest.split_at(first.len_utf8());
                parts.push(one);
                rest = others;
            }
            parts
        }
    };
    Ok(Value::list(parts.into_iter().map(Value::text).collect()))
}

fn substring(text: &str, start: i64, end: &[Value]) -> Result<Value, String> {
    let characters: Vec<char> = text.chars().collect();
    let checked = |at: i64| {
        let place = usize::try_from(at).ok();
        place
            .filter(|place| *place <= characters.len())
            .ok_or_else(|| out_of_range(at))
    };
    let first = checked(start)?;
    let last = match end {
        [] => characters.len(),
        [Value::Int(end)] => checked(*end)?,
        _ => return Err(no_overload()),
    };
    if first > last {
        return Err(format!(
            "invalid substring range. start: {first}, end: {last}"
        ));
    }
    let found: String = characters[first..last].iter().collect();
    Ok(Value::text(&found))
}

/// `%s`, `%d`, `%f` with a precision, `%x`, `%X`, `%o`, `%b` and `%%`.
fn format(pattern: &str, args: &[Value]) -> Result<Value, String> {
    let mut text = String::new();
    let mut args = args.iter();
    let mut rest = pattern.chars();
    while let Some(next) = rest.next() {
        if next != '%' {
            text.push(next);
            continue;
        }
        let mut precision = String::new();
        let clause = loop {
            match rest.next() {
                Some(digit @ ('.' | '0'..='9')) => precision.push(digit),
                Some(clause) => break clause,
                None => return Err("unexpected end of string".to_owned()),
            }
        };
        if clause == '%' {
            text.push('%');
            continue;
        }
        let value = args.next().ok_or_else(|| "index out of range".to_owned())?;
        text.push_str(&clause_of(clause, &precision, value)?);
    }
    Ok(Value::text(&text))
}

fn clause_of(clause: char, precision: &str, value: &Value) -> Result<String, String> {
    let unfit = || format!("error during formatting: no formatting clause '%{clause}' for it");
    Ok(match (clause, value) {
        ('s', value) => spell(value),
        ('d', Value::Int(_) | Value::Uint(_)) => spell(value),
        ('x', Value::Int(number)) => format!("{number:x}"),
        ('X', Value::Int(number)) => format!("{number:X}"),
        ('o', Value::Int(number)) => format!("{number:o}"),
        ('b', Value::Int(number)) => format!("{number:b}"),
        ('f', Value::Double(number)) => {
            let digits = precision.trim_start_matches('.').parse().unwrap_or(6);
            format!("{number:.digits$}")
        }
        _ => return Err(unfit()),
    })
}
