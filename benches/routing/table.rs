//! Figures, and the table that they end up in.

use std::sync::Mutex;

use crate::usage::load_average;

struct Row {
    what: String,
    values: Vec<f64>,
    unit: &'static str,
    asked: String,
    load: String,
}

#[derive(Default)]
pub struct Table(Mutex<Vec<Row>>);

impl Table {
    /// Adds what was measured, and what is asked of it.
    pub fn add(&self, what: &str, unit: &'static str, mut values: Vec<f64>, asked: &str) {
        eprintln!("{what}: {values:.1?}");
        values.sort_by(f64::total_cmp);
        let load = load_average();
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        let row = Row {
            what: what.to_owned(),
            values,
            unit,
            asked: asked.to_owned(),
            load,
        };
        self.0.lock().unwrap().push(row);
    }

    /// The median of what was measured under a name.
    pub fn median(&self, what: &str) -> Option<f64> {
        let rows = self.0.lock().unwrap();
        let row = rows.iter().find(|it| it.what == what)?;
        Some(row.values[row.values.len() / 2])
    }

    pub fn print(&self) {
        let rows = self.0.lock().unwrap();
        println!("| what | | median | p99 | max | n | asked | load |");
        println!("|---|---|---:|---:|---:|---:|---|---:|");
        for Row {
            what,
            values,
            unit,
            asked,
            load,
        } in rows.iter()
        {
            let Some(last) = values.last() else {
                println!("| {what} | {unit} | not measured | | | 0 | {asked} | {load} |");
                continue;
            };
            let at = |part: usize| values[(values.len() * part / 100).min(values.len() - 1)];
            println!(
                "| {what} | {unit} | {:.1} | {:.1} | {last:.1} | {} | {asked} | {load} |",
                at(50),
                at(99),
                values.len()
            );
        }
    }
}
