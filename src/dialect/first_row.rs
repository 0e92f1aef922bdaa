//! One row of each key: how the engine runs `row_number() over (partition by k order by o) = 1`.
//!
//! Left alone it sorts by key and order, wide as they are, and keeps the state of a window for
//! every key; where keys are nearly unique that costs several times the rest of the statement.
//! Here rows are sorted by the key alone, so that equal keys are neighbours, and of neighbours the
//! first by the order stays. What a query may say is not decided here.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{
    LexicographicalComparator, SortColumn, concat_batches, partition, take_record_batch,
};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{ColumnStatistics, Result, ScalarValue, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_expr::window::StandardWindowExpr;
use datafusion::physical_expr::{
    EquivalenceProperties, LexRequirement, OrderingRequirements, PhysicalExpr, PhysicalSortExpr,
    PhysicalSortRequirement,
};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowUDFExpr};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, apply_expression_roots,
    replace_children_if_necessary,
};
use futures::{StreamExt, TryStreamExt};

/// Puts [`FirstRowExec`] in the place of a window that numbers rows under a filter for number 1.
///
/// It runs before the rules that give operators the order and distribution they require.
#[derive(Debug)]
pub struct FirstRow;

impl PhysicalOptimizerRule for FirstRow {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_down(|node| {
            Ok(match replaced(&node)? {
                Some(plan) => Transformed::yes(plan),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "first_row"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `number = 1` over a window, with or without a projection between, without the filter.
fn replaced(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(filter) = node.downcast_ref::<FilterExec>() else { return Ok(None) };
    if filter.projection().is_some() || filter.fetch().is_some() {
        return Ok(None);
    }
    let Some(number) = kept_number(filter.predicate()) else { return Ok(None) };
    let Some(projection) = filter.input().downcast_ref::<ProjectionExec>() else {
        return Ok(first_row(filter.input(), number).map(|plan| plan as Arc<dyn ExecutionPlan>));
    };
    let named = projection.expr().get(number).and_then(|e| e.expr.downcast_ref::<Column>());
    let first = named.and_then(|column| first_row(projection.input(), column.index()));
    let plan =
        first.map(|first| replace_children_if_necessary(Arc::clone(filter.input()), vec![first]));
    plan.transpose()
}

/// The column that must be 1; a number of rows is never less.
fn kept_number(predicate: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    let binary = predicate.downcast_ref::<BinaryExpr>()?;
    let column = binary.left().downcast_ref::<Column>()?;
    let one = binary.right().downcast_ref::<Literal>()?.value() == &ScalarValue::UInt64(Some(1));
    (one && matches!(binary.op(), Operator::Eq | Operator::LtEq)).then(|| column.index())
}

/// The operator in the place of a window of which column `number` is the one thing computed.
fn first_row(plan: &Arc<dyn ExecutionPlan>, number: usize) -> Option<Arc<FirstRowExec>> {
    let window = plan.downcast_ref::<BoundedWindowAggExec>()?;
    let [only] = window.window_expr() else { return None };
    let function = only.as_any().downcast_ref::<StandardWindowExpr>()?.get_standard_func_expr();
    let function = function.as_any().downcast_ref::<WindowUDFExpr>()?;
    let schema = window.schema();
    let fits = number + 1 == schema.fields().len()
        && schema.field(number).data_type() == &DataType::UInt64
        && function.fun().name() == "row_number"
        && !only.partition_by().is_empty();
    fits.then(|| {
        let (key, order) = (only.partition_by().to_vec(), only.order_by().to_vec());
        Arc::new(FirstRowExec::new(Arc::clone(window.input()), key, order, schema))
    })
}

/// Keeps one row of each key and adds its number, which is 1.
#[derive(Debug)]
struct FirstRowExec {
    input: Arc<dyn ExecutionPlan>,
    rows: Rows,
    /// That of the input, and the number.
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl FirstRowExec {
    fn new(
        input: Arc<dyn ExecutionPlan>,
        key: Vec<Arc<dyn PhysicalExpr>>,
        order: Vec<PhysicalSortExpr>,
        schema: SchemaRef,
    ) -> FirstRowExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        FirstRowExec { input, rows: Rows { key, order }, schema, properties: Arc::new(properties) }
    }
}

impl DisplayAs for FirstRowExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |words: Vec<String>| words.join(", ");
        let key = list(self.rows.key.iter().map(ToString::to_string).collect());
        let order = list(self.rows.order.iter().map(ToString::to_string).collect());
        write!(f, "FirstRowExec: key=[{key}], order=[{order}]")
    }
}

impl ExecutionPlan for FirstRowExec {
    fn name(&self) -> &str {
        "FirstRowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(
            self.rows.key.iter().chain(self.rows.order.iter().map(|o| &o.expr)),
            f,
        )
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("FirstRowExec has one input");
        };
        let Rows { key, order } = self.rows.clone();
        Ok(Arc::new(FirstRowExec::new(input, key, order, Arc::clone(&self.schema))))
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::KeyPartitioned(
            self.rows.key.clone(),
        )])
    }

    /// Equal keys are neighbours in any order of the key.
    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let by =
            |expr: &Arc<dyn PhysicalExpr>| PhysicalSortRequirement::new(Arc::clone(expr), None);
        vec![LexRequirement::new(self.rows.key.iter().map(by)).map(OrderingRequirements::from)]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let schema = Arc::clone(&self.schema);
        let kept = Kept { input, rows: self.rows.clone(), held: None };
        let batches = futures::stream::try_unfold(kept, |mut kept| async move {
            Ok(kept.next().await?.map(|batch| (batch, kept)))
        });
        let numbered = batches.and_then(move |batch| {
            let schema = Arc::clone(&schema);
            async move { with_number(&batch, schema) }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), numbered)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    /// At most the rows of the input, and most often all of them.
    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let Some(input) = inputs.first() else {
            return Ok(Arc::new(Statistics::new_unknown(&self.schema)));
        };
        let mut statistics = input.as_ref().clone().to_inexact();
        statistics.column_statistics.push(ColumnStatistics::new_unknown());
        Ok(Arc::new(statistics))
    }
}

