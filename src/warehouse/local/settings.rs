//! `SET name TO value`: what has no effect here is kept to be shown, what would change an answer is
//! refused. The search path alone has an effect.

use std::collections::BTreeMap;

use crate::dialect::Prepare;
use crate::error::{Error, Result, nearest};

use super::transaction::PUBLIC;

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
        name: "timezone",
        kept: &["utc", "gmt", "default"],
        page: "r_timezone_config",
        fix: "use CONVERT_TIMEZONE",
    },
    Setting {
        name: "seed",
        kept: &["default"],
        page: "r_RANDOM",
        fix: "leave it out: RANDOM() runs, but not in the sequence Redshift gives for a seed",
    },
    Setting {
        name: "datestyle",
        kept: &["iso", "iso, mdy", "iso,mdy", "default"],
        page: "r_datestyle",
        fix: "use TO_DATE with a format",
    },
];

/// What SHOW says of settings nobody has set (cm_chap_ConfigurationRef).
const DEFAULTS: &[(&str, &str)] = &[
    ("analyze_threshold_percent", "10"),
    ("cast_super_null_on_error", "on"),
    ("datestyle", "ISO, MDY"),
    ("default_geometry_encoding", "1"),
    ("describe_field_name_in_uppercase", "off"),
    ("downcase_delimited_identifier", "on"),
    ("enable_case_sensitive_identifier", "off"),
    ("enable_case_sensitive_super_attribute", "off"),
    ("enable_numeric_rounding", "on"),
    ("enable_result_cache_for_session", "on"),
    ("enable_vacuum_boost", "off"),
    ("error_on_nondeterministic_update", "off"),
    ("extra_float_digits", "0"),
    ("json_serialization_enable", "off"),
    ("json_serialization_parse_nested_strings", "off"),
    ("max_concurrency_scaling_clusters", "1"),
    ("max_cursor_result_set_size", "0"),
    ("mv_enable_aqmv_for_session", "on"),
    ("navigate_super_null_on_error", "on"),
    ("parse_super_null_on_error", "off"),
    ("query_group", "unset"),
    ("search_path", "$user, public"),
    ("spectrum_enable_pseudo_columns", "on"),
    ("statement_timeout", "0"),
    ("stored_proc_log_min_messages", "INFO"),
    ("timezone", "UTC"),
    ("use_fips_ssl", "off"),
    ("wlm_query_slot_count", "1"),
];

/// Settings that SHOW has no default for: of PostgreSQL, which drivers set, and of Redshift.
const OTHERS: &[&str] = &[
    "application_name",
    "auto_analyze",
    "auto_mv",
    "autocommit",
    "client_encoding",
    "client_min_messages",
    "datashare_break_glass_session_var",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "enable_numeric_rounding",
    "enable_result_cache",
    "enable_spectrum_oid",
    "enable_user_activity_logging",
    "intervalstyle",
    "interval_forbid_composite_literals",
    "lock_timeout",
    "max_query_execution_time",
    "pg_federation_repeatable_read",
    "require_ssl",
    "selective_reencode",
    "spectrum_query_maxerror",
    "standard_conforming_strings",
    "transaction_isolation",
    "transaction_read_only",
    "wlm_json_configuration",
];

/// The settings of a session.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The transaction was begun READ ONLY.
    pub read_only: bool,
    set: BTreeMap<String, String>,
    /// As they were when the transaction began, where it is a block.
    before: Option<BTreeMap<String, String>>,
    /// What SET LOCAL hid, which comes back when the transaction ends.
    hidden: BTreeMap<String, Option<String>>,
    /// Only a session may change the search path: the order of files is read off the names in
    /// them, which would then mean something else.
    session: bool,
    /// By name. They last as long as the session.
    pub prepared: BTreeMap<String, Prepare>,
}

impl Settings {
    /// Those of a connection.
    pub fn of_session() -> Settings {
        Settings { session: true, ..Settings::default() }
    }

    /// A transaction block begins; a BEGIN inside one changes nothing.
    pub fn begin(&mut self, read_only: bool) {
        self.read_only = read_only;
        let _ = self.before.get_or_insert_with(|| self.set.clone());
    }

    /// The transaction is committed: what SET LOCAL gave ends with it.
    pub fn end(&mut self) {
        self.read_only = false;
        self.before = None;
        for (name, value) in std::mem::take(&mut self.hidden) {
            match value {
                Some(value) => self.set.insert(name, value),
                None => self.set.remove(&name),
            };
        }
    }

    /// The transaction is rolled back, and its settings with it.
    pub fn undo(&mut self) {
        let before = self.before.take();
        self.end();
        if let Some(before) = before {
            self.set = before;
        }
    }

    /// Takes a value, or for RESET (`None`) forgets it, for RESET ALL every value; `local` until
    /// the transaction ends.
    pub fn set(&mut self, name: &str, value: Option<&str>, local: bool) -> Result<()> {
        let name = name.to_ascii_lowercase();
        if (name.as_str(), value) == ("all", None) {
            self.set.clear();
            self.hidden.clear();
            return Ok(());
        }
        named(&name)?;
        check(&name, value)?;
        if name == "search_path" && !self.session && value.is_some() {
            let own = schemas(value.unwrap_or_default());
            if own != [PUBLIC] {
                return Err(Error::failed(
                    "sql/unsupported-locally",
                    "SET search_path in a file of the project is not supported locally",
                )
                .hint("write the schema before each table (manual page r_search_path)"));
            }
        }
        if local {
            self.hidden.entry(name.clone()).or_insert_with(|| self.set.get(&name).cloned());
        } else {
            self.hidden.remove(&name);
        }
        match value.filter(|v| !v.trim().eq_ignore_ascii_case("default")) {
            Some(value) => {
                let plain = value.trim().trim_matches('\'').replace(" , ", ", ");
                self.set.insert(name, plain)
            }
            None => self.set.remove(&name),
        };
        Ok(())
    }

