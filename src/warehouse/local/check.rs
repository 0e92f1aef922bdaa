//! What Redshift enforces on every write: NOT NULL, VARCHAR and CHAR lengths in bytes, identity.
//!
//! Keys are informational on Redshift and are not checked. Source: redshift.md section 4
//! (r_Character_types, r_CREATE_TABLE_NEW).

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringViewBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, SchemaRef};

use crate::error::{Error, Result};
use crate::types::SqlType;

use super::catalog::{ColumnDef, Identity};

/// Makes rows out of computed columns: types as stored, identity values filled in, rules checked.
///
/// `columns` are the values in table order. Identity counters move on by the values they gave.
pub fn rows(
    table: &[ColumnDef],
    schema: &SchemaRef,
    columns: &[ArrayRef],
    identities: &mut [Option<Identity>],
) -> Result<RecordBatch> {
    if columns.len() != table.len() {
        return Err(Error::failed(
            "sql/columns",
            format!("{} values for {} columns", columns.len(), table.len()),
        ));
    }
    let mut checked = Vec::with_capacity(columns.len());
    for (index, (column, values)) in table.iter().zip(columns).enumerate() {
        let wanted = schema.field(index).data_type();
        let values = match identities.get_mut(index).and_then(Option::as_mut) {
            Some(identity) => fill_identity(column, values, identity)?,
            None => Arc::clone(values),
        };
        let values = if values.data_type() == wanted {
            values
        } else {
            cast(&values, wanted).map_err(|e| cannot_store(column, e))?
        };
        check_nulls(column, &values)?;
        checked.push(match column.ty {
            SqlType::Varchar(limit) => check_text(column, values, limit, false)?,
            SqlType::Char(limit) => check_text(column, values, limit, true)?,
            SqlType::Decimal { precision: 19, .. } => check_eight_bytes(column, values)?,
            _ => values,
        });
    }
    RecordBatch::try_new(Arc::clone(schema), checked).map_err(|e| {
        Error::failed("sql/rows", "the values of a statement do not make rows").because(e)
    })
}

fn cannot_store(column: &ColumnDef, cause: arrow::error::ArrowError) -> Error {
    Error::failed(
        "sql/overflow",
        format!("a value does not fit column {} of type {}", column.name, column.ty),
    )
    .because(cause)
}

fn check_nulls(column: &ColumnDef, values: &ArrayRef) -> Result<()> {
    if column.not_null && values.null_count() > 0 {
        return Err(Error::failed(
            "sql/not-null",
            format!("cannot insert a NULL value into column {}", column.name),
        )
        .hint("the column is declared NOT NULL: give it a value, or leave such rows out"));
    }
    Ok(())
}

/// A DECIMAL of 19 digits is kept in eight bytes (r_Numeric_types201).
fn check_eight_bytes(column: &ColumnDef, values: ArrayRef) -> Result<ArrayRef> {
    let fits = |v: i128| i64::try_from(v).is_ok();
    match values.as_primitive_opt::<Decimal128Type>() {
        Some(decimals) if !decimals.iter().flatten().all(fits) => Err(Error::failed(
            "sql/overflow",
            format!("a value does not fit column {} of type {}", column.name, column.ty),
        )
        .hint("a DECIMAL of 19 digits holds 9223372036854775807 at most; declare 20 digits")),
        _ => Ok(values),
    }
}

/// Redshift: too long is an error, unless the surplus is blanks, which are cut.
fn check_text(column: &ColumnDef, values: ArrayRef, limit: u32, is_char: bool) -> Result<ArrayRef> {
    let Some(text) = values.as_string_view_opt() else { return Ok(values) };
    let limit = limit as usize;
    let too_long =
        text.lengths().zip(0..).any(|(length, row)| text.is_valid(row) && length as usize > limit);
    // CHAR values compare and read back without their trailing blanks.
    let blanks = is_char && text.iter().flatten().any(|v| v.ends_with(' '));
    if is_char && text.iter().flatten().any(|v| !v.is_ascii()) {
        return Err(Error::failed(
            "sql/char-multibyte",
            format!(
                "column {} of type {} takes single-byte characters only",
                column.name, column.ty
            ),
        )
        .hint("declare it varchar"));
    }
    if !too_long && !blanks {
        return Ok(values);
    }
    let mut fitted = StringViewBuilder::with_capacity(text.len());
    for value in text {
        let Some(value) = value else {
            fitted.append_null();
            continue;
        };
        let value = if is_char { value.trim_end_matches(' ') } else { value };
        if value.len() <= limit {
            fitted.append_value(value);
            continue;
        }
        let cut = &value[..value.floor_char_boundary(limit)];
        if value[cut.len()..].bytes().all(|b| b == b' ') {
            fitted.append_value(cut);
        } else {
            return Err(Error::failed(
                "sql/too-long",
                format!(
                    "value too long for type {}: column {} got {} bytes",
                    spelled_out(column.ty),
                    column.name,
                    value.len()
                ),
            )
            .hint("lengths are bytes, not characters; widen the column or cut the value"));
        }
    }
    Ok(Arc::new(fitted.finish()))
}

