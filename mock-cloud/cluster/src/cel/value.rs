//! The values of CEL.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    Timestamp(jiff::Timestamp),
    /// In nanoseconds.
    Duration(i64),
    List(Arc<List>),
    /// A map, or an object with its fields by their names in expressions.
    Map(Arc<BTreeMap<Key, Value>>),
    Ip(IpAddr),
    Cidr(IpNet),
    Optional(Option<Arc<Value>>),
    /// A type's name.
    Type(&'static str),
}

/// A list, and what makes two of them equal.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    pub(crate) items: Vec<Value>,
    pub(crate) by: By,
}

/// How elements of a list are told apart (`x-kubernetes-list-type`).
#[derive(Clone, Debug, Default)]
pub(crate) enum By {
    /// By where they stand.
    #[default]
    Order,
    /// By what they are.
    Value,
    /// By these fields.
    Keys(Vec<String>),
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Bool(bool),
    Int(i64),
    Uint(u64),
    String(Arc<str>),
}

impl Key {
    /// A value as a key.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Int(number) => Self::Int(*number),
            Value::Uint(number) => Self::Uint(*number),
            Value::String(text) => Self::String(text.clone()),
            _ => return None,
        })
    }

    /// A key as a value.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Int(number) => Value::Int(*number),
            Self::Uint(number) => Value::Uint(*number),
            Self::String(text) => Value::String(text.clone()),
        }
    }
}

impl Value {
    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::String(text.into())
    }

    /// A list in order.
    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(List {
            items,
            by: By::Order,
        }))
    }

    /// An optional that holds a value.
    pub(crate) fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// The name of its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
        }
    }

    /// Whether it is what `optional.ofNonZeroValue` takes for nothing.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(flag) => !flag,
            Self::Int(number) => *number == 0,
            Self::Uint(number) => *number == 0,
            Self::Double(number) => *number == 0.0,
            Self::String(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::List(list) => list.items.is_empty(),
            Self::Map(map) => map.is_empty(),
            Self::Optional(inner) => inner.is_none(),
            _ => false,
        }
    }

    /// How two numbers, texts, times or flags stand to each other.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::String(one), Self::String(other)) => Some(one.cmp(other)),
            (Self::Bytes(one), Self::Bytes(other)) => Some(one.cmp(other)),
            (Self::Timestamp(one), Self::Timestamp(other)) => Some(one.cmp(other)),
            (Self::Duration(one), Self::Duration(other)) => Some(one.cmp(other)),
            _ => self.compare_number(other),
        }
    }

    fn compare_number(&self, other: &Self) -> Option<Ordering> {
        match (self.whole(), other.whole()) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(i128::from(*number)),
            Self::Uint(number) => Some(i128::from(*number)),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "CEL compares them as doubles")]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Double(number) => Some(*number),
            other => other.whole().map(|number| number as f64),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Map(one), Self::Map(other)) => one == other,
            (Self::Ip(one), Self::Ip(other)) => one == other,
            (Self::Cidr(one), Self::Cidr(other)) => one == other,
            (Self::Optional(one), Self::Optional(other)) => one == other,
            (Self::Type(one), Self::Type(other)) => one == other,
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        let same_size = self.items.len() == other.items.len();
        match &self.by {
            By::Order => self.items == other.items,
            // Equal keys or values stand at most once in each.
            By::Value | By::Keys(_) => {
                same_size && self.items.iter().all(|item| other.items.contains(item))
            }
        }
    }
}

impl List {
    /// Both together: a set holds nothing twice, a list with keys has the later of two.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut items = self.items.clone();
        for item in &other.items {
            let place = match &self.by {
                By::Order => None,
                By::Value => items.iter().position(|one| one == item),
                By::Keys(keys) => items.iter().position(|one| same_keys(one, item, keys)),
            };
            match place {
                Some(place) => items[place] = item.clone(),
                None => items.push(item.clone()),
            }
        }
        Self {
            items,
            by: self.by.clone(),
        }
    }
}

fn same_keys(one: &Value, other: &Value, keys: &[String]) -> bool {
    let (Value::Map(one), Value::Map(other)) = (one, other) else {
        return false;
    };
    keys.iter().all(|key| {
        let key = Key::String(key.as_str().into());
        one.get(&key) == other.get(&key)
    })
}
