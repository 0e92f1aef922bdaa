//! TPC-H at scale 0.1: DuckDB makes the tables in a Landfall catalog, and both answer the 22
//! queries from there: DuckDB its own texts, Landfall those of `tpch/queries.sql`.
//!
//! Equal are decimals to the last digit, counts and texts. Where DuckDB gives a float and Redshift
//! a decimal, the decimal is the float within one unit of its last digit, since Redshift cuts.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::DataType;
use landfall::state::State;
use landfall::storage;
use landfall::warehouse::local::Local;
use landfall::warehouse::{Answer, Warehouse};

use crate::support::duckdb::duckdb;
use crate::support::project::{Project, Rows};

const QUERIES: &str = include_str!("tpch/queries.sql");
const TABLES: [&str; 8] =
    ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"];
/// A float of DuckDB is exact to about so many parts of itself.
const FLOAT: f64 = 1e-9;

#[tokio::test]
async fn tpch_at_scale_0_1_gives_what_duckdb_gives() {
    let project = Project::sample(1, 1);
    let local = warehouse(&project).await;
    let expected = made_and_answered(&project.catalog());
    let queries: Vec<String> = landfall::dialect::parse_script(QUERIES, Path::new("queries.sql"))
        .expect("parses")
        .into_iter()
        .map(|p| p.text)
        .collect();
    assert_eq!((queries.len(), expected.len()), (22, 22));
    let mut failures = Vec::new();
    for (number, (query, expected)) in (1..).zip(queries.iter().zip(&expected)) {
        assert!(!expected.is_empty(), "query {number} finds rows");
        let answer = match local.query(query, None).await {
            Ok(answer) => answer,
            Err(error) => {
                failures.push(format!("query {number}: {error:?}"));
                continue;
            }
        };
        failures.extend(differences(number, &answer, expected));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// An empty warehouse of the project, so that its catalog is there.
async fn warehouse(project: &Project) -> Arc<Local> {
    let settings = project.load();
    std::fs::create_dir_all(&settings.state_dir).expect("a folder");
    let state = State::open(&project.catalog(), false).await.expect("a catalog");
    let landing = storage::open(&settings.landing, false).expect("landing");
    Arc::new(Local::open(&settings, state, landing).await.expect("a warehouse"))
}

/// The tables by DuckDB's generator, in the schema of names without one, and its answers to its own 22 queries over them.
fn made_and_answered(catalog: &Path) -> Vec<Rows> {
    let mut statements = vec![
        // it would be written among the answers
        "SET enable_progress_bar = false".to_string(),
        "CALL dbgen(sf = 0.1, catalog = 'memory', schema = 'main')".to_string(),
        "CREATE SCHEMA IF NOT EXISTS lake.public".to_string(),
    ];
    for table in TABLES {
        statements
            .push(format!("CREATE TABLE lake.public.{table} AS SELECT * FROM memory.main.{table}"));
    }
    statements.push("USE lake.public".into());
    let made = statements.len();
    statements.extend((1..=22).map(|n| format!("PRAGMA tpch({n})")));
    duckdb(catalog, "", &statements).split_off(made)
}

fn differences(number: usize, answer: &Answer, expected: &Rows) -> Vec<String> {
    let rows = crate::support::project::cells(answer);
    let mut found = Vec::new();
    if rows.len() != expected.len() {
        found.push(format!("query {number}: {} rows, DuckDB has {}", rows.len(), expected.len()));
    }
    for (row, wanted) in rows.iter().zip(expected) {
        for ((value, wanted), field) in row.iter().zip(wanted).zip(answer.schema.fields()) {
            if !alike(value.as_deref(), wanted.as_deref(), field.data_type()) {
                found.push(format!(
                    "query {number}, {}: {value:?}, DuckDB has {wanted:?}",
                    field.name()
                ));
            }
        }
    }
    found.truncate(5);
    found
}

fn alike(value: Option<&str>, wanted: Option<&str>, ty: &DataType) -> bool {
    let (Some(value), Some(wanted)) = (value, wanted) else { return value == wanted };
    if value == wanted {
        return true;
    }
    let (DataType::Decimal128(_, scale), Ok(a), Ok(b)) =
        (ty, value.parse::<f64>(), wanted.parse::<f64>())
    else {
        return false;
    };
    let digits = wanted.rsplit_once('.').map_or(0, |(_, fraction)| fraction.len());
    // as many digits on both sides: both are decimals, and have to be equal
    digits != usize::try_from(*scale).unwrap_or(0)
        && (a - b).abs() <= 10_f64.powi(-i32::from(*scale)) + b.abs() * FLOAT
}

#[test]
fn decimals_are_equal_to_the_last_digit_and_floats_nearly() {
    let decimal = DataType::Decimal128(38, 4);
    assert!(alike(Some("1.2345"), Some("1.2345"), &decimal));
    assert!(!alike(Some("1.2345"), Some("1.2346"), &decimal));
    assert!(alike(Some("1.2345"), Some("1.23456789"), &decimal));
    assert!(!alike(Some("1.2345"), Some("1.23466789"), &decimal));
    assert!(!alike(Some("a"), Some("b"), &DataType::Utf8View) && !alike(None, Some("1"), &decimal));
}
