//! `x-kubernetes-validations`: rules compiled against the schema that they stand in, and run over
//! an object and the one before it.

use serde_json::Value;

use super::schema::{Additional, ListType, Schema};
use super::typing::{declared, to_cel};
use super::validate::correlated;
use crate::answer::FieldError;
use crate::cel::{self, Program, Type};

/// One rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// As it was written.
    text: String,
    program: Program,
    message: String,
    message_program: Option<Program>,
    reason: String,
    /// Below where the rule stands, as messages name it.
    field_path: String,
    optional_old: bool,
    /// A transition rule.
    uses_old: bool,
}

/// A rule that cannot be: which of its fields is at fault, and why.
pub(crate) struct Refusal {
    /// `rule`, `messageExpression` or `optionalOldSelf`.
    pub(crate) field: &'static str,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl Rule {
    /// Compiles a rule for values of a type.
    pub(crate) fn compile(written: &Value, own: &Type) -> Result<Self, Refusal> {
        let text = |field: &str| written[field].as_str().unwrap_or_default().to_owned();
        let refused = |field: &'static str, why: String| Refusal { field, why };
        let optional_old = written["optionalOldSelf"] == true;
        let old = if optional_old {
            Type::optional(own.clone())
        } else {
            own.clone()
        };
        let variables = [("self", own.clone()), ("oldSelf", old)];
        let written_rule = text("rule");
        let program = Program::compile(&written_rule, &variables)
            .map_err(|why| refused("rule", format!("compilation failed: {why}")))?;
        if program.result != Type::Bool {
            let why = "cel expression must evaluate to a bool".to_owned();
            return Err(refused("rule", why));
        }
        let uses_old = program.uses("oldSelf");
        if !uses_old && !written["optionalOldSelf"].is_null() {
            let why = "may not be set if oldSelf is not used in rule".to_owned();
            return Err(refused("optionalOldSelf", why));
        }
        let expression = text("messageExpression");
        let message_program = if expression.is_empty() {
            None
        } else {
            Some(message_program(&expression, &variables)?)
        };
        Ok(Self {
            message: text("message").trim().to_owned(),
            reason: text("reason"),
            field_path: text("fieldPath").trim().trim_start_matches('.').to_owned(),
            text: written_rule,
            program,
            message_program,
            optional_old,
            uses_old,
        })
    }

    /// Whether it compares an object with what it was.
    pub(crate) fn is_transition(&self) -> bool {
        self.uses_old
    }

    /// Its message, else itself, as errors name it.
    fn name(&self) -> &str {
        if self.message.is_empty() {
            self.text.trim()
        } else {
            &self.message
        }
    }

    fn detail(&self, own: &cel::Value, old: Option<&cel::Value>) -> String {
        let made = self.message_program.as_ref().and_then(|program| {
            // One that fails falls back to the message, as on the real server.
            match program.run(own, old).ok()? {
                cel::Value::String(text) => Some(text.trim().to_owned()),
                _ => None,
            }
        });
        match made.filter(|text| !text.is_empty() && !text.contains('\n')) {
            Some(text) => text,
            None if self.message.is_empty() => format!("failed rule: {}", self.name()),
            None => self.message.clone(),
        }
    }
}

fn message_program(expression: &str, variables: &[(&str, Type)]) -> Result<Program, Refusal> {
    let refused = |why: String| Refusal {
        field: "messageExpression",
        why,
    };
    let program = Program::compile(expression, variables)
        .map_err(|why| refused(format!("messageExpression compilation failed: {why}")))?;
    if program.result == Type::String {
        Ok(program)
    } else {
        let why = "messageExpression must evaluate to a string";
        Err(refused(why.to_owned()))
    }
}

impl Schema {
    /// Compiles all rules, of a definition in which they were found sound.
    pub(super) fn compile(&mut self, is_resource: bool) {
        if !self.written_rules.is_empty()
            && let Some(own) = declared(self, is_resource)
        {
            let rules = self.written_rules.iter();
            self.rules = rules
                .filter_map(|rule| Rule::compile(rule, &own).ok())
                .collect();
        }
        for field in self.properties.values_mut() {
            let embedded = field.embedded;
            field.compile(embedded);
        }
        let inner = match &mut self.additional {
            Additional::Of(inner) => Some(inner),
            _ => None,
        };
        for inner in inner.into_iter().chain(&mut self.items) {
            let embedded = inner.embedded;
            inner.compile(embedded);
        }
    }

    /// Whether there is a rule anywhere in it.
    pub(super) fn has_rules(&self) -> bool {
        let inner = match &self.additional {
            Additional::Of(inner) => Some(inner),
            _ => None,
        };
        !self.rules.is_empty()
            || self.properties.values().any(Self::has_rules)
            || inner
                .into_iter()
                .chain(&self.items)
                .any(|inner| inner.has_rules())
    }
}

/// A value and what it was.
#[derive(Clone, Copy)]
struct Pair<'a> {
    value: &'a Value,
    old: Option<&'a Value>,
    /// Whether it, or the nearest value around it that can be compared, is as it was.
    unchanged: bool,
}