    /// The value of a setting.
    pub fn show(&self, name: &str) -> Result<String> {
        let name = name.to_ascii_lowercase();
        if let Some(value) = self.set.get(&name) {
            return Ok(value.clone());
        }
        if let Some((_, value)) = DEFAULTS.iter().find(|(known, _)| *known == name) {
            return Ok((*value).to_owned());
        }
        Err(unknown(&name))
    }

    /// Every setting with its value, by name.
    pub fn all(&self) -> Vec<(String, String)> {
        let defaults = DEFAULTS.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let mut all: BTreeMap<String, String> = defaults.collect();
        all.extend(self.set.clone());
        all.into_iter().collect()
    }

    /// The schemas a name without one is looked for in, in order, where it is not `public` alone.
    pub fn path(&self) -> Option<Vec<String>> {
        self.set.get("search_path").map(|v| schemas(v)).filter(|path| *path != [PUBLIC])
    }
}

/// The schemas of a search path; `$user` has none of its own here.
fn schemas(value: &str) -> Vec<String> {
    value
        .split(',')
        .map(|part| part.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
        .filter(|part| !part.is_empty() && part != "$user" && part != "default")
        .collect::<Vec<_>>()
}

/// Refuses a name that is none: a variable of one's own has two parts (r_SET).
fn named(name: &str) -> Result<()> {
    let known = DEFAULTS.iter().any(|(known, _)| *known == name)
        || SETTINGS.iter().any(|setting| setting.name == name)
        || OTHERS.contains(&name);
    match name.split('.').count() {
        1 if !known => Err(unknown(name)),
        1 | 2 => Ok(()),
        _ => Err(Error::failed("sql/setting", format!("\"{name}\" has more than two parts"))
            .hint("a variable of a session is named part.part (r_SET)")),
    }
}

fn unknown(name: &str) -> Error {
    let error =
        Error::failed("sql/setting", format!("unrecognized configuration parameter \"{name}\""));
    match nearest(name, DEFAULTS.iter().map(|(known, _)| *known)) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("a variable of one's own has two parts: my.name (r_SET)"),
    }
}

/// Refuses a setting that would make statements mean something else than they do here.
fn check(name: &str, value: Option<&str>) -> Result<()> {
    let (Some(setting), Some(value)) = (SETTINGS.iter().find(|s| s.name == name), value) else {
        return Ok(());
    };
    let plain = value.trim().trim_matches('\'').to_ascii_lowercase();
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
    fn what_changes_answers_is_refused_and_the_rest_is_kept() {
        let mut settings = Settings::of_session();
        for (name, value) in [
            ("TimeZone", "'America/New_York'"),
            ("enable_case_sensitive_identifier", "true"),
            ("error_on_nondeterministic_update", "on"),
        ] {
            assert!(settings.set(name, Some(value), false).is_err(), "{name} {value}");
        }
        settings.set("query_group", Some("'x'"), false).expect("kept");
        settings.set("timezone", Some("'UTC'"), false).expect("means nothing new");
        assert_eq!(settings.show("Query_Group").expect("set"), "x");
        settings.set("query_group", None, false).expect("reset");
        assert_eq!(settings.show("query_group").expect("a default"), "unset");
        assert!(settings.show("query_grup").is_err());
    }

    #[test]
    fn what_a_transaction_sets_ends_as_it_does() {
        let mut settings = Settings::of_session();
        let group = |settings: &Settings| settings.show("query_group").expect("a setting");
        settings.set("query_group", Some("a"), false).expect("kept");
        // SET LOCAL ends with a COMMIT, SET does not
        settings.begin(false);
        settings.set("query_group", Some("b"), true).expect("kept");
        settings.set("statement_timeout", Some("5"), false).expect("kept");
        assert_eq!(group(&settings), "b");
        settings.end();
        assert_eq!(group(&settings), "a");
        assert_eq!(settings.show("statement_timeout").expect("a setting"), "5");
        // both end with a ROLLBACK
        settings.begin(false);
        settings.set("query_group", Some("c"), false).expect("kept");
        settings.set("statement_timeout", Some("6"), true).expect("kept");
        settings.undo();
        assert_eq!(group(&settings), "a");
        assert_eq!(settings.show("statement_timeout").expect("a setting"), "5");
        settings.set("search_path", Some("store"), false).expect("kept");
        settings.set("all", None, false).expect("kept");
        assert_eq!((group(&settings).as_str(), settings.path()), ("unset", None));
    }

    #[test]
    fn a_name_of_ones_own_has_two_parts() {
        let mut settings = Settings::of_session();
        settings.set("my.name", Some("1"), false).expect("two parts");
        assert_eq!(settings.show("my.name").expect("set"), "1");
        for name in ["nope", "my.own.name"] {
            let error = settings.set(name, Some("1"), false).expect_err(name);
            assert_eq!(error.code(), "sql/setting");
        }
        let error = settings.set("seed", Some(".25"), false).expect_err("a seed");
        assert_eq!(error.code(), "sql/unsupported-locally");
    }

    #[test]
    fn only_a_session_has_a_search_path() {
        let mut settings = Settings::of_session();
        settings.set("search_path", Some("'$user', Store, public"), false).expect("taken");
        assert_eq!(settings.path(), Some(vec!["store".to_owned(), "public".to_owned()]));
        assert!(Settings::default().set("search_path", Some("store"), false).is_err());
        assert!(Settings::default().set("search_path", Some("\"$user\", public"), false).is_ok());
    }
}
