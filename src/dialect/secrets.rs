//! Masks the credentials that COPY and UNLOAD may carry, for whatever is kept or shown of a text.
//! What is run or sent is never changed.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// A word that names a secret, and the string behind it (copy-parameters-authorization).
static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b((?:credentials|access_key_id|secret_access_key|session_token|token|master_symmetric_key|password)(?:\s+as)?\s+)'(?:[^']|'')*'",
    )
    .ok()
});

/// The text with every secret masked.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    match SECRET.as_ref() {
        Some(secret) => secret.replace_all(text, "$1'***'"),
        None => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        for (text, masked) in [
            (
                "copy t from 's3://b' CREDENTIALS 'aws_access_key_id=A;aws_secret_access_key=B' csv",
                "copy t from 's3://b' CREDENTIALS '***' csv",
            ),
            (
                "unload ('select ''a''') to 's3://b' access_key_id as 'A' secret_access_key 'it''s'",
                "unload ('select ''a''') to 's3://b' access_key_id as '***' secret_access_key '***'",
            ),
            ("copy t from 's3://b' iam_role default", "copy t from 's3://b' iam_role default"),
            ("select token, 'x' from t", "select token, 'x' from t"),
        ] {
            assert_eq!(without_secrets(text), masked);
        }
    }
}
