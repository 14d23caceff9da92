//! Resources found by their tags, whatever their kind (Resource Groups Tagging API).

use serde::{Deserialize, Serialize};

use super::actions::GET_RESOURCES;
use super::refusal::Failure;
use super::signed::{Answer, Service};
use super::{Arn, Calls, Priority, Result, Tags};

/// What a resource must carry: a tag with this key and, if one is given, this value.
pub(crate) type TagFilter<'a> = (&'a str, Option<&'a str>);

/// A kind of resource, as the tagging API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `elasticloadbalancing:loadbalancer`: of every type
    LoadBalancer,
    /// `elasticloadbalancing:targetgroup`
    TargetGroup,
    /// `elasticloadbalancing:listener`: of every type of load balancer
    Listener,
}

/// A resource and its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tagged {
    /// Its name.
    pub(crate) arn: Arn,
    /// All its tags.
    pub(crate) tags: Tags,
}

impl Calls {
    /// Resources that pass all the filters, of any of these kinds. What was removed may be among
    /// them for a while, and what is new may be missing.
    pub(crate) async fn resources(
        &self,
        priority: Priority,
        filters: &[TagFilter<'_>],
        kinds: &[Kind],
    ) -> Result<Vec<Tagged>> {
        let mut all = Vec::new();
        let mut asked = Asked {
            tag_filters: filters.iter().map(filter).collect(),
            resource_type_filters: kinds.iter().map(|it| it.name()).collect(),
            resources_per_page: 100,
            pagination_token: String::new(),
        };
        loop {
            let page = self.resource_page(priority, &asked).await?;
            all.extend(page.resource_tag_mapping_list.into_iter().map(tagged));
            let next = page.pagination_token.unwrap_or_default();
            // The same token twice would go on for ever.
            if next.is_empty() || next == asked.pagination_token {
                return Ok(all);
            }
            asked.pagination_token = next;
        }
    }
}

impl Calls {
    async fn resource_page(&self, priority: Priority, asked: &Asked<'_>) -> Result<Page> {
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            (
                "x-amz-target",
                "ResourceGroupsTaggingAPI_20170126.GetResources",
            ),
        ];
        self.call(&GET_RESOURCES, priority, "", || async move {
            let body = serde_json::to_string(asked);
            let body = body.map_err(|error| Failure::Unasked(error.to_string()))?;
            let signer = &self.0.signer;
            let answer = signer.post(Service::Tagging, &headers, body).await?;
            match answer.status {
                200..300 => serde_json::from_str(&answer.body).map_err(|error| Failure::Lost {
                    sent: true,
                    message: format!("the answer makes no sense: {error}"),
                }),
                _ => Err(refused(answer)),
            }
        })
        .await
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::LoadBalancer => "elasticloadbalancing:loadbalancer",
            Self::TargetGroup => "elasticloadbalancing:targetgroup",
            Self::Listener => "elasticloadbalancing:listener",
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Asked<'a> {
    tag_filters: Vec<Filter<'a>>,
    resource_type_filters: Vec<&'static str>,
    resources_per_page: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pagination_token: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Filter<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<&'a str>,
}

fn filter<'a>((key, value): &TagFilter<'a>) -> Filter<'a> {
    Filter {
        key,
        values: value.iter().copied().collect(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    pagination_token: Option<String>,
    #[serde(default)]
    resource_tag_mapping_list: Vec<Mapping>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mapping {
    #[serde(rename = "ResourceARN")]
    resource_arn: Arn,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

fn tagged(mapping: Mapping) -> Tagged {
    let tags = mapping.tags.into_iter().map(|tag| (tag.key, tag.value));
    Tagged {
        arn: mapping.resource_arn,
        tags: tags.collect(),
    }
}

/// What the JSON protocol says when it refuses; the type may have a namespace before it.
#[derive(Debug, Default, Deserialize)]
struct Said {
    #[serde(default, rename = "__type")]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

fn refused(answer: Answer) -> Failure {
    let said: Said = serde_json::from_str(&answer.body).unwrap_or_default();
    let code = said.kind.rsplit('#').next().unwrap_or_default();
    Failure::Answered {
        status: answer.status,
        code: code.to_owned(),
        message: said.message,
        request_id: answer.request_id,
    }
}
