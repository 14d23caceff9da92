//! Files that flags name.

use std::path::Path;

use crate::Failure;

/// Reads a bearer token (RFC 6750 §2.1) from a file: one line; white space around it is dropped.
/// `flag` is what the message names when the file is of no use.
pub fn read_token(flag: &str, path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{flag} {shown}: cannot be read: {error}")))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(Failure::usage(format!(
            "{flag} {shown}: is empty; write the token into it"
        )));
    }
    if token.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(Failure::usage(format!(
            "{flag} {shown}: a token is one line of visible ASCII characters"
        )));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, text).unwrap();
        read_token("--token-file", &path).map_err(|failure| {
            assert!(matches!(failure, Failure::Usage(_)));
            failure.to_string()
        })
    }

    #[test]
    fn a_token_is_one_line() {
        assert_eq!(read("s3cret\n").unwrap(), "s3cret");
        assert!(read("\n").unwrap_err().contains("is empty"));
        assert!(read("two\nlines\n").unwrap_err().contains("one line"));
        assert!(read("blank inside").unwrap_err().contains("one line"));
    }

    #[test]
    fn a_missing_file_is_named_with_its_flag() {
        let failure = read_token("--token-file", Path::new("/nowhere/token")).unwrap_err();
        assert!(
            failure
                .to_string()
                .starts_with("--token-file /nowhere/token: ")
        );
    }
}
