//! Specs that mean something, and specs that don't, with the field that is at fault and words of what an
//! API server says. The rules in CEL and the parser are held to the same tables.

mod announcing;
mod pools;
mod speaking;

pub use speaking::reports;

use serde_json::Value;

/// A spec, the path in it, and words.
pub type Row = (Value, &'static str, &'static str);

pub struct Table {
    pub kind: &'static str,
    pub good: Vec<Value>,
    pub refused: Vec<Row>,
}

pub fn all() -> [Table; 5] {
    [
        pools::pools(),
        pools::reservations(),
        announcing::l2_advertisements(),
        announcing::bgp_advertisements(),
        announcing::peers(),
    ]
}

fn rows(rows: impl IntoIterator<Item = Row>) -> Vec<Row> {
    rows.into_iter().collect()
}
