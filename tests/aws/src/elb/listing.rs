//! What all `Describe…` of ELBv2 share: ARNs, pages, and what is said of things not there.

use serde_json::{Map as Json, Value};

use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::pages::page;
use crate::parameters::Parameters;

/// Most items of a page.
const MOST: usize = 400;

/// Refuses what is no ARN of this kind: `loadbalancer`, `targetgroup` or `listener`.
pub(super) fn check_arn(arn: &str, kind: &str) -> Result<(), Refusal> {
    let mut parts = arn.splitn(6, ':');
    let is = parts.next() == Some("arn")
        && parts.nth(1) == Some("elasticloadbalancing")
        && parts
            .nth(2)
            .is_some_and(|it| it.split('/').next() == Some(kind));
    let noun = noun(kind);
    is.then_some(())
        .ok_or_else(|| Refusal::validation(format!("'{arn}' is not a valid {noun} ARN")))
}

fn noun(kind: &str) -> &str {
    match kind {
        "loadbalancer" => "load balancer",
        "targetgroup" => "target group",
        other => other,
    }
}

/// What ELBv2 says if a thing of this kind is not there.
pub(super) fn not_found(kind: &str) -> Refusal {
    let code = match kind {
        "loadbalancer" => "LoadBalancerNotFound",
        "targetgroup" => "TargetGroupNotFound",
        _ => "ListenerNotFound",
    };
    Refusal::new(code, format!("One or more {}s not found", noun(kind)))
}

/// Writes the page that is asked for.
pub(super) fn answer<T>(
    parameters: &Parameters,
    set: &str,
    items: Vec<(String, T)>,
    show: impl Fn(T) -> Value,
) -> Answer {
    let size = parameters.number("PageSize")?.unwrap_or(MOST);
    if !(1..=MOST).contains(&size) {
        return Err(Refusal::validation("Page size must be between 1 and 400"));
    }
    let marker = parameters.get("Marker").filter(|it| !it.is_empty());
    let page = page(items, size, marker).map_err(|_| Refusal::validation("Invalid marker"))?;
    let mut answer = Json::new();
    let list = page.items.into_iter().map(show).collect();
    answer.insert(set.to_owned(), Value::Array(list));
    answer.insert("NextMarker".to_owned(), page.next.into());
    Ok(Value::Object(answer))
}

/// Refuses a name that AWS would not take.
pub(super) fn check_name(name: &str, noun: &str) -> Result<(), Refusal> {
    let fine = |it: char| it.is_ascii_alphanumeric() || it == '-';
    let text = if name.len() > 32 {
        format!("{noun} name '{name}' cannot be longer than '32' characters")
    } else if name.is_empty() || !name.chars().all(fine) {
        format!(
            "{noun} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        )
    } else if name.starts_with('-') || name.ends_with('-') {
        format!("{noun} name '{name}' cannot begin or end with '-'")
    } else if name.starts_with("internal-") {
        format!("{noun} name '{name}' cannot begin with 'internal-'")
    } else {
        return Ok(());
    };
    Err(Refusal::validation(text))
}

/// The tags that a request gives, checked.
pub(super) fn tags(parameters: &Parameters) -> Result<Map, Refusal> {
    let (tags, twice) = parameters.pairs("Tags");
    if twice {
        let text = "Duplicate tag keys are not allowed";
        return Err(Refusal::new("DuplicateTagKeys", text));
    }
    check_tags(&tags)?;
    Ok(tags)
}

/// What ELBv2 allows of the tags of one thing.
pub(super) fn check_tags(tags: &Map) -> Result<(), Refusal> {
    let signs = " _.:/=+-@";
    let fine = |text: &str| {
        text.chars()
            .all(|it| it.is_alphanumeric() || signs.contains(it))
    };
    for (key, value) in tags {
        let text = if key.starts_with("aws:") {
            format!("Tag key '{key}' begins with 'aws:', which is reserved")
        } else if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            format!("Tag '{key}' is longer than 128 letters, or its value than 256")
        } else if !fine(key) || !fine(value) {
            format!(
                "Tag '{key}' or its value has letters other than letters, digits, spaces and +-=._:/@"
            )
        } else {
            continue;
        };
        return Err(Refusal::validation(text));
    }
    if tags.len() > 50 {
        let text = "The maximum number of tags has been reached: 50";
        return Err(Refusal::new("TooManyTags", text));
    }
    Ok(())
}
