//! The syntax of names: DNS labels and subdomains, qualified names, label values, and the
//! sentences with which the API server explains them. Pure functions over strings.

/// What is wrong with a DNS-1123 label.
pub(crate) const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
/// What is wrong with a DNS-1123 subdomain.
pub(crate) const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const OLD_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";

fn dns_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
}

fn name_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// RFC 1123 label: what is wrong, if anything.
pub(crate) fn label_fault(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be no more than 63 bytes".to_owned());
    }
    (!dns_characters(text)).then(|| LABEL.to_owned())
}

/// RFC 1123 subdomain; its labels have no length limit of their own in Kubernetes.
pub(crate) fn subdomain_fault(text: &str) -> Option<String> {
    if text.len() > 253 {
        return Some("must be no more than 253 bytes".to_owned());
    }
    (!text.split('.').all(dns_characters)).then(|| SUBDOMAIN.to_owned())
}

/// RFC 1035 label, as names of resources and versions are.
pub(crate) fn old_label_fault(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be no more than 63 bytes".to_owned());
    }
    let letter = text
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_lowercase());
    (!letter || !dns_characters(text)).then(|| OLD_LABEL.to_owned())
}

/// Qualified name: `[prefix/]name`, as label keys and load-balancer classes.
pub(crate) fn qualified_fault(text: &str) -> Option<String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if name.contains('/') {
        return Some(QUALIFIED.to_owned());
    }
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            return Some("prefix part must be non-empty".to_owned());
        }
        if let Some(fault) = subdomain_fault(prefix) {
            return Some(format!("prefix part {fault}"));
        }
    }
    if name.is_empty() {
        return Some("name part must be non-empty".to_owned());
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 bytes".to_owned());
    }
    (!name_characters(name)).then(|| NAME_PART.to_owned())
}

/// Label value.
pub(crate) fn label_value_fault(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be no more than 63 bytes".to_owned());
    }
    (!text.is_empty() && !name_characters(text)).then(|| LABEL_VALUE.to_owned())
}

/// Port name (IANA service name, RFC 6335 §5.1).
pub(crate) fn port_name_fault(text: &str) -> Option<String> {
    if text.len() > 15 {
        return Some("must be no more than 15 characters".to_owned());
    }
    if !dns_characters(text) {
        return Some(
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        );
    }
    if text.contains("--") {
        return Some("must not contain consecutive hyphens".to_owned());
    }
    (!text.bytes().any(|byte| byte.is_ascii_lowercase()))
        .then(|| "must contain at least one letter (a-z)".to_owned())
}

/// Five characters that cannot spell a word, as `generateName` appends.
pub(crate) fn random_suffix(length: usize) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let random = uuid::Uuid::new_v4();
    random
        .as_bytes()
        .iter()
        .take(length)
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}

/// The name that `generateName` makes: at most 63 characters in all.
pub(crate) fn generate(prefix: &str) -> String {
    let base: String = prefix.chars().take(58).collect();
    base + &random_suffix(5)
}

#[cfg(test)]
mod tests {
    use super::{label_fault, qualified_fault, subdomain_fault};

    #[test]
    fn names() {
        assert!(label_fault("1-web").is_none());
        assert!(label_fault("Web").is_some());
        assert!(subdomain_fault("lb.example.com").is_none());
        assert!(subdomain_fault(&"a".repeat(64)).is_none());
        for bad in [
            "LB.example.com",
            "lb_1.example.com",
            "a.",
            "*.example.com",
            "",
        ] {
            assert!(subdomain_fault(bad).is_some(), "{bad}");
        }
        for good in ["a", "example.com/a", "example.com/A_b.c"] {
            assert!(qualified_fault(good).is_none(), "{good}");
        }
        for bad in ["", "A/b", "example.com/a b", "a/b/c", "/a"] {
            assert!(qualified_fault(bad).is_some(), "{bad}");
        }
    }
}
