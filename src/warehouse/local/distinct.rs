//! Leaves out a ranking that ranks nothing: where no two rows share the columns that
//! `row_number()` is partitioned by, every row is number 1 and need not be sorted to learn it.
//!
//! The columns alone are read first and hashed. Equal hashes may be a coincidence; then the ranking
//! stays, and the answer is the same. It leaves every other window as it is.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::dataframe::DataFrame;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::logical_plan::Window;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};
use futures::TryStreamExt;

use crate::error::Result;

use super::engine::engine_error;
use super::narrow::{hash_rows, is_hashable};

/// The plan without its ranking, where that changes no row of it.
///
/// It looks at one window, the first from above, over rows that come straight from a scan.
pub async fn unranked(session: &SessionState, plan: LogicalPlan) -> Result<LogicalPlan> {
    let Some((window, keys)) = ranking(&plan) else { return Ok(plan) };
    if !is_distinct(session, &window, keys).await? {
        return Ok(plan);
    }
    let ranked = LogicalPlan::Window(window);
    let replaced = plan.transform_down(|node| match node == ranked {
        true => Ok(Transformed::new(first_of_all(&ranked)?, true, TreeNodeRecursion::Stop)),
        false => Ok(Transformed::no(node)),
    });
    Ok(replaced.map_err(engine_error)?.data)
}

/// The rows of a window with 1 for their number.
fn first_of_all(ranked: &LogicalPlan) -> datafusion::error::Result<LogicalPlan> {
    let LogicalPlan::Window(window) = ranked else { return Ok(ranked.clone()) };
    let mut columns: Vec<Expr> =
        window.input.schema().columns().into_iter().map(Expr::Column).collect();
    if let Some(number) = window.schema.fields().last() {
        columns.push(lit(ScalarValue::new_one(number.data_type())?).alias(number.name()));
    }
    LogicalPlanBuilder::from(window.input.as_ref().clone()).project(columns)?.build()
}

/// The first window of a plan and what it partitions by, if it is one `row_number()` over a scan.
fn ranking(plan: &LogicalPlan) -> Option<(Window, Vec<Expr>)> {
    let mut found = None;
    let _ = plan.apply(|node| {
        let LogicalPlan::Window(window) = node else { return Ok(TreeNodeRecursion::Continue) };
        if let [Expr::WindowFunction(function)] = window.window_expr.as_slice()
            && function.fun.name() == "row_number"
            && !function.params.partition_by.is_empty()
            && is_scan(&window.input)
        {
            found = Some((window.clone(), function.params.partition_by.clone()));
        }
        Ok(TreeNodeRecursion::Stop)
    });
    found
}

/// True for rows of one table, filtered and renamed at most: cheap to read twice, and the same.
fn is_scan(plan: &LogicalPlan) -> bool {
    let plain = plan.expressions().iter().all(|expr| {
        !expr.is_volatile()
            && !expr
                .exists(|e| {
                    Ok(matches!(e, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)))
                })
                .unwrap_or(true)
    });
    plain
        && match plan {
            LogicalPlan::TableScan(_) => true,
            LogicalPlan::Filter(_) | LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
                plan.inputs().iter().all(|input| is_scan(input))
            }
            _ => false,
        }
}

/// True when the hashes of the keys of all rows differ. Where memory is short it is not known.
async fn is_distinct(session: &SessionState, window: &Window, keys: Vec<Expr>) -> Result<bool> {
    let types: datafusion::error::Result<Vec<DataType>> =
        keys.iter().map(|key| key.get_type(window.input.schema())).collect();
    if !types.is_ok_and(|types| types.iter().all(is_hashable)) {
        return Ok(false);
    }
    let keys = keys.into_iter().zip(0..).map(|(key, n)| key.alias(format!("key_{n}")));
    let plan = LogicalPlanBuilder::from(window.input.as_ref().clone())
        .project(keys)
        .and_then(LogicalPlanBuilder::build)
        .map_err(engine_error)?;
    let frame = DataFrame::new(session.clone(), plan);
    let mut batches = frame.execute_stream().await.map_err(engine_error)?;
    let memory = MemoryConsumer::new("distinct keys").register(&session.runtime_env().memory_pool);
    let mut all: Vec<u64> = Vec::new();
    let mut of_batch = Vec::new();
    while let Some(batch) = batches.try_next().await.map_err(engine_error)? {
        // NULLs are one partition; a key with one is left to the ranking.
        let known = hash_rows(batch.columns(), &mut of_batch).map_err(engine_error)?;
        // A vector that grows holds its old and its new place for a moment.
        let needed = (all.len() + of_batch.len()).saturating_mul(3 * size_of::<u64>());
        if !known.into_iter().all(|known| known) || memory.try_resize(needed).is_err() {
            return Ok(false);
        }
        all.extend_from_slice(&of_batch);
    }
    all.sort_unstable();
    Ok(all.windows(2).all(|pair| pair.first() != pair.last()))
}

#[cfg(test)]
mod tests {
    use crate::warehouse::local::tests::{query, run, warehouse};

    const RANKED: &str = "create temp table best as select k, v from (
        select k, v, row_number() over (partition by k order by v desc) as n from w.t) as x
        where n = 1; create table w.answer as select * from best;";

    async fn best(values: &str) -> Vec<String> {
        let (_dir, local) = warehouse().await;
        let made = "create schema w; create table w.t (k varchar(5), v integer);";
        run(&local, made).await.expect("a table");
        run(&local, &format!("insert into w.t values {values}")).await.expect("rows");
        run(&local, RANKED).await.expect("ranks");
        query(&local, "select k, v from w.answer order by k, v").await
    }

    #[tokio::test]
    async fn the_best_row_of_each_key_whether_keys_repeat_or_not() {
        assert_eq!(best("('a', 1), ('b', 2), ('c', 3)").await, ["a|1", "b|2", "c|3"]);
        assert_eq!(best("('a', 1), ('b', 2), ('a', 3)").await, ["a|3", "b|2"]);
        assert_eq!(best("(null, 1), ('b', 2), (null, 3)").await, ["b|2", "NULL|3"]);
    }
}