/// A type of text as Redshift's own message has it.
fn spelled_out(ty: SqlType) -> String {
    match ty {
        SqlType::Varchar(n) => format!("character varying({n})"),
        SqlType::Char(n) => format!("character({n})"),
        other => other.to_string(),
    }
}

/// Gives every NULL of an identity column the next value.
fn fill_identity(
    column: &ColumnDef,
    values: &ArrayRef,
    identity: &mut Identity,
) -> Result<ArrayRef> {
    let given = cast(values, &DataType::Int64).map_err(|e| cannot_store(column, e))?;
    let given = given.as_any().downcast_ref::<Int64Array>();
    let mut filled = Vec::with_capacity(values.len());
    for row in 0..values.len() {
        match given.filter(|g| g.is_valid(row)) {
            Some(given) if identity.by_default => filled.push(given.value(row)),
            Some(_) => {
                return Err(Error::failed(
                    "sql/identity-value",
                    format!("cannot set an identity column to a value: {}", column.name),
                )
                .hint("leave the column out, or declare it GENERATED BY DEFAULT AS IDENTITY"));
            }
            None => {
                filled.push(identity.next);
                identity.next = identity.next.checked_add(identity.step).ok_or_else(|| {
                    Error::failed("sql/overflow", format!("identity {} is used up", column.name))
                })?;
            }
        }
    }
    if column.ty == SqlType::Integer {
        let narrow: Option<Vec<i32>> = filled.iter().map(|v| i32::try_from(*v).ok()).collect();
        return match narrow {
            Some(narrow) => Ok(Arc::new(Int32Array::from(narrow))),
            None => {
                Err(Error::failed("sql/overflow", format!("identity {} is used up", column.name)))
            }
        };
    }
    Ok(Arc::new(Int64Array::from(filled)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::local::files::file_schema;
    use arrow::array::StringViewArray;

    fn column(ty: &str, not_null: bool) -> ColumnDef {
        ColumnDef {
            id: 1,
            name: "c".into(),
            ty: SqlType::parse(ty).expect("a type"),
            not_null,
            default: None,
            initial_default: None,
            identity: None,
            encode: None,
        }
    }

    fn store(column: ColumnDef, values: Vec<Option<&str>>) -> Result<Vec<Option<String>>> {
        let table = [column];
        let values: ArrayRef = Arc::new(StringViewArray::from(values));
        let batch = rows(&table, &file_schema(&table), &[values], &mut [None])?;
        let text = batch.column(0).as_string_view();
        Ok(text.iter().map(|v| v.map(str::to_string)).collect())
    }

    #[test]
    fn lengths_are_bytes_and_surplus_blanks_are_cut() {
        assert_eq!(
            store(column("varchar(3)", false), vec![Some("abc  "), None, Some("a ")])
                .expect("fits"),
            vec![Some("abc".into()), None, Some("a ".into())]
        );
        let error = store(column("varchar(3)", false), vec![Some("äöü")]).expect_err("six bytes");
        assert_eq!(error.code(), "sql/too-long");
    }

    #[test]
    fn char_drops_trailing_blanks_and_refuses_multibyte() {
        assert_eq!(
            store(column("char(5)", false), vec![Some("ab   ")]).expect("fits"),
            vec![Some("ab".into())]
        );
        let error = store(column("char(5)", false), vec![Some("é")]).expect_err("two bytes");
        assert_eq!(error.code(), "sql/char-multibyte");
    }

    #[test]
    fn null_in_a_not_null_column_is_refused() {
        let error = store(column("varchar(3)", true), vec![None]).expect_err("null");
        assert_eq!(error.code(), "sql/not-null");
    }

    #[test]
    fn identity_values_run_on_and_given_ones_are_refused() {
        let table = [column("bigint", true)];
        let mut identity = [Some(Identity { seed: 5, step: 2, next: 5, by_default: false })];
        let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None, None]));
        let batch = rows(&table, &file_schema(&table), &[nulls], &mut identity).expect("filled");
        let values = batch.column(0).as_any().downcast_ref::<Int64Array>().expect("bigint");
        assert_eq!(values.values(), &[5, 7]);
        assert_eq!(identity[0].map(|i| i.next), Some(9));
        let given: ArrayRef = Arc::new(Int64Array::from(vec![Some(1)]));
        let error = rows(&table, &file_schema(&table), &[given], &mut identity).expect_err("given");
        assert_eq!(error.code(), "sql/identity-value");
    }
}
