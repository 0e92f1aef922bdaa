//! Builds `redshift/CONFORMANCE.md` from the headers of the SQL tests, and fails when the page in
//! the repository is another. `LANDFALL_BLESS=1` writes it.
//!
//! A header is three comment lines, at the head of a file or above the records it speaks of:
//! `# rule: <construct>`, `# redshift: <behaviour> [page]`, `# landfall: same|refuses|differs`, the
//! last with a reason after a colon where there is one to give.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use landfall::dialect::{self, Severity};

use crate::slt;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/redshift/CONFORMANCE.md");
const MANUAL: &str = "https://docs.aws.amazon.com/redshift/latest/dg/";
const VERDICTS: [&str; 3] = ["same", "refuses", "differs"];

/// One rule of Redshift, and what Landfall makes of it.
struct Row {
    construct: String,
    behaviour: String,
    /// The page of the manual, without its address and `.html`.
    page: String,
    verdict: String,
    /// Below `tests/slt/`.
    file: String,
}

#[test]
fn the_page_of_conformance_is_what_the_tests_say() {
    let mut rows = Vec::new();
    let mut mistakes = Vec::new();
    let mut statements = 0;
    for path in slt::files(Path::new(slt::FOLDER)) {
        let text = fs::read_to_string(&path).expect("a test file is text");
        let file = path.strip_prefix(slt::FOLDER).expect("below").display().to_string();
        statements += count(&text);
        match headers(&file, &text) {
            Ok(found) => rows.extend(found),
            Err(mistake) => mistakes.push(format!("tests/slt/{file}: {mistake}")),
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    let page = page(&rows, statements);
    if std::env::var_os("LANDFALL_BLESS").is_some() {
        fs::write(PAGE, &page).expect("the page is written");
    }
    let committed = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        committed == page,
        "redshift/CONFORMANCE.md is not what tests/slt says; LANDFALL_BLESS=1 cargo test --test it ledger writes it"
    );
}

#[test]
fn a_header_without_its_page_or_verdict_is_a_mistake() {
    let good = "# T\n# rule: a\n# redshift: b [r_A]\n# landfall: same\n\nstatement ok\nselect 1\n";
    assert_eq!(headers("f", good).map(|r| r.len()), Ok(1));
    for (from, to) in [(" [r_A]", ""), ("same", "equal"), ("# rule: a\n", ""), ("# T\n", "")] {
        assert!(headers("f", &good.replace(from, to)).is_err(), "without {from:?}");
    }
}

/// Statements and queries of a file.
fn count(text: &str) -> usize {
    text.lines().filter(|l| l.starts_with("statement ") || l.starts_with("query ")).count()
}

fn headers(file: &str, text: &str) -> Result<Vec<Row>, String> {
    let first = text.lines().next().unwrap_or_default();
    if !first.starts_with("# ") || first.contains(':') {
        return Err("the first line is not `# title`".into());
    }
    let mut rows = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(construct) = line.strip_prefix("# rule: ") else {
            if line.starts_with("# redshift: ") || line.starts_with("# landfall: ") {
                return Err(format!("line {}: no `# rule:` above it", number + 1));
            }
            continue;
        };
        let mut next = |key: &str| {
            lines
                .next()
                .and_then(|(_, l)| l.strip_prefix(key))
                .map(str::to_owned)
                .ok_or_else(|| format!("line {}: `{key}` must follow the rule", number + 1))
        };
        let said = next("# redshift: ")?;
        let verdict = next("# landfall: ")?;
        let (behaviour, page) = said
            .strip_suffix(']')
            .and_then(|s| s.rsplit_once(" ["))
            .ok_or_else(|| format!("line {}: no [page] after the behaviour", number + 1))?;
        if !VERDICTS.contains(&verdict.split(':').next().unwrap_or_default()) {
            return Err(format!("line {}: `{verdict}` is not one of {VERDICTS:?}", number + 1));
        }
        rows.push(Row {
            construct: construct.to_owned(),
            behaviour: behaviour.to_owned(),
            page: page.to_owned(),
            verdict,
            file: file.to_owned(),
        });
    }
    if rows.is_empty() {
        return Err("no `# rule:`".into());
    }
    Ok(rows)
}

fn page(rows: &[Row], statements: usize) -> String {
    let mut topics: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        topics.entry(row.file.split('/').next().unwrap_or_default()).or_default().push(row);
    }
    let of = |verdict: &str| rows.iter().filter(|r| r.verdict.starts_with(verdict)).count();
    let mut page = format!(
        "# Conformance\n\n\
         What Redshift does, what Landfall's local engine does, and the test that shows it.\n\
         This page is built from the headers of `tests/slt/`; `LANDFALL_BLESS=1 cargo test --test it ledger` \
         writes it, and a test fails when it is out of date.\n\n\
         {} rules, shown by {statements} statements: {} the same, {} refused, {} different.\n\n\
         - **same**: the statement runs here with Redshift's result, or fails here as it fails there.\n\
         - **refuses**: Redshift runs it; here it is refused with a message, never answered differently.\n\
         - **differs**: both run it, and the row says in what they differ.\n",
        rows.len(),
        of("same"),
        of("refuses"),
        of("differs"),
    );
    for (topic, rows) in topics {
        let _ = write!(
            page,
            "\n## {topic}\n\n| construct | Redshift | source | Landfall | shown by |\n| --- | --- | --- | --- | --- |\n"
        );
        for row in rows {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | [{file}](../tests/slt/{file}) |",
                cell(&row.construct),
                cell(&row.behaviour),
                sources(&row.page),
                cell(&row.verdict),
                file = row.file,
            );
        }
    }
    page.push_str(&rules());
    page
}

/// The rules that `landfall check` goes by, from the same rows as `landfall explain`.
fn rules() -> String {
    let mut all: Vec<&dialect::Rule> = dialect::rules().collect();
    all.sort_by_key(|rule| rule.id);
    let mut page = String::new();
    for (title, said, severities) in [
        (
            "Warnings of `landfall check`",
            "What runs on Redshift and often is not what was meant. RS001 is told by every run.",
            &[Severity::Warning, Severity::Advice][..],
        ),
        (
            "Refused by Redshift",
            "Refused here before anything runs, with the same rule.",
            &[Severity::Refused],
        ),
        (
            "Refused locally",
            "Redshift runs it; the local engine would not answer the same.",
            &[Severity::Unsupported],
        ),
    ] {
        let _ = write!(
            page,
            "\n## {title}\n\n{said} `landfall explain RS001` tells the story of a rule; each has a \
             statement that breaks it and one that does not, which the tests run.\n\n\
             | rule | code | what | source | write instead |\n| --- | --- | --- | --- | --- |\n"
        );
        for rule in all.iter().filter(|r| severities.contains(&r.severity)) {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} |",
                rule.id,
                rule.code,
                cell(rule.says),
                sources(rule.page),
                cell(rule.fix),
            );
        }
    }
    page
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The pages of a rule as links to the manual.
fn sources(pages: &str) -> String {
    let links: Vec<String> = pages
        .split(", ")
        .map(|p| if p.contains(' ') { cell(p) } else { format!("[{p}]({MANUAL}{p}.html)") })
        .collect();
    links.join(", ")
}
