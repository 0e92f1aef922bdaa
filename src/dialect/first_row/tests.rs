//! The row that stays, against a slow and obvious choice; and that the operator is there at all.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, AsArray, Int32Array, StringArray};
use arrow::datatypes::{Field, Int32Type, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::MemTable;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::{collect, displayable};
use proptest::prelude::*;

use super::*;
use crate::dialect::{CATALOG, Clock, DEFAULT_SCHEMA, parse_query, plan_query, session_state};

/// Key of two columns, a version, and an id that no other row has.
type Row = (Option<i32>, Option<String>, Option<i32>, i32);

type Key<'a> = (Option<i32>, Option<&'a str>);
/// What the winner of a key has most of: no version, a version, a low id.
type Rank = (bool, i32, i32);

/// A session with the rows as table `t`, in batches of so many rows, spread over two partitions.
fn session(rows: &[Row], batch_rows: usize, partitions: usize) -> SessionState {
    let field = |name: &str, ty| Field::new(name, ty, true);
    let schema = Arc::new(Schema::new(vec![
        field("a", DataType::Int32),
        field("b", DataType::Utf8),
        field("version", DataType::Int32),
        field("id", DataType::Int32),
    ]));
    let mut spread = vec![Vec::new(), Vec::new()];
    for (index, rows) in rows.chunks(batch_rows).enumerate() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|r| r.0).collect::<Int32Array>()),
            Arc::new(rows.iter().map(|r| r.1.as_deref()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|r| r.2).collect::<Int32Array>()),
            Arc::new(rows.iter().map(|r| Some(r.3)).collect::<Int32Array>()),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("batch");
        spread[index % 2].push(batch);
    }
    let table = MemTable::try_new(schema, spread).expect("table");
    let mut state = session_state(Arc::new(RuntimeEnv::default()), partitions, None);
    *state.config_mut() = state.config().clone().with_batch_size(batch_rows);
    let catalog = state.catalog_list().catalog(CATALOG).expect("catalog");
    let public = catalog.schema(DEFAULT_SCHEMA).expect("schema");
    public.register_table("t".into(), Arc::new(table)).expect("registers");
    state
}

async fn planned(session: &SessionState, sql: &str) -> Arc<dyn ExecutionPlan> {
    let query = parse_query(sql, Path::new("test")).expect("parses");
    let clock = Clock { transaction_start: chrono::Utc::now() };
    let plan = plan_query(session, *query, &clock, None).await.expect("plans");
    session.create_physical_plan(&plan).await.expect("a physical plan")
}

async fn ids(session: &SessionState, sql: &str) -> Vec<i32> {
    let plan = planned(session, sql).await;
    let shown = displayable(plan.as_ref()).indent(false).to_string();
    assert!(shown.contains("FirstRowExec") && !shown.contains("Window"), "{shown}");
    let batches = collect(plan, session.task_ctx()).await.expect("runs");
    let mut ids: Vec<i32> = Vec::new();
    for batch in &batches {
        let column = batch.column_by_name("id").expect("id").as_primitive::<Int32Type>();
        assert_eq!(column.null_count(), 0, "{}", pretty_format_batches(&batches).expect("text"));
        ids.extend(column.values());
    }
    ids.sort_unstable();
    ids
}

fn row() -> impl Strategy<Value = (Option<i32>, Option<String>, Option<i32>)> {
    let word = proptest::option::weighted(0.8, "[xy]{0,1}");
    (proptest::option::weighted(0.8, 0..4), word, proptest::option::weighted(0.8, 0..3))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_first_by_the_order_stays(
        rows in proptest::collection::vec(row(), 0..60),
        batch_rows in 1_usize..20,
        partitions in 1_usize..4,
    ) {
        let rows: Vec<Row> =
            rows.into_iter().zip(0..).map(|((a, b, version), id)| (a, b, version, id)).collect();
        // NULL versions sort before all in descending order, as on Redshift (c_order_by).
        let mut expected: BTreeMap<Key<'_>, Rank> = BTreeMap::new();
        for (a, b, version, id) in &rows {
            let rank = (version.is_none(), version.unwrap_or_default(), -id);
            let best = expected.entry((*a, b.as_deref())).or_insert(rank);
            *best = rank.max(*best);
        }
        let mut expected: Vec<i32> = expected.values().map(|(_, _, id)| -id).collect();
        expected.sort_unstable();
        let session = session(&rows, batch_rows, partitions);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let sql = "select id from (select *, row_number() over (partition by a, b \
                   order by version desc, id) as place from t) as numbered where place = 1";
        prop_assert_eq!(runtime.block_on(ids(&session, sql)), expected);
    }
}

#[tokio::test]
async fn only_a_number_that_must_be_one_is_replaced() {
    let rows: Vec<Row> = (0..6).map(|id| (Some(id / 2), None, Some(id % 2), id)).collect();
    let session = session(&rows, 2, 2);
    let numbered = |what: &str, condition: &str| {
        format!("select id from (select *, {what} as place from t) as numbered where {condition}")
    };
    let over = "over (partition by a order by version)";
    let first = format!("row_number() {over}");
    assert_eq!(ids(&session, &numbered(&first, "place = 1")).await, [0, 2, 4]);
    assert_eq!(ids(&session, &numbered(&first, "place <= 1")).await, [0, 2, 4]);
    for sql in [
        numbered(&first, "place <= 2"),
        numbered(&first, "place = 2"),
        numbered(&first, "place > 1"),
        numbered(&format!("rank() {over}"), "place = 1"),
        numbered("row_number() over (order by version)", "place = 1"),
        numbered(&format!("{first} as other, {first}"), "other = 1 and id = 1"),
    ] {
        let plan = planned(&session, &sql).await;
        let shown = displayable(plan.as_ref()).indent(false).to_string();
        assert!(!shown.contains("FirstRowExec"), "{sql}\n{shown}");
    }
}
