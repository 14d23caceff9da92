//! `landfall validate`: judges manifests as the controller would, without a cluster.

mod asks;
mod judge;
mod metallb;
mod pools;
mod service;

use std::collections::HashMap;
use std::path::PathBuf;

use landfall_bare_metal_resources::Fault;
use landfall_process::{Failure, say};

use crate::manifests::{self, Object, objects};

use self::judge::Gathered;

/// Prints what is wrong with the objects in these files, a line each. A failure if anything is.
pub(crate) fn run(files: &[PathBuf]) -> Result<(), Failure> {
    let manifests = manifests::read(files)?;
    let mut report = Report::default();
    for (number, file) in manifests.iter().enumerate() {
        for (path, line) in file.documents.iter().flat_map(|it| &it.repeated) {
            let message = "this key stands there already; the last one counts";
            let text = format!("{}:{line}: {path}: {message}", file.name);
            report.problems.push(((number, *line), text));
        }
        for error in &file.broken {
            let message = error.message.replace('\n', " ");
            let text = format!("{}:{}: no YAML: {message}", file.name, error.line);
            report.problems.push(((number, error.line), text));
        }
        if file.documents.is_empty() && file.broken.is_empty() {
            report.note((number, 1), format!("{}: no object in it", file.name));
        }
    }
    judge_all(&objects(&manifests), &mut report);
    report.print()
}

fn judge_all(objects: &[Object<'_>], report: &mut Report) {
    let mut seen: HashMap<_, &Object<'_>> = HashMap::new();
    let mut gathered = Gathered::default();
    for object in objects {
        let [kind, namespace, name] =
            ["/kind", "/metadata/namespace", "/metadata/name"].map(|it| object.text(it));
        if !kind.is_empty() && name.is_empty() {
            let fault = Fault::new("metadata.name", "an object needs a name");
            report.fault(object, &fault);
            continue;
        }
        let key = (object.group(), kind, namespace, name);
        if let Some(first) = seen.insert(key, object).filter(|_| !kind.is_empty()) {
            let message = format!("it stands at {} already", first.at(""));
            report.fault(object, &Fault::new("metadata.name", message));
        }
        if judge::judge(object, &mut gathered, report) {
            report.judged += 1;
        } else {
            let text = format!(
                "{}: {object}: skipped, nothing here judges it",
                object.at("")
            );
            report.note(object.order(""), text);
            report.skipped += 1;
        }
    }
    let Gathered {
        mut pools,
        theirs,
        asks,
    } = gathered;
    metallb::judge(&theirs, &mut pools, report);
    pools.compare(report);
    asks::compare(&asks, objects, &pools, report);
    asks::compare_names(objects, report);
}

/// What was found.
#[derive(Default)]
pub(crate) struct Report {
    /// Each with where it stands.
    problems: Vec<((usize, u64), String)>,
    /// What is no problem, likewise.
    notes: Vec<((usize, u64), String)>,
    skipped: usize,
    judged: usize,
}

impl Report {
    /// Something is wrong with a field of an object.
    fn fault(&mut self, object: &Object<'_>, fault: &Fault) {
        let message = match fault.field.as_str() {
            "" => format!("{}{}", fault.message, hint(fault)),
            _ => fault.to_string(),
        };
        let text = format!("{}: {object}: {message}", object.at(&fault.field));
        self.problems.push((object.order(&fault.field), text));
    }

    /// Something deserves to be known, and may be as it should.
    fn note(&mut self, order: (usize, u64), text: String) {
        self.notes.push((order, text));
    }

    /// In the order of the files, problems last.
    fn print(mut self) -> Result<(), Failure> {
        self.notes.sort();
        self.problems.sort();
        for (_, line) in self.notes.iter().chain(&self.problems) {
            say(format_args!("{line}"))?;
        }
        match self.problems.len() {
            0 => say(format_args!(
                "{} in order, {} skipped",
                counted(self.judged, "object"),
                self.skipped
            )),
            count => Err(Failure::run(counted(count, "problem"))),
        }
    }
}

fn hint(fault: &Fault) -> String {
    let hint = fault.hint.as_ref();
    hint.map(|it| format!(" ({it})")).unwrap_or_default()
}

fn counted(count: usize, what: &str) -> String {
    let more = if count == 1 { "" } else { "s" };
    format!("{count} {what}{more}")
}
