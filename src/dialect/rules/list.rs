//! Every rule, by kind, and how a row of the tables is written.
//!
//! Numbers: 001 to 099 warnings and advice, 100 to 499 refused by Redshift, 500 on unsupported
//! locally. A number is never given twice.

use super::{Find, Rule, Severity, Story};
use super::{
    advised, aggregates, clauses, columns, definitions, expressions, materialized, merges,
    missing_rules, missing_statements, outer, queries, reserved, sorted, statements, transfers,
    traps, values, windows, words,
};

/// Every rule.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        advised::RULES,
        traps::RULES,
        values::RULES,
        aggregates::RULES,
        sorted::RULES,
        windows::RULES,
        queries::RULES,
        clauses::RULES,
        outer::RULES,
        expressions::RULES,
        merges::RULES,
        statements::RULES,
        columns::RULES,
        definitions::RULES,
        materialized::RULES,
        transfers::RULES,
        words::RULES,
        reserved::RULES,
        std::slice::from_ref(&reserved::NAME),
        std::slice::from_ref(&words::WITH_INSERT),
        std::slice::from_ref(&statements::SECOND_DISTKEY),
        missing_rules::RULES,
        missing_statements::RULES,
        missing_statements::RAISED,
        transfers::RAISED,
    ]
    .into_iter()
    .flatten()
}

/// Until [`Rule::told`] tells it; a test asks for the story of every rule.
const UNTOLD: Story = Story { why: "", wrong: "", right: "" };

pub(super) const fn rule(
    id: &'static str,
    code: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    Rule { id, code, severity: Severity::Refused, says, page, fix, story: UNTOLD, find }
}

pub(super) const fn warning(
    id: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    let code = "sql/warning";
    Rule { id, code, severity: Severity::Warning, says, page, fix, story: UNTOLD, find }
}

pub(super) const fn advice(
    id: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    let code = "sql/advice";
    Rule { id, code, severity: Severity::Advice, says, page, fix, story: UNTOLD, find }
}

pub(super) const fn missing(
    id: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    let code = "sql/unsupported";
    Rule { id, code, severity: Severity::Unsupported, says, page, fix, story: UNTOLD, find }
}
