//! The functions and operators that rules may use, with the types they take: those of CEL, of its
//! extension for strings, and of Kubernetes' libraries for lists, sets, regular expressions and
//! addresses. A rule that uses another one is refused by name when its definition is.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::types::Type;

/// One way to call a function.
#[derive(Debug)]
pub(super) struct Overload {
    /// Whether the first argument stands before the dot.
    pub(super) member: bool,
    pub(super) args: Vec<Type>,
    pub(super) result: Type,
}

/// All ways to call each function.
pub(super) static OVERLOADS: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let mut all: HashMap<&'static str, Vec<Overload>> = HashMap::new();
    for (name, ways) in SIGNATURES {
        let overloads = ways.split(';').map(|way| parse(way.trim()));
        all.entry(name).or_default().extend(overloads);
    }
    all
});

/// `int int > bool` is a function of two numbers, `string . string > bool` a member of a text.
const SIGNATURES: &[(&str, &str)] = &[
    ("_&&_", "bool bool > bool"),
    ("_||_", "bool bool > bool"),
    ("!_", "bool > bool"),
    ("_?_:_", "bool A A > A"),
    ("_==_", "A A > bool"),
    ("_!=_", "A A > bool"),
    ("_<_", ORDER),
    ("_<=_", ORDER),
    ("_>_", ORDER),
    ("_>=_", ORDER),
    (
        "_+_",
        "int int > int; uint uint > uint; double double > double; string string > string; \
         bytes bytes > bytes; list<A> list<A> > list<A>; timestamp duration > timestamp; \
         duration timestamp > timestamp; duration duration > duration",
    ),
    (
        "_-_",
        "int int > int; uint uint > uint; double double > double; \
         timestamp timestamp > duration; timestamp duration > timestamp; \
         duration duration > duration",
    ),
    (
        "_*_",
        "int int > int; uint uint > uint; double double > double",
    ),
    (
        "_/_",
        "int int > int; uint uint > uint; double double > double",
    ),
    ("_%_", "int int > int; uint uint > uint"),
    ("-_", "int > int; double > double"),
    ("@in", "A list<A> > bool; A map<A,B> > bool"),
    (
        "_[_]",
        "list<A> int > A; map<A,B> A > B; optional<list<A>> int > optional<A>; \
         optional<map<A,B>> A > optional<B>",
    ),
    (
        "_[?_]",
        "list<A> int > optional<A>; map<A,B> A > optional<B>; \
         optional<list<A>> int > optional<A>; optional<map<A,B>> A > optional<B>",
    ),
    (
        "size",
        "string > int; bytes > int; list<A> > int; map<A,B> > int; \
         string . > int; bytes . > int; list<A> . > int; map<A,B> . > int",
    ),
    (
        "int",
        "int > int; uint > int; double > int; string > int; timestamp > int; duration > int",
    ),
    (
        "uint",
        "uint > uint; int > uint; double > uint; string > uint",
    ),
    (
        "double",
        "double > double; int > double; uint > double; string > double",
    ),
    ("bool", "bool > bool; string > bool"),
    (
        "string",
        "string > string; bool > string; int > string; uint > string; double > string; \
         bytes > string; timestamp > string; duration > string; ip > string; cidr > string",
    ),
    ("bytes", "bytes > bytes; string > bytes"),
    (
        "timestamp",
        "timestamp > timestamp; string > timestamp; int > timestamp",
    ),
    (
        "duration",
        "duration > duration; string > duration; int > duration",
    ),
    ("type", "A > type"),
    ("dyn", "A > dyn"),
    ("matches", "string string > bool; string . string > bool"),
    ("contains", "string . string > bool"),
    ("startsWith", "string . string > bool"),
    ("endsWith", "string . string > bool"),
    ("charAt", "string . int > string"),
    (
        "indexOf",
        "string . string > int; string . string int > int; list<A> . A > int",
    ),
    (
        "lastIndexOf",
        "string . string > int; string . string int > int; list<A> . A > int",
    ),
    ("lowerAscii", "string . > string"),
    ("upperAscii", "string . > string"),
    ("trim", "string . > string"),
    (
        "replace",
        "string . string string > string; string . string string int > string",
    ),
    (
        "split",
        "string . string > list<string>; string . string int > list<string>",
    ),
    (
        "substring",
        "string . int > string; string . int int > string",
    ),
    (
        "join",
        "list<string> . > string; list<string> . string > string",
    ),
    ("format", "string . list<dyn> > string"),
    ("find", "string . string > string"),
    (
        "findAll",
        "string . string > list<string>; string . string int > list<string>",
    ),
    (
        "isSorted",
        "list<int> . > bool; list<uint> . > bool; list<double> . > bool; list<bool> . > bool; \
         list<string> . > bool; list<timestamp> . > bool; list<duration> . > bool",
    ),
    (
        "sum",
        "list<int> . > int; list<uint> . > uint; list<double> . > double; \
         list<duration> . > duration",
    ),
    ("min", EXTREME),
    ("max", EXTREME),
    ("sets.contains", "list<A> list<A> > bool"),
    ("sets.equivalent", "list<A> list<A> > bool"),
    ("sets.intersects", "list<A> list<A> > bool"),
    ("isIP", "string > bool"),
    ("ip", "string > ip; cidr . > ip"),
    ("ip.isCanonical", "string > bool"),
    ("family", "ip . > int"),
    ("isUnspecified", "ip . > bool"),
    ("isLoopback", "ip . > bool"),
    ("isLinkLocalMulticast", "ip . > bool"),
    ("isLinkLocalUnicast", "ip . > bool"),
    ("isGlobalUnicast", "ip . > bool"),
    ("isCIDR", "string > bool"),
    ("cidr", "string > cidr"),
    ("containsIP", "cidr . ip > bool; cidr . string > bool"),
    ("containsCIDR", "cidr . cidr > bool; cidr . string > bool"),
    ("prefixLength", "cidr . > int"),
    ("masked", "cidr . > cidr"),
    ("optional.of", "A > optional<A>"),
    ("optional.none", "> optional<A>"),
    ("optional.ofNonZeroValue", "A > optional<A>"),
    ("hasValue", "optional<A> . > bool"),
    ("value", "optional<A> . > A"),
    ("or", "optional<A> . optional<A> > optional<A>"),
    ("orValue", "optional<A> . A > A"),
    ("getFullYear", TIME),
    ("getMonth", TIME),
    ("getDate", TIME),
    ("getDayOfMonth", TIME),
    ("getDayOfWeek", TIME),
    ("getDayOfYear", TIME),
    ("getHours", SPAN),
    ("getMinutes", SPAN),
    ("getSeconds", SPAN),
    ("getMilliseconds", SPAN),
];

