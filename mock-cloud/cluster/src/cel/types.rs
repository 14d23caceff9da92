//! The types of CEL, as far as rules of custom resources see them, and whether one fits another.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// Known only at run time.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    Ip,
    Cidr,
    /// What `type(x)` gives.
    Kind,
    List(Arc<Self>),
    Map(Arc<Self>, Arc<Self>),
    Optional(Arc<Self>),
    Object(Arc<Object>),
    /// A placeholder in a signature.
    Any(char),
}

/// A type with fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    /// For messages.
    pub(crate) name: String,
    /// By their names in expressions.
    pub(crate) fields: BTreeMap<String, Type>,
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Dyn => "dyn",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::Ip => "net.IP",
            Self::Cidr => "net.CIDR",
            Self::Kind => "type",
            Self::Object(object) => &object.name,
            Self::List(item) => return write!(formatter, "list({item})"),
            Self::Map(key, value) => return write!(formatter, "map({key}, {value})"),
            Self::Optional(inner) => return write!(formatter, "optional_type({inner})"),
            Self::Any(letter) => return write!(formatter, "{letter}"),
        };
        formatter.write_str(name)
    }
}

impl Type {
    /// A list of these.
    pub(crate) fn list_of(item: Self) -> Self {
        Self::List(Arc::new(item))
    }

    /// One of these, or none.
    pub(crate) fn optional(inner: Self) -> Self {
        Self::Optional(Arc::new(inner))
    }
}

/// What the placeholders of a signature stand for.
#[derive(Clone, Debug, Default)]
pub(super) struct Bindings(BTreeMap<char, Type>);

impl Bindings {
    /// Whether a value of type `have` fits where `want` is declared.
    pub(super) fn unify(&mut self, want: &Type, have: &Type) -> bool {
        match (want, have) {
            (Type::Any(letter), have) => match self.0.get(letter).cloned() {
                None | Some(Type::Dyn) => {
                    self.0.insert(*letter, have.clone());
                    true
                }
                Some(bound) => self.unify(&bound, have),
            },
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::List(want), Type::List(have)) | (Type::Optional(want), Type::Optional(have)) => {
                self.unify(want, have)
            }
            (Type::Map(key, value), Type::Map(have_key, have_value)) => {
                self.unify(key, have_key) && self.unify(value, have_value)
            }
            (want, have) => want == have,
        }
    }

    /// A declared type with its placeholders filled in.
    pub(super) fn resolve(&self, declared: &Type) -> Type {
        match declared {
            Type::Any(letter) => self.0.get(letter).cloned().unwrap_or(Type::Dyn),
            Type::List(item) => Type::list_of(self.resolve(item)),
            Type::Optional(inner) => Type::optional(self.resolve(inner)),
            Type::Map(key, value) => {
                Type::Map(Arc::new(self.resolve(key)), Arc::new(self.resolve(value)))
            }
            plain => plain.clone(),
        }
    }
}

/// Whether two types can be of one value.
pub(super) fn fit(one: &Type, other: &Type) -> bool {
    Bindings::default().unify(one, other)
}
