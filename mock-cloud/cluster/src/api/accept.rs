//! What a client can read: plain JSON, a Table (kubectl's lists), or metadata alone.

use crate::answer::ApiError;

/// How objects are written into a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As they are.
    Json,
    /// `meta.k8s.io/v1 Table`.
    Table,
    /// `meta.k8s.io/v1 PartialObjectMetadata`.
    Metadata,
}

impl Format {
    /// The first acceptable entry of an Accept header. Protobuf and CBOR are passed over.
    pub(super) fn negotiate(accept: &str) -> Result<Self, ApiError> {
        if accept.trim().is_empty() {
            return Ok(Self::Json);
        }
        accept
            .split(',')
            .find_map(Self::entry)
            .ok_or_else(ApiError::not_acceptable)
    }

    fn entry(entry: &str) -> Option<Self> {
        let mut parts = entry.split(';').map(str::trim);
        let media = parts.next()?;
        if !matches!(media, "application/json" | "*/*" | "application/*") {
            return None;
        }
        let mut parameters = parts.filter_map(|part| part.split_once('='));
        let all: Vec<(&str, &str)> = parameters.by_ref().collect();
        let get = |name: &str| {
            all.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| *value)
        };
        match get("as") {
            None => Some(Self::Json),
            Some(_) if get("v").is_some_and(|version| version != "v1") => None,
            Some("Table") => Some(Self::Table),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Some(Self::Metadata),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn the_first_acceptable_entry_wins() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        let metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        for (accept, format) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Format::Json,
            ),
            (table, Format::Table),
            (
                "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Format::Json,
            ),
            (metadata, Format::Metadata),
        ] {
            assert_eq!(Format::negotiate(accept).unwrap(), format, "{accept}");
        }
        let only = Format::negotiate("application/vnd.kubernetes.protobuf").unwrap_err();
        assert_eq!(only.code, 406);
    }
}
