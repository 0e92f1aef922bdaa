//! `SET name TO value`: what has no effect here passes, what would change an answer is refused.
//! It sets nothing.

use crate::error::{Error, Result};

/// A setting that changes what statements mean.
struct Setting {
    name: &'static str,
    /// The values, in lower case, that mean what the engine does anyway.
    kept: &'static [&'static str],
    /// The page of the manual.
    page: &'static str,
    fix: &'static str,
}

const SETTINGS: &[Setting] = &[
    Setting {
        name: "enable_case_sensitive_identifier",
        kept: &["false", "off"],
        page: "r_enable_case_sensitive_identifier",
        fix: "name things in lower case",
    },
    Setting {
        name: "error_on_nondeterministic_update",
        kept: &["false", "off"],
        page: "r_error_on_nondeterministic_update",
        fix: "join a subquery with one row for each target row",
    },
    Setting {
        name: "search_path",
        kept: &["public", "$user, public", "'$user', public", "\"$user\", public", "default"],
        page: "r_search_path",
        fix: "write the schema before each table",
    },
    Setting {
        name: "timezone",
        kept: &["utc", "gmt", "default"],
        page: "r_timezone_config",
        fix: "use CONVERT_TIMEZONE",
    },
    Setting {
        name: "datestyle",
        kept: &["iso", "iso, mdy", "iso,mdy", "default"],
        page: "r_datestyle",
        fix: "use TO_DATE with a format",
    },
];

/// Refuses a setting that would make statements mean something else than they do here.
///
/// `value` is `None` for RESET.
pub fn check(name: &str, value: Option<&str>) -> Result<()> {
    let name = name.to_lowercase();
    let (Some(setting), Some(value)) = (SETTINGS.iter().find(|s| s.name == name), value) else {
        return Ok(());
    };
    let plain = value.trim().trim_matches('\'').to_lowercase();
    if setting.kept.contains(&plain.as_str()) {
        return Ok(());
    }
    Err(Error::failed(
        "sql/unsupported-locally",
        format!("SET {name} TO {value} is not supported locally"),
    )
    .hint(format!("{} (manual page {})", setting.fix, setting.page)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_answers_is_refused_and_the_rest_passes() {
        for (name, value) in [
            ("search_path", "store"),
            ("TimeZone", "'America/New_York'"),
            ("enable_case_sensitive_identifier", "true"),
            ("error_on_nondeterministic_update", "on"),
        ] {
            assert!(check(name, Some(value)).is_err(), "{name} {value}");
        }
        for (name, value) in
            [("query_group", Some("'x'")), ("timezone", Some("'UTC'")), ("search_path", None)]
        {
            assert!(check(name, value).is_ok(), "{name}");
        }
    }
}
