//! `landfall validate`: judges manifests as the controller would, without a cluster.

mod judge;
mod metallb;
mod pools;
mod service;

use std::collections::HashMap;
use std::path::PathBuf;

use landfall_bare_metal_resources::Fault;
use landfall_process::{Failure, say};

use crate::manifests::{self, Object, objects};

use self::pools::Pools;

/// Prints what is wrong with the objects in these files, a line each. A failure if anything is.
pub(crate) fn run(files: &[PathBuf]) -> Result<(), Failure> {
    let manifests = manifests::read(files)?;
    let mut report = Report::default();
    for (number, file) in manifests.iter().enumerate() {
        match &file.documents {
            Ok(documents) => {
                for (path, line) in documents.iter().flat_map(|it| &it.repeated) {
                    let message = "this key stands there already; the last one counts";
                    let text = format!("{}:{line}: {path}: {message}", file.name);
                    report.problems.push(((number, *line), text));
                }
            }
            Err(error) => {
                let message = error.message.replace('\n', " ");
                let text = format!("{}:{}: no YAML: {message}", file.name, error.line);
                report.problems.push(((number, error.line), text));
            }
        }
    }
    judge_all(&objects(&manifests), &mut report);
    report.print()
}

fn judge_all(objects: &[Object<'_>], report: &mut Report) {
    let mut seen: HashMap<_, &Object<'_>> = HashMap::new();
    let mut pools = Pools::default();
    let mut theirs = Vec::new();
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
        if judge::judge(object, &mut pools, &mut theirs, report) {
            report.judged += 1;
        } else {
            report.skipped.push(format!(
                "{}: {object}: skipped, nothing here judges it",
                object.at("")
            ));
        }
    }
    metallb::judge(&theirs, &mut pools, report);
    pools.compare(report);
}

/// What was found.
#[derive(Default)]
pub(crate) struct Report {
    /// Each with where it stands.
    problems: Vec<((usize, u64), String)>,
    skipped: Vec<String>,
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

    /// In the order of the files.
    fn print(mut self) -> Result<(), Failure> {
        self.problems.sort();
        let problems = self.problems.iter().map(|(_, text)| text);
        for line in self.skipped.iter().chain(problems) {
            say(format_args!("{line}"))?;
        }
        match self.problems.len() {
            0 => say(format_args!(
                "{} in order, {} skipped",
                counted(self.judged, "object"),
                self.skipped.len()
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
