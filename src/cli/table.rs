//! Aligned columns for people. Values come ready to show.

use std::fmt;

use comfy_table::{Cell, CellAlignment, ContentArrangement};
use comfy_table::{LineStyle, TableStyle};

/// Which side a column leans on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A table being filled.
pub(super) struct Table {
    inner: comfy_table::Table,
    aligns: Vec<Align>,
}

impl Table {
    /// A table of these columns, wrapped at `width` columns of the terminal.
    pub(super) fn new(
        columns: impl IntoIterator<Item = (String, Align)>,
        width: Option<u16>,
        utf8: bool,
    ) -> Table {
        let (names, aligns): (Vec<String>, Vec<Align>) = columns.into_iter().unzip();
        let mut inner = comfy_table::Table::new();
        let rule = if utf8 { '─' } else { '-' };
        inner.load_style(
            TableStyle::new().header_separator(LineStyle::none().fill(rule).junction(rule)),
        );
        if let Some(width) = width {
            inner.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
        }
        let mut table = Table { inner, aligns };
        let header = table.cells(names);
        table.inner.set_header(header);
        table
    }

    pub(super) fn row(&mut self, values: impl IntoIterator<Item = String>) {
        let cells = self.cells(values);
        self.inner.add_row(cells);
    }

    fn cells(&self, values: impl IntoIterator<Item = String>) -> Vec<Cell> {
        values
            .into_iter()
            .enumerate()
            .map(|(index, value)| {
                let align = match self.aligns.get(index) {
                    Some(Align::Right) => CellAlignment::Right,
                    _ => CellAlignment::Left,
                };
                Cell::new(value).set_alignment(align)
            })
            .collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.trim_fmt())
    }
}
