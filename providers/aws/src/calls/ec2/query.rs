//! How EC2 is asked: parameters in a form, one request or page after page.

use std::fmt::{Display, Write};

use roxmltree::Node;

use super::xml::{self, Element, Unreadable};
use crate::calls::actions::Action;
use crate::calls::refusal::Failure;
use crate::calls::signed::{Answer, Service};
use crate::calls::{Calls, Priority, Result, TagFilter, Tags};

/// Values that one filter may have.
pub(super) const MAX_VALUES: usize = 200;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Parameters of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Params {
    pairs: Vec<(String, String)>,
    filters: usize,
}

impl Params {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn with(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.pairs.push((name.into(), value.to_string()));
        self
    }

    /// `Name.1`, `Name.2`, …
    pub(super) fn list(self, name: &str, values: &[String]) -> Self {
        let numbered = (1..).zip(values);
        numbered.fold(self, |it, (place, value)| {
            it.with(format!("{name}.{place}"), value)
        })
    }

    /// What is asked for must have one of these values.
    pub(super) fn filter<V: AsRef<str>>(mut self, name: &str, values: &[V]) -> Self {
        self.filters += 1;
        let filter = format!("Filter.{}", self.filters);
        let named = self.with(format!("{filter}.Name"), name);
        (1..).zip(values).fold(named, |it, (place, value)| {
            it.with(format!("{filter}.Value.{place}"), value.as_ref())
        })
    }

    /// What is asked for must pass all of these.
    pub(super) fn tagged(self, filters: &[TagFilter<'_>]) -> Self {
        filters.iter().fold(self, |it, (key, value)| match value {
            Some(value) => it.filter(&format!("tag:{key}"), &[value]),
            None => it.filter("tag-key", &[key]),
        })
    }

    /// Tags of what is made.
    pub(super) fn tagging(self, kind: &str, tags: &Tags) -> Self {
        if tags.is_empty() {
            return self;
        }
        let specification = "TagSpecification.1";
        let it = self.with(format!("{specification}.ResourceType"), kind);
        (1..).zip(tags).fold(it, |it, (place, (key, value))| {
            it.with(format!("{specification}.Tag.{place}.Key"), key)
                .with(format!("{specification}.Tag.{place}.Value"), value)
        })
    }

    /// As a form.
    fn body(&self, operation: &str, version: &str) -> String {
        let mut body = format!("Action={operation}&Version={version}");
        for (name, value) in &self.pairs {
            body.push('&');
            encode(name, &mut body);
            body.push('=');
            encode(value, &mut body);
        }
        body
    }
}

fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                into.push(char::from(byte));
            }
            _ => write!(into, "%{byte:02X}").expect("a string takes all that is written"),
        }
    }
}

impl Calls {
    /// One request to EC2, and what is read in its answer.
    pub(super) async fn ec2<T: Send>(
        &self,
        action: &'static Action,
        priority: Priority,
        on: &str,
        params: &Params,
        read: impl Fn(Node<'_, '_>) -> std::result::Result<T, Unreadable> + Send + Sync,
    ) -> Result<T> {
        let body = params.body(action.operation(), "2016-11-15");
        let (body, read) = (&body, &read);
        self.call(action, priority, on, || async move {
            let signer = &self.0.signer;
            let answer = signer.post(Service::Ec2, &[FORM], body.clone()).await?;
            match answer.status {
                200..300 => xml::document(&answer.body, read).map_err(|error| Failure::Lost {
                    sent: true,
                    message: format!("the answer makes no sense: {error}"),
                }),
                _ => Err(refused(answer)),
            }
        })
        .await
    }

    /// All pages of an answer of EC2: the items of `set` in each.
    pub(super) async fn ec2_pages<T: Send>(
        &self,
        action: &'static Action,
        priority: Priority,
        params: Params,
        set: &str,
        read: impl Fn(Node<'_, '_>) -> std::result::Result<T, Unreadable> + Send + Sync,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = match &token {
                Some(token) => params.clone().with("NextToken", token),
                None => params.clone(),
            };
            let items = |root: Node<'_, '_>| {
                let items: std::result::Result<Vec<T>, _> = root.items(set).map(&read).collect();
                Ok((items?, root.text_of("nextToken").map(str::to_owned)))
            };
            let (items, next) = self.ec2(action, priority, "", &page, items).await?;
            all.extend(items);
            // The same token twice would go on for ever.
            if next.is_none() || next == token {
                return Ok(all);
            }
            token = next;
        }
    }

    /// As [`Self::ec2_pages`], for what has one of these values in a filter. What nobody has is
    /// left out of the answer, where asking by id would refuse the whole question.
    pub(super) async fn ec2_having<T: Send, V: AsRef<str> + Sync>(
        &self,
        action: &'static Action,
        priority: Priority,
        params: Params,
        (filter, values): (&str, &[V]),
        set: &str,
        read: impl Fn(Node<'_, '_>) -> std::result::Result<T, Unreadable> + Send + Sync,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for values in values.chunks(MAX_VALUES) {
            let params = params.clone().filter(filter, values);
            all.extend(self.ec2_pages(action, priority, params, set, &read).await?);
        }
        Ok(all)
    }
}

fn refused(answer: Answer) -> Failure {
    let said = xml::document(&answer.body, xml::error).unwrap_or_default();
    Failure::Answered {
        status: answer.status,
        code: said.code,
        message: said.message,
        request_id: said.request_id.or(answer.request_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_and_encoded() {
        let tags = Tags::from([("landfall.dev/a b".to_owned(), "é".to_owned())]);
        let params = Params::new()
            .with("GroupName", "a+b")
            .list("GroupId", &["sg-1".to_owned(), "sg-2".to_owned()])
            .filter("vpc-id", &["vpc-1"])
            .tagged(&[("k", Some("v")), ("only", None)])
            .tagging("security-group", &tags);
        assert_eq!(
            params.body("Describe", "1"),
            "Action=Describe&Version=1&GroupName=a%2Bb&GroupId.1=sg-1&GroupId.2=sg-2\
             &Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1\
             &Filter.2.Name=tag%3Ak&Filter.2.Value.1=v\
             &Filter.3.Name=tag-key&Filter.3.Value.1=only\
             &TagSpecification.1.ResourceType=security-group\
             &TagSpecification.1.Tag.1.Key=landfall.dev%2Fa%20b\
             &TagSpecification.1.Tag.1.Value=%C3%A9"
        );
    }
}
