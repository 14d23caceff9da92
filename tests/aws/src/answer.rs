//! Answers: a value or a refusal, and how each service writes them. It decides nothing.

use serde_json::Value;

use crate::request::Service;

/// What an action gives: a value whose arrays become lists and whose nulls are left out.
pub(crate) type Answer = Result<Value, Refusal>;

/// An error that AWS answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// AWS's code, as `LoadBalancerNotFound`.
    pub(crate) code: String,
    /// The sentence beside it.
    pub(crate) message: String,
    /// HTTP status.
    pub(crate) status: u16,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self::with(400, code, message)
    }

    pub(crate) fn with(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            status,
        }
    }

    /// What ELBv2 says of a parameter out of its range.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }

    /// What ELBv2 says of parameters that do not go together.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new("InvalidConfigurationRequest", message)
    }

    /// What EC2 says of a value that it cannot use.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }
}

/// The body that carries an answer.
pub(crate) fn body(service: Service, action: &str, answer: &Answer, id: &str) -> String {
    match (service, answer) {
        (Service::Tagging, Ok(value)) => value.to_string(),
        (Service::Tagging, Err(refusal)) => {
            serde_json::json!({"__type": refusal.code, "message": refusal.message}).to_string()
        }
        (Service::Ec2, Ok(value)) => {
            let mut text = String::new();
            write(&mut text, "requestId", &Value::from(id), "item");
            inside(&mut text, value, "item");
            format!("{HEAD}<{action}Response xmlns=\"{EC2}\">{text}</{action}Response>")
        }
        (Service::Ec2, Err(refusal)) => {
            let (code, message) = (escape(&refusal.code), escape(&refusal.message));
            format!(
                "{HEAD}<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>\
                 </Error></Errors><RequestID>{id}</RequestID></Response>"
            )
        }
        (Service::Elb | Service::Sts, Ok(value)) => {
            let mut text = String::new();
            write(&mut text, &format!("{action}Result"), value, "member");
            let space = space(service);
            format!(
                "{HEAD}<{action}Response xmlns=\"{space}\">{text}<ResponseMetadata><RequestId>{id}\
                 </RequestId></ResponseMetadata></{action}Response>"
            )
        }
        (Service::Elb | Service::Sts, Err(refusal)) => {
            let (code, message) = (escape(&refusal.code), escape(&refusal.message));
            let space = space(service);
            let side = if refusal.status < 500 {
                "Sender"
            } else {
                "Receiver"
            };
            format!(
                "{HEAD}<ErrorResponse xmlns=\"{space}\"><Error><Type>{side}</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
            )
        }
    }
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

fn space(service: Service) -> &'static str {
    match service {
        Service::Elb => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        Service::Ec2 => EC2,
        Service::Tagging => "",
    }
}

fn write(text: &mut String, name: &str, value: &Value, item: &str) {
    if value.is_null() {
        return;
    }
    for part in ["<", name, ">"] {
        text.push_str(part);
    }
    inside(text, value, item);
    for part in ["</", name, ">"] {
        text.push_str(part);
    }
}

fn inside(text: &mut String, value: &Value, item: &str) {
    match value {
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => *text += &value.to_string(),
        Value::String(it) => *text += &escape(it),
        Value::Array(list) => list.iter().for_each(|it| write(text, item, it, item)),
        Value::Object(fields) => {
            for (name, value) in fields {
                write(text, name, value, item);
            }
        }
    }
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            // XML 1.0 has no way to say these.
            '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' => safe.push('\u{fffd}'),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_written_with_lists_and_without_nulls() {
        let answer = Ok(json!({"Names": ["a<b", "c"], "None": null, "On": true}));
        let text = body(Service::Elb, "Do", &answer, "1");
        assert!(text.contains(
            "<DoResult><Names><member>a&lt;b</member><member>c</member></Names><On>true</On></DoResult>"
        ));
    }
}
