//! Every rule, by kind, and how a row of the tables is written.
//!
//! Numbers: 001 to 099 warnings and advice, 100 to 499 refused by Redshift, 500 on unsupported
//! locally. A number is never given twice.

use super::{Find, Rule, Severity, advised, missing_rules, queries, statements};

/// Every rule.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [advised::RULES, queries::RULES, statements::RULES, missing_rules::RULES].into_iter().flatten()
}

pub(super) const fn rule(
    id: &'static str,
    code: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    Rule { id, code, severity: Severity::Refused, says, page, fix, find }
}

pub(super) const fn warning(
    id: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    Rule { id, code: "sql/warning", severity: Severity::Warning, says, page, fix, find }
}

pub(super) const fn advice(
    id: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    Rule { id, code: "sql/advice", severity: Severity::Advice, says, page, fix, find }
}

pub(super) const fn missing(
    id: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    Rule { id, code: "sql/unsupported", severity: Severity::Unsupported, says, page, fix, find }
}
