//! Which files of a scan can have rows, by their partition values alone. It opens no file.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Fields, Schema};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, ScalarValue, exec_datafusion_err};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;

/// Whether a filter can be decided by partition values.
pub(super) fn decides(partitions: &Fields, filter: &Expr) -> bool {
    let columns = filter.column_refs();
    let known = |name: &str| partitions.iter().any(|field| field.name() == name);
    !columns.is_empty() && !filter.is_volatile() && columns.iter().all(|column| known(&column.name))
}

/// For each file, given by its partition values, whether the filters let its rows pass.
///
/// A filter that fails on a value keeps every file: the rows are filtered in any case, and there
/// it fails only if such a row is read.
pub(super) fn keep(
    session: &dyn Session,
    partitions: &Fields,
    filters: &[Expr],
    files: &[&[ScalarValue]],
) -> Vec<bool> {
    let mut kept = vec![true; files.len()];
    for filter in filters.iter().filter(|filter| decides(partitions, filter)) {
        if let Ok(passes) = evaluate(session, partitions, filter, files) {
            kept.iter_mut().zip(passes).for_each(|(kept, passes)| *kept &= passes);
        }
    }
    kept
}

fn evaluate(
    session: &dyn Session,
    partitions: &Fields,
    filter: &Expr,
    files: &[&[ScalarValue]],
) -> Result<Vec<bool>> {
    let column = |index: usize| -> Result<ArrayRef> {
        ScalarValue::iter_to_array(files.iter().filter_map(|values| values.get(index).cloned()))
    };
    let columns = (0..partitions.len()).map(column).collect::<Result<Vec<_>>>()?;
    let schema = Arc::new(Schema::new(partitions.clone()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let filter = session.create_physical_expr(filter.clone(), &DFSchema::try_from(schema)?)?;
    let passes = filter.evaluate(&batch)?.into_array(files.len())?;
    let passes = passes
        .as_boolean_opt()
        .ok_or_else(|| exec_datafusion_err!("a filter that is no condition"))?;
    Ok((0..files.len()).map(|file| passes.is_valid(file) && passes.value(file)).collect())
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use datafusion::logical_expr::{cast, col, lit};
    use datafusion::prelude::SessionContext;

    use super::*;

    /// Which of the partitions 1, 2, 3 and NULL a filter keeps.
    fn kept(filter: Expr) -> Vec<bool> {
        let partitions = Fields::from(vec![Field::new("sequence", DataType::Int64, true)]);
        let values: Vec<Vec<ScalarValue>> = [Some(1), Some(2), Some(3), None]
            .into_iter()
            .map(|sequence| vec![ScalarValue::Int64(sequence)])
            .collect();
        let files: Vec<&[ScalarValue]> = values.iter().map(Vec::as_slice).collect();
        keep(&SessionContext::new().state(), &partitions, &[filter], &files)
    }

    #[test]
    fn a_file_stays_unless_a_filter_on_its_partition_leaves_it_out() {
        let sequence = || col("sequence");
        assert_eq!(kept(sequence().eq(lit(2_i64))), [false, true, false, false]);
        assert_eq!(kept(sequence().gt(lit(1_i64))), [false, true, true, false]);
        assert_eq!(
            kept(sequence().in_list(vec![lit(1_i64), lit(3_i64)], false)),
            [true, false, true, false]
        );
        assert_eq!(kept(sequence().is_null()), [false, false, false, true]);
        let as_text = cast(sequence(), DataType::Utf8).eq(lit("3"));
        assert_eq!(kept(as_text), [false, false, true, false]);
    }

    #[test]
    fn a_filter_on_rows_leaves_out_no_file() {
        let row = || col("quantity").gt(lit(1_i64));
        assert_eq!(kept(row()), [true; 4]);
        assert_eq!(kept(row().or(col("sequence").eq(lit(1_i64)))), [true; 4]);
        assert_eq!(kept(lit(false)), [true; 4]);
    }

    /// Such a filter fails where a row is read, if one is.
    #[test]
    fn a_filter_that_cannot_be_computed_leaves_out_no_file() {
        let division = (lit(1_i64) / (col("sequence") - lit(2_i64))).gt(lit(0_i64));
        assert_eq!(kept(division), [true; 4]);
    }
}
