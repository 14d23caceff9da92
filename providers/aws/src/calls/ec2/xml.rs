//! How EC2 answers: trees of elements without attributes, in a namespace that does not
//! matter. Knows elements, not what they mean.

use std::str::FromStr;

use roxmltree::{Document, Node};

use crate::calls::Tags;

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Xml(#[from] roxmltree::Error),
    #[error("<{inside}> has no <{name}>")]
    Missing { inside: String, name: String },
    #[error("<{name}> is {text:?}")]
    Wrong { name: String, text: String },
}

/// Elements, found by name.
pub(super) trait Element<'a>: Sized {
    /// The first element inside with this name.
    fn inside(self, name: &str) -> Option<Self>;
    /// Elements that make a set: `<set><item/><item/></set>`.
    fn items(self, set: &str) -> impl Iterator<Item = Self>;
    /// The text of the element inside with this name; `None` if it is empty or not there.
    fn text_of(self, name: &str) -> Option<&'a str>;
    /// The same as a value of ours, empty if it is not there.
    fn string_of(self, name: &str) -> String;
    /// The same, if there must be one.
    fn required(self, name: &str) -> Result<String, Unreadable>;
    /// The same, as a number or another thing that is written so.
    fn parsed<T: FromStr>(self, name: &str) -> Result<Option<T>, Unreadable>;
    /// Tags in `<tagSet>`.
    fn tags(self) -> Tags;
}

impl<'a> Element<'a> for Node<'a, '_> {
    fn inside(self, name: &str) -> Option<Self> {
        self.children().find(|it| it.tag_name().name() == name)
    }

    fn items(self, set: &str) -> impl Iterator<Item = Self> {
        let set = self.inside(set);
        let all = set.into_iter().flat_map(|it| it.children());
        all.filter(|it| it.tag_name().name() == "item")
    }

    fn text_of(self, name: &str) -> Option<&'a str> {
        let text = self.inside(name)?.text()?.trim();
        (!text.is_empty()).then_some(text)
    }

    fn string_of(self, name: &str) -> String {
        self.text_of(name).unwrap_or_default().to_owned()
    }

    fn required(self, name: &str) -> Result<String, Unreadable> {
        let text = self.text_of(name).map(str::to_owned);
        text.ok_or_else(|| Unreadable::Missing {
            inside: self.tag_name().name().to_owned(),
            name: name.to_owned(),
        })
    }

    fn parsed<T: FromStr>(self, name: &str) -> Result<Option<T>, Unreadable> {
        let Some(text) = self.text_of(name) else {
            return Ok(None);
        };
        let parsed = text.parse().map_err(|_: T::Err| Unreadable::Wrong {
            name: name.to_owned(),
            text: text.to_owned(),
        });
        parsed.map(Some)
    }

    fn tags(self) -> Tags {
        let pair = |it: Self| Some((it.text_of("key")?.to_owned(), it.string_of("value")));
        self.items("tagSet").filter_map(pair).collect()
    }
}

/// What is read in a document.
pub(super) fn document<T>(
    text: &str,
    read: impl Fn(Node<'_, '_>) -> Result<T, Unreadable>,
) -> Result<T, Unreadable> {
    read(Document::parse(text)?.root_element())
}

/// What AWS says when it refuses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
}

/// Reads `<Response><Errors><Error>…`.
#[expect(clippy::unnecessary_wraps, reason = "`document` takes what may fail")]
pub(super) fn error(root: Node<'_, '_>) -> Result<Said, Unreadable> {
    let error = root.inside("Errors").and_then(|it| it.inside("Error"));
    let text = |name| error.map(|it| it.string_of(name)).unwrap_or_default();
    Ok(Said {
        code: text("Code"),
        message: text("Message"),
        request_id: root.text_of("RequestID").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read() {
        let text = "<?xml version=\"1.0\"?><Response><Errors><Error>\
            <Code>InvalidGroup.NotFound</Code><Message>It&apos;s gone</Message></Error></Errors>\
            <RequestID>r-1</RequestID></Response>";
        let said = Said {
            code: "InvalidGroup.NotFound".into(),
            message: "It's gone".into(),
            request_id: Some("r-1".into()),
        };
        assert_eq!(document(text, error).unwrap(), said);
        assert_eq!(document("<r/>", error).unwrap(), Said::default());
    }

    #[test]
    fn what_is_no_xml_is_said_so() {
        let error = document("<html>Bad gateway", |_| Ok(())).unwrap_err();
        assert!(matches!(error, Unreadable::Xml(_)), "{error}");
        let error = document("<a><b>x</b></a>", |it| it.parsed::<u32>("b")).unwrap_err();
        assert_eq!(error.to_string(), "<b> is \"x\"");
        let error = document("<a><b/></a>", |it| it.required("b")).unwrap_err();
        assert_eq!(error.to_string(), "<a> has no <b>");
    }
}
