//! A tree as a text that reads as the same tree. It changes no tree that is run.
//!
//! The printer of the trees takes a backslash and a doubled quote for escapes that are there already;
//! in a tree they are the text itself.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Value, ValueWithSpan, VisitMut, VisitorMut};

use crate::sql::quote_literal;

/// An expression as Redshift reads it back.
pub fn printed(expr: &Expr) -> String {
    let mut expr = expr.clone();
    let _ = expr.visit(&mut Literals);
    expr.to_string()
}

struct Literals;

impl VisitorMut for Literals {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) = &value.value {
            // a placeholder is printed as it stands
            value.value = Value::Placeholder(quote_literal(text));
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use datafusion::sql::sqlparser::ast::{SelectItem, SetExpr};

    use super::*;
    use crate::dialect::parse_query;

    fn read(text: &str) -> Expr {
        let query = parse_query(&format!("select {text}"), Path::new("a.sql")).expect(text);
        match *query.body {
            SetExpr::Select(select) => match select.projection.into_iter().next() {
                Some(SelectItem::UnnamedExpr(expr)) => expr,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_printed_reads_as_what_was_written() {
        for text in [
            r"'a\\b'",
            r"'it''s'",
            r"'it\'s'",
            r"'a\\''b'",
            "''''''",
            r"date '2020-01-01'",
            r"'\\' || upper('n\nl')",
            r"cast('\\' as varchar(3))",
        ] {
            let once = printed(&read(text));
            let twice = printed(&read(&once));
            assert_eq!(once, twice, "{text}");
            let plain = |e: &Expr| format!("{e:?}").replace(|c: char| c.is_ascii_digit(), "");
            assert_eq!(plain(&read(&once)), plain(&read(text)), "{text}");
        }
        assert_eq!(printed(&read(r"'a\\b'")), r"'a\\b'");
    }
}
