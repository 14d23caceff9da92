//! Rows of expressions and what they give; `tests/api/custom/rules.rs` holds the same rows against
//! a real API server.

use super::{Key, Program, Type, Value};

/// The object that the rows are about.
fn object() -> Value {
    let list = |items: &[&str]| Value::list(items.iter().map(|item| Value::text(item)).collect());
    let numbers = [1, 2, 2].map(Value::Int);
    let fields = [
        ("seven", Value::Int(7)),
        ("half", Value::Double(0.5)),
        ("whole", Value::Double(2.0)),
        ("text", Value::text("a-b-c")),
        ("words", list(&["b", "a"])),
        ("numbers", Value::list(numbers.into())),
    ];
    let fields = fields.map(|(name, value)| (Key::String(name.into()), value));
    Value::Map(std::sync::Arc::new(fields.into()))
}

fn run(text: &str) -> Result<Value, String> {
    let program = Program::compile(text, &[("self", Type::Dyn)])?;
    program.run(&object(), None)
}

#[test]
fn expressions() {
    let rows = include_str!("../../tests/api/custom/expressions.txt");
    for text in rows.lines() {
        assert_eq!(run(text), Ok(Value::Bool(true)), "{text}");
    }
}

#[test]
fn what_goes_wrong_on_the_way() {
    for (text, why) in [
        ("1 / 0 == 1", "division by zero"),
        ("{'a': 1}.b == 1", "no such key: b"),
        ("[1][3] == 1", "index out of bounds: 3"),
        ("9223372036854775807 + 1 == 0", "integer overflow"),
        ("self.seven + 'a' == 'a'", "no such overload"),
        ("[].min() == 1", "min called on empty list"),
    ] {
        assert_eq!(run(text), Err(why.to_owned()), "{text}");
    }
}

#[test]
fn what_does_not_compile() {
    for (text, why) in [
        (
            "self.foo == bar",
            "ERROR: <input>:1:13: undeclared reference to 'bar' (in container '')\n | self.foo == bar\n | ............^",
        ),
        (
            "1 + 'a' == 2",
            "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a' == 2\n | ..^",
        ),
        (
            "'a'.startsWith(1)",
            "ERROR: <input>:1:15: found no matching overload for 'startsWith' applied to 'string.(int)'\n | 'a'.startsWith(1)\n | ..............^",
        ),
        (
            "[1, 'a'] == []",
            "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a'] == []\n | ....^",
        ),
        (
            "self ==",
            "ERROR: <input>:1:8: Syntax error: mismatched input '<EOF>' expecting an expression\n | self ==\n | .......^",
        ),
    ] {
        assert_eq!(run(text).unwrap_err(), why, "{text}");
    }
    assert!(run(&format!("{}1{} == 1", "(".repeat(300), ")".repeat(300))).is_err());
}

#[test]
fn a_rule_that_loops_for_ever_ends() {
    let list = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]";
    let loops: Vec<String> = ('a'..='h')
        .map(|name| format!("{list}.all({name}, "))
        .collect();
    let text = format!("{}true{}", loops.concat(), ")".repeat(loops.len()));
    assert_eq!(run(&text), Err(super::EXCEEDED.to_owned()));
}
