//! Outer joins and grouping sets give NULL where the rows below have a constant. DataFusion 55.2 takes
//! the constant for known above them: it leaves out the sort of `WHERE a = 1 GROUP BY ROLLUP (a, b)
//! ORDER BY a`, and deals the rows of a group to several workers, which answer with the group twice.
//! Nothing is computed here.
//!
//! Source: r_GROUP_BY_aggregation-extensions (subtotals have NULL in the columns they do not group
//! by), r_FROM_clause30 (an outer join has NULL where the other side has no row).

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    replace_children_if_necessary,
};

/// Puts [`UnknownExec`] below what gives NULL where its rows have none.
///
/// It runs before the rules that leave out sorts and deal out rows.
#[derive(Debug)]
pub struct Unknown;

impl PhysicalOptimizerRule for Unknown {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let nulls = gives_nulls(node.as_ref());
            let ordered = node.downcast_ref::<AggregateExec>().is_some();
            let children = node.children().into_iter();
            let wanted: Vec<bool> = children
                .clone()
                .zip(nulls)
                .map(|(child, nulls)| nulls && is_known(child, ordered))
                .collect();
            if !wanted.contains(&true) {
                return Ok(Transformed::no(node));
            }
            let children = children.zip(wanted).map(|(child, wanted)| match wanted {
                true => Arc::new(UnknownExec::new(Arc::clone(child))) as Arc<dyn ExecutionPlan>,
                false => Arc::clone(child),
            });
            let children = children.collect();
            replace_children_if_necessary(node, children).map(Transformed::yes)
        })
        .data()
    }

    fn name(&self) -> &str {
        "unknown"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// For each of two inputs, whether a column may be NULL above that is not in it.
fn gives_nulls(node: &dyn ExecutionPlan) -> [bool; 2] {
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        return [aggregate.group_expr().has_grouping_set(), false];
    }
    let hash = || node.downcast_ref::<HashJoinExec>().map(|join| *join.join_type());
    let merge = || node.downcast_ref::<SortMergeJoinExec>().map(SortMergeJoinExec::join_type);
    let nested = || node.downcast_ref::<NestedLoopJoinExec>().map(|join| *join.join_type());
    match hash().or_else(merge).or_else(nested) {
        Some(JoinType::Left) => [false, true],
        Some(JoinType::Right) => [true, false],
        Some(JoinType::Full) => [true, true],
        _ => [false, false],
    }
}

/// True where a constant, columns that are equal or an order is known of the rows. Of the orders of a
/// side that may be missing a join takes none over.
fn is_known(input: &Arc<dyn ExecutionPlan>, ordered: bool) -> bool {
    let known = input.equivalence_properties();
    !known.eq_group().is_empty() || (ordered && !known.oeq_class().is_empty())
}

/// The rows of its input, of which neither an order nor a constant is known.
#[derive(Debug)]
struct UnknownExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl UnknownExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> UnknownExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        UnknownExec { input, properties: Arc::new(properties) }
    }
}

impl DisplayAs for UnknownExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnknownExec")
    }
}

impl ExecutionPlan for UnknownExec {
    fn name(&self) -> &str {
        "UnknownExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("UnknownExec has one input");
        };
        Ok(Arc::new(UnknownExec::new(input)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let unknown = || Arc::new(Statistics::new_unknown(&self.schema()));
        Ok(inputs.first().map_or_else(unknown, Arc::clone))
    }
}
