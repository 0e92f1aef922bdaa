//! What the optimizer of DataFusion 55.2 takes for known and is not. Nothing is computed here.
//!
//! - Outer joins and grouping sets give NULL where the rows below have a constant. The constant stays
//!   known above them, so that the sort of `WHERE a = 1 GROUP BY ROLLUP (a, b) ORDER BY a` is left out
//!   and the rows of a group go to several workers, which answer with the group twice.
//! - A column that is constant in each query of a UNION, but not the same, is taken out of the keys the
//!   rows are sorted by.
//! - A constant is no key of a sort, nor of a window that wants its rows sorted; where it is not known
//!   any more a step above, the plan fails.
//! - A sort above a limit that is in its order already goes below the limit, or takes it away.
//!
//! Source: r_GROUP_BY_aggregation-extensions (subtotals have NULL in the columns they do not group
//! by), r_FROM_clause30 (an outer join has NULL where the other side has no row), r_ORDER_BY_clause.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinType, Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, replace_children_if_necessary,
};

/// Puts [`UnknownExec`] where the optimizer would conclude too much.
///
/// It runs before the rules that leave out sorts, deal out rows and swap the sides of joins: what is
/// not known yet may be then, so it does not ask.
#[derive(Debug)]
pub struct Unknown;

impl PhysicalOptimizerRule for Unknown {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        guarded(plan, false)
    }

    fn name(&self) -> &str {
        "unknown"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `read`: something above reads the rows in an order, or all of them.
fn guarded(node: Arc<dyn ExecutionPlan>, read: bool) -> Result<Arc<dyn ExecutionPlan>> {
    let (limits, sorts) = (limits(node.as_ref()), node.downcast_ref::<SortExec>().is_some());
    // a limit and its sort are one; what stands at the top hands its rows out as they come
    let read_below = match (limits && !sorts, node.downcast_ref::<ProjectionExec>()) {
        (true, _) => false,
        (false, Some(_)) => read,
        (false, None) => true,
    };
    let concludes = concludes(node.as_ref());
    let grouped = node.downcast_ref::<AggregateExec>().is_some();
    let children = node.children().into_iter().enumerate().map(|(index, child)| {
        let windows = is_window(node.as_ref()) && !is_window(child.as_ref());
        let ordered = windows || sorts;
        let child = guarded(Arc::clone(child), read_below)?;
        Ok(if ordered || concludes(index) { unknown(child, !grouped) } else { child })
    });
    let children = children.collect::<Result<Vec<_>>>()?;
    let node = replace_children_if_necessary(node, children)?;
    Ok(if limits && read { unknown(node, true) } else { node })
}

fn unknown(input: Arc<dyn ExecutionPlan>, dealt: bool) -> Arc<dyn ExecutionPlan> {
    Arc::new(UnknownExec::new(input, dealt))
}

fn limits(node: &dyn ExecutionPlan) -> bool {
    node.downcast_ref::<GlobalLimitExec>().is_some()
        || node.downcast_ref::<LocalLimitExec>().is_some()
        || node.downcast_ref::<SortExec>().is_some_and(|sort| sort.fetch().is_some())
}

fn is_window(node: &dyn ExecutionPlan) -> bool {
    node.downcast_ref::<BoundedWindowAggExec>().is_some()
        || node.downcast_ref::<WindowAggExec>().is_some()
}

/// The inputs of a node of which it would take over too much.
fn concludes(node: &dyn ExecutionPlan) -> fn(usize) -> bool {
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        return if aggregate.group_expr().has_grouping_set() { |_| true } else { |_| false };
    }
    if node.downcast_ref::<UnionExec>().is_some() {
        return |_| true;
    }
    let hash = || node.downcast_ref::<HashJoinExec>().map(|join| *join.join_type());
    let merge = || node.downcast_ref::<SortMergeJoinExec>().map(SortMergeJoinExec::join_type);
    let nested = || node.downcast_ref::<NestedLoopJoinExec>().map(|join| *join.join_type());
    match hash().or_else(merge).or_else(nested) {
        Some(JoinType::Left) => |input| input == 1,
        Some(JoinType::Right) => |input| input == 0,
        Some(JoinType::Full) => |_| true,
        _ => |_| false,
    }
}

/// The rows of its input, of which neither an order nor a constant is known.
#[derive(Debug)]
struct UnknownExec {
    input: Arc<dyn ExecutionPlan>,
    /// By which columns they were dealt out is still true above.
    dealt: bool,
    properties: Arc<PlanProperties>,
}

impl UnknownExec {
    fn new(input: Arc<dyn ExecutionPlan>, dealt: bool) -> UnknownExec {
        let partitioning = match input.output_partitioning() {
            own if dealt => own.clone(),
            own => Partitioning::UnknownPartitioning(own.partition_count()),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            partitioning,
            input.pipeline_behavior(),
            input.boundedness(),
        );
        UnknownExec { input, dealt, properties: Arc::new(properties) }
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
        Ok(Arc::new(UnknownExec::new(input, self.dealt)))
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
