//! Resource Groups Tagging: what has tags, as it was a while ago. It lists nothing untagged, and
//! knows nothing of a resource but its ARN and tags.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::pages::page;
use crate::request::Request;

/// The index behind `GetResources`, and what it has not taken in yet.
#[derive(Debug, Default)]
pub(crate) struct Tagging {
    shown: BTreeMap<String, Map>,
    coming: VecDeque<(Duration, String, Option<Map>)>,
}

impl Tagging {
    /// A resource has these tags from now on; `None`: it is gone.
    pub(crate) fn note(&mut self, arn: &str, tags: Option<Map>, now: Duration) {
        self.coming.push_back((now, arn.to_owned(), tags));
    }

    /// Takes in what is older than the delay.
    pub(crate) fn settle(&mut self, delay: Duration, now: Duration) {
        while let Some((_, arn, tags)) = self
            .coming
            .pop_front_if(|(when, _, _)| *when + delay <= now)
        {
            match tags.filter(|it| !it.is_empty()) {
                Some(tags) => self.shown.insert(arn, tags),
                None => self.shown.remove(&arn),
            };
        }
    }
}

/// The fields of `GetResources` that are heeded.
const FIELDS: &[&str] = &[
    "PaginationToken",
    "ResourceTypeFilters",
    "ResourcesPerPage",
    "TagFilters",
];

pub(crate) fn handle(tagging: &Tagging, request: &Request) -> Answer {
    if request.action != "GetResources" {
        return Err(Refusal::new(
            "UnknownOperationException",
            request.action.clone(),
        ));
    }
    let json = &request.json;
    let fields = json.as_object().into_iter().flatten();
    // AWS would pass over it, and list too much.
    if let Some((name, _)) = fields
        .into_iter()
        .find(|it| !FIELDS.contains(&it.0.as_str()))
    {
        return Err(invalid(&format!("{name} is no field of GetResources here")));
    }
    let kinds = strings(&json["ResourceTypeFilters"]);
    let filters = filters(&json["TagFilters"])?;
    let size = json["ResourcesPerPage"].as_u64().unwrap_or(50);
    if !(1..=100).contains(&size) {
        return Err(invalid("ResourcesPerPage must be between 1 and 100"));
    }
    if kinds.len() > 100 {
        return Err(invalid("ResourceTypeFilters has more than 100 members"));
    }
    let token = json["PaginationToken"].as_str().filter(|it| !it.is_empty());
    let found = tagging.shown.iter();
    let found = found.filter(|(arn, tags)| {
        (kinds.is_empty() || kinds.iter().any(|it| is_of(arn, it)))
            && filters.iter().all(|(key, values)| {
                tags.get(key)
                    .is_some_and(|it| values.is_empty() || values.contains(it))
            })
    });
    let found = found
        .map(|(arn, tags)| (arn.clone(), (arn, tags)))
        .collect();
    let size = usize::try_from(size).expect("at most 100");
    let page = page(found, size, token).map_err(|_| {
        Refusal::new(
            "PaginationTokenExpiredException",
            "The token is none that was given",
        )
    })?;
    let list: Vec<_> = page
        .items
        .iter()
        .map(|(arn, tags)| shown(arn, tags))
        .collect();
    Ok(json!({
        "PaginationToken": page.next.unwrap_or_default(),
        "ResourceTagMappingList": list,
    }))
}

fn shown(arn: &str, tags: &Map) -> Value {
    let tags = tags.iter();
    let tags: Vec<_> = tags
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    json!({"ResourceARN": arn, "Tags": tags})
}

fn invalid(text: &str) -> Refusal {
    Refusal::new("InvalidParameterException", text)
}

/// Keys, each with the values of which a tag must have one; any if there are none.
fn filters(given: &Value) -> Result<Vec<(String, Vec<String>)>, Refusal> {
    let given = given.as_array().map(Vec::as_slice).unwrap_or_default();
    if given.len() > 50 {
        return Err(invalid("TagFilters has more than 50 members"));
    }
    let filters = given.iter().map(|it| {
        let key = it["Key"]
            .as_str()
            .ok_or_else(|| invalid("A TagFilter needs a Key"))?;
        let values = strings(&it["Values"]);
        if values.len() > 20 {
            return Err(invalid("A TagFilter has more than 20 values"));
        }
        Ok((key.to_owned(), values))
    });
    filters.collect()
}

fn strings(given: &Value) -> Vec<String> {
    let given = given.as_array().into_iter().flatten();
    given
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

/// Whether an ARN is of a type, as `ec2`, `elasticloadbalancing:loadbalancer` or
/// `elasticloadbalancing:loadbalancer/net`.
fn is_of(arn: &str, kind: &str) -> bool {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next().unwrap_or_default();
    let resource = parts.nth(2).unwrap_or_default();
    match kind.split_once(':') {
        None => kind == service,
        Some((wanted, named)) => {
            let inside = resource.strip_prefix(named);
            wanted == service && inside.is_some_and(|it| it.is_empty() || it.starts_with('/'))
        }
    }
}