const ORDER: &str = "bool bool > bool; int int > bool; uint uint > bool; double double > bool; \
    int double > bool; double int > bool; int uint > bool; uint int > bool; \
    uint double > bool; double uint > bool; string string > bool; bytes bytes > bool; \
    timestamp timestamp > bool; duration duration > bool";
const EXTREME: &str = "list<int> . > int; list<uint> . > uint; list<double> . > double; \
    list<bool> . > bool; list<string> . > string; list<timestamp> . > timestamp; \
    list<duration> . > duration";
const TIME: &str = "timestamp . > int";
const SPAN: &str = "timestamp . > int; duration . > int";

fn parse(way: &str) -> Overload {
    // A `>` before a blank is either the one before the result or closes a type before it.
    let (args, result) = way.rsplit_once("> ").expect("a signature has a result");
    let words: Vec<&str> = args.split_whitespace().collect();
    Overload {
        member: words.contains(&"."),
        args: words
            .iter()
            .filter(|word| **word != ".")
            .map(|word| parse_type(word))
            .collect(),
        result: parse_type(result.trim()),
    }
}

fn parse_type(text: &str) -> Type {
    let inner = |prefix: &str| {
        text.strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix('>'))
    };
    if let Some(item) = inner("list<") {
        return Type::list_of(parse_type(item));
    }
    if let Some(item) = inner("optional<") {
        return Type::optional(parse_type(item));
    }
    if let Some((key, value)) = inner("map<").and_then(|both| both.split_once(',')) {
        return Type::Map(Arc::new(parse_type(key)), Arc::new(parse_type(value)));
    }
    match text {
        "A" => Type::Any('A'),
        "B" => Type::Any('B'),
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "timestamp" => Type::Timestamp,
        "duration" => Type::Duration,
        "ip" => Type::Ip,
        "cidr" => Type::Cidr,
        "type" => Type::Kind,
        _ => Type::Dyn,
    }
}

#[cfg(test)]
mod tests {
    use super::{OVERLOADS, Type};

    #[test]
    fn every_signature_is_spelt_in_known_types() {
        for (name, ways) in OVERLOADS.iter() {
            for way in ways {
                let dynamic = way
                    .args
                    .iter()
                    .chain([&way.result])
                    .any(|one| *one == Type::Dyn);
                assert!(!dynamic || *name == "dyn", "{name}: {way:?}");
            }
        }
        let index = &OVERLOADS["_[?_]"][3];
        assert_eq!(index.args.len(), 2);
        assert_eq!(index.result.to_string(), "optional_type(B)");
        assert!(OVERLOADS["size"][4].member);
        assert_eq!(OVERLOADS["optional.none"][0].args.len(), 0);
    }
}