fn with_number(batch: &RecordBatch, schema: SchemaRef) -> Result<RecordBatch> {
    let mut columns = batch.columns().to_vec();
    columns.push(ScalarValue::UInt64(Some(1)).to_array_of_size(batch.num_rows())?);
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// Which rows are alike, and which of them goes first.
#[derive(Debug, Clone)]
struct Rows {
    key: Vec<Arc<dyn PhysicalExpr>>,
    order: Vec<PhysicalSortExpr>,
}

impl Rows {
    /// The row of each key that stays, of a batch in which equal keys are neighbours; `None` when
    /// every row does.
    fn firsts(&self, batch: &RecordBatch) -> Result<Option<UInt32Array>> {
        let column = |expr: &Arc<dyn PhysicalExpr>| -> Result<ArrayRef> {
            expr.evaluate(batch)?.into_array(batch.num_rows())
        };
        let keys = self.key.iter().map(column).collect::<Result<Vec<_>>>()?;
        let groups = partition(&keys)?.ranges();
        if groups.len() == batch.num_rows() {
            return Ok(None);
        }
        let mut order = Vec::with_capacity(self.order.len());
        for by in &self.order {
            order.push(SortColumn { values: column(&by.expr)?, options: Some(by.options) });
        }
        let comparator = match order.is_empty() {
            true => None,
            false => Some(LexicographicalComparator::try_new(&order)?),
        };
        let first = |rows: std::ops::Range<usize>| match &comparator {
            None => Some(rows.start),
            Some(comparator) => rows.reduce(|best, row| match comparator.compare(row, best) {
                std::cmp::Ordering::Less => row,
                _ => best,
            }),
        };
        let firsts = groups.into_iter().filter_map(first).filter_map(|row| u32::try_from(row).ok());
        Ok(Some(firsts.collect()))
    }
}

/// The rows that stay, batch by batch. The last row of a batch waits for the next one, whose first
/// rows may have its key.
struct Kept {
    input: SendableRecordBatchStream,
    rows: Rows,
    /// One row of each key; the last may still be beaten.
    held: Option<RecordBatch>,
}

impl Kept {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(batch) = self.input.next().await.transpose()? {
            if batch.num_rows() == 0 {
                continue;
            }
            let next = match self.rows.firsts(&batch)? {
                None => batch,
                Some(firsts) => take_record_batch(&batch, &firsts)?,
            };
            if let Some(done) = self.push(next)? {
                return Ok(Some(done));
            }
        }
        Ok(self.held.take())
    }

    /// Takes the next rows, one of each key; gives those before them whose fate is decided.
    fn push(&mut self, next: RecordBatch) -> Result<Option<RecordBatch>> {
        let Some(held) = self.held.take() else {
            self.held = Some(next);
            return Ok(None);
        };
        let last = held.num_rows() - 1;
        let meeting = concat_batches(&held.schema(), [&held.slice(last, 1), &next.slice(0, 1)])?;
        let (done, waits) = match self.rows.firsts(&meeting)? {
            None => (held, next),
            Some(first) if first.values().first() == Some(&1) => (held.slice(0, last), next),
            // The one that waits has beaten the newcomer of its key, and stays last of all if
            // that was the only one.
            Some(_) if next.num_rows() == 1 => {
                self.held = Some(held);
                return Ok(None);
            }
            Some(_) => (held, next.slice(1, next.num_rows() - 1)),
        };
        self.held = Some(waits);
        Ok((done.num_rows() > 0).then_some(done))
    }
}

#[cfg(test)]
mod tests;