/// What came of running all rules.
#[derive(Default)]
pub(super) struct Outcome {
    /// Rules that were broken.
    pub(super) faults: Vec<FieldError>,
    /// Rules that were broken before already, by a value that is as it was.
    pub(super) warnings: Vec<String>,
}

/// Runs all rules over an object.
pub(super) fn run(schema: &Schema, object: &Value, old: Option<&Value>) -> Outcome {
    let mut outcome = Outcome::default();
    let pair = Pair {
        value: object,
        old,
        unchanged: false,
    };
    visit(schema, pair, true, "", &mut outcome);
    outcome
}

/// Runs all rules over a value that is no object of its own.
pub(super) fn run_at(schema: &Schema, value: &Value, path: &str) -> Vec<FieldError> {
    let mut outcome = Outcome::default();
    let pair = Pair {
        value,
        old: None,
        unchanged: false,
    };
    visit(schema, pair, schema.embedded, path, &mut outcome);
    outcome.faults
}

fn visit(schema: &Schema, pair: Pair<'_>, is_resource: bool, path: &str, outcome: &mut Outcome) {
    if pair.value.is_null() {
        return;
    }
    let unchanged = match pair.old {
        Some(old) => old == pair.value,
        None => pair.unchanged,
    };
    let pair = Pair { unchanged, ..pair };
    if !schema.rules.is_empty() {
        judge(schema, pair, is_resource, path, outcome);
    }
    match pair.value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = match (schema.properties.contains_key(name), path) {
                    (true, "") => name.clone(),
                    (true, path) => format!("{path}.{name}"),
                    (false, path) => format!("{path}[{name}]"),
                };
                if let Some(inner) = schema.field(name) {
                    let old = pair.old.and_then(|old| old.get(name));
                    let pair = Pair {
                        value,
                        old,
                        unchanged,
                    };
                    visit(inner, pair, inner.embedded, &at, outcome);
                }
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                let Some(inner) = &schema.items else { break };
                let old = pair.old.and_then(|old| correlated(schema, old, value));
                let pair = Pair {
                    value,
                    old,
                    unchanged,
                };
                visit(
                    inner,
                    pair,
                    inner.embedded,
                    &format!("{path}[{index}]"),
                    outcome,
                );
            }
        }
        _ => {}
    }
}

fn judge(schema: &Schema, pair: Pair<'_>, is_resource: bool, path: &str, outcome: &mut Outcome) {
    let own = to_cel(pair.value, Some(schema), is_resource);
    let before = pair
        .old
        .filter(|old| !old.is_null())
        .map(|old| to_cel(old, Some(schema), is_resource));
    let kind = schema.kind.map_or("", super::schema::Type::name);
    let place = if path.is_empty() { "<nil>" } else { path };
    for rule in &schema.rules {
        let old = match (&before, rule.optional_old) {
            (None, false) if rule.uses_old => continue,
            (before, true) => Some(match before {
                Some(before) => cel::Value::some(before.clone()),
                None => cel::Value::Optional(None),
            }),
            (before, false) => before.clone(),
        };
        let why = match rule.program.run(&own, old.as_ref()) {
            Ok(cel::Value::Bool(true)) => continue,
            Ok(_) => {
                let fault = broken(rule, schema, pair.value, path, &own, old.as_ref());
                if !rule.uses_old && pair.unchanged {
                    outcome.warnings.push(fault.message());
                } else {
                    outcome.faults.push(fault);
                }
                continue;
            }
            Err(why) if why.starts_with("no such overload") => format!(
                "'{why}': call arguments did not match a supported operator, function or macro signature for rule: {}",
                rule.name()
            ),
            Err(why) if why == cel::EXCEEDED => format!(
                "'{why}': no further validation rules will be run due to call cost exceeds limit for rule: {}",
                rule.name()
            ),
            Err(why) => format!("{why} evaluating rule: {}", rule.name()),
        };
        outcome.faults.push(FieldError::invalid(place, kind, why));
    }
}

fn broken(
    rule: &Rule,
    schema: &Schema,
    value: &Value,
    path: &str,
    own: &cel::Value,
    old: Option<&cel::Value>,
) -> FieldError {
    let detail = rule.detail(own, old);
    let path = match (path, rule.field_path.as_str()) {
        ("", "") => "<nil>".to_owned(),
        ("", field) => field.to_owned(),
        (path, "") => path.to_owned(),
        (path, field) => format!("{path}.{field}"),
    };
    let whole = matches!(
        schema.kind,
        Some(super::schema::Type::Object | super::schema::Type::Array)
    );
    match rule.reason.as_str() {
        "FieldValueForbidden" => FieldError::forbidden(path, &detail),
        "FieldValueRequired" => FieldError::required(path, &detail),
        "FieldValueDuplicate" if whole => FieldError::duplicate_whole(path),
        "FieldValueDuplicate" => FieldError::duplicate(path, value.clone()),
        _ if whole => FieldError::invalid_whole(path, &detail),
        _ => FieldError::invalid(path, value.clone(), detail),
    }
}

/// Whether elements of a list can be told from those before: transition rules need that.
pub(crate) fn is_correlatable(schema: &Schema) -> bool {
    matches!(schema.list, ListType::Map(_))
}
