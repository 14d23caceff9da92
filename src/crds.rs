//! `landfall crds`: the definitions of the custom resources.

use landfall_process::{Failure, say};

/// Prints them as YAML documents, the same at every run.
pub(crate) fn print() -> Result<(), Failure> {
    for definition in landfall_bare_metal_resources::crds() {
        let text = serde_saphyr::to_string(&definition).map_err(Failure::run)?;
        say(format_args!("---\n{}", text.trim_end()))?;
    }
    Ok(())
}
