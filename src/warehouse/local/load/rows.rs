//! Values, row by row, to columns of Arrow. It decides no meaning.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringViewBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};

use crate::types::SqlType;

use super::text::Target;
use super::values::Cell;

/// The rows gathered so far.
pub struct Rows {
    columns: Vec<Column>,
    len: usize,
}

enum Column {
    Boolean(BooleanBuilder),
    Small(Int16Builder),
    Int(Int32Builder),
    Big(Int64Builder),
    Real(Float32Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder),
    Text(StringViewBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Time(Time64MicrosecondBuilder),
    Bytes(BinaryViewBuilder),
}

impl Rows {
    pub fn new(targets: &[Target], capacity: usize) -> Rows {
        let columns = targets.iter().map(|t| Column::new(t.ty, capacity)).collect();
        Rows { columns, len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, cells: Vec<Cell<'_>>) {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
        }
        self.len += 1;
    }

    /// The columns of all rows since the last time.
    pub fn finish(&mut self) -> Vec<ArrayRef> {
        self.len = 0;
        self.columns.iter_mut().map(Column::finish).collect()
    }
}

impl Column {
    fn new(ty: SqlType, n: usize) -> Column {
        match ty {
            SqlType::Boolean => Column::Boolean(BooleanBuilder::with_capacity(n)),
            SqlType::SmallInt => Column::Small(Int16Builder::with_capacity(n)),
            SqlType::Integer => Column::Int(Int32Builder::with_capacity(n)),
            SqlType::BigInt => Column::Big(Int64Builder::with_capacity(n)),
            SqlType::Real => Column::Real(Float32Builder::with_capacity(n)),
            SqlType::Double => Column::Double(Float64Builder::with_capacity(n)),
            SqlType::Decimal { .. } => {
                Column::Decimal(Decimal128Builder::with_capacity(n).with_data_type(ty.arrow()))
            }
            SqlType::Char(_) | SqlType::Varchar(_) => {
                Column::Text(StringViewBuilder::with_capacity(n))
            }
            SqlType::Date => Column::Date(Date32Builder::with_capacity(n)),
            SqlType::Timestamp | SqlType::TimestampTz => Column::Timestamp(
                TimestampMicrosecondBuilder::with_capacity(n).with_data_type(ty.arrow()),
            ),
            SqlType::Time => Column::Time(Time64MicrosecondBuilder::with_capacity(n)),
            SqlType::Varbyte(_) => Column::Bytes(BinaryViewBuilder::with_capacity(n)),
        }
    }

    /// A value of another kind than the column's counts as NULL; the readers give none.
    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Column::Boolean(b), Cell::Boolean(v)) => b.append_value(v),
            (Column::Small(b), Cell::Int(v)) => b.append_option(i16::try_from(v).ok()),
            (Column::Int(b), Cell::Int(v)) => b.append_option(i32::try_from(v).ok()),
            (Column::Big(b), Cell::Int(v)) => b.append_value(v),
            (Column::Real(b), Cell::Float(v)) => b.append_value(v as f32),
            (Column::Double(b), Cell::Float(v)) => b.append_value(v),
            (Column::Decimal(b), Cell::Decimal(v)) => b.append_value(v),
            (Column::Text(b), Cell::Text(v)) => b.append_value(v),
            (Column::Date(b), Cell::Int(v)) => b.append_option(i32::try_from(v).ok()),
            (Column::Timestamp(b), Cell::Int(v)) => b.append_value(v),
            (Column::Time(b), Cell::Int(v)) => b.append_value(v),
            (Column::Bytes(b), Cell::Bytes(v)) => b.append_value(v),
            (column, _) => column.push_null(),
        }
    }

    fn push_null(&mut self) {
        match self {
            Column::Boolean(b) => b.append_null(),
            Column::Small(b) => b.append_null(),
            Column::Int(b) => b.append_null(),
            Column::Big(b) => b.append_null(),
            Column::Real(b) => b.append_null(),
            Column::Double(b) => b.append_null(),
            Column::Decimal(b) => b.append_null(),
            Column::Text(b) => b.append_null(),
            Column::Date(b) => b.append_null(),
            Column::Timestamp(b) => b.append_null(),
            Column::Time(b) => b.append_null(),
            Column::Bytes(b) => b.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Boolean(b) => Arc::new(b.finish()),
            Column::Small(b) => Arc::new(b.finish()),
            Column::Int(b) => Arc::new(b.finish()),
            Column::Big(b) => Arc::new(b.finish()),
            Column::Real(b) => Arc::new(b.finish()),
            Column::Double(b) => Arc::new(b.finish()),
            Column::Decimal(b) => Arc::new(b.finish()),
            Column::Text(b) => Arc::new(b.finish()),
            Column::Date(b) => Arc::new(b.finish()),
            Column::Timestamp(b) => Arc::new(b.finish()),
            Column::Time(b) => Arc::new(b.finish()),
            Column::Bytes(b) => Arc::new(b.finish()),
        }
    }
}
