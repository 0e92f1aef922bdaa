//! The pres files and reports over a company of four orders, with answers added up by hand.
//!
//! Plain DataFusion runs them here: this is about what the SQL says, not about our engine.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::display::array_value_to_string;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use sqlparser::ast::Statement;
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::Parser;

use super::sql_files;
use crate::config::{Overrides, load};
use crate::tables::{ETL_CREATED, ETL_UPDATED};
use crate::types::SqlType;

/// The store tables as `landfall.toml` declares them, empty.
async fn store() -> SessionContext {
    let ctx = SessionContext::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = load(root, &Overrides::default()).expect("the sample project").project;
    for source in &project.sources {
        run(&ctx, &format!("create schema store_{}", source.name())).await;
        for table in source.tables() {
            let mut fields: Vec<Field> =
                table.landing_schema().fields().iter().map(|f| f.as_ref().clone()).collect();
            for name in [ETL_CREATED, ETL_UPDATED] {
                fields.push(Field::new(
                    name,
                    DataType::Timestamp(TimeUnit::Microsecond, None),
                    true,
                ));
            }
            register(&ctx, &table.store.to_string(), fields);
        }
    }
    ctx
}

fn register(ctx: &SessionContext, name: &str, fields: Vec<Field>) {
    let table = MemTable::try_new(Arc::new(Schema::new(fields)), vec![vec![]]).expect(name);
    ctx.register_table(name, Arc::new(table)).expect(name);
}

/// Runs one statement; its rows as text.
async fn run(ctx: &SessionContext, sql: &str) -> Vec<Vec<String>> {
    let frame = ctx.sql(sql).await.unwrap_or_else(|e| panic!("{sql}\n{e}"));
    let batches = frame.collect().await.unwrap_or_else(|e| panic!("{sql}\n{e}"));
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|c| array_value_to_string(c, row));
            rows.push(cells.collect::<Result<_, _>>().expect("text"));
        }
    }
    rows
}

/// Runs the pres files that reports read: their tables are made from the DDL, their inserts run as
/// they stand. The star schema needs MERGE and UPDATE: it is tested on our engine.
async fn present(ctx: &SessionContext) {
    run(ctx, "create schema pres").await;
    for file in sql_files().filter(|file| file.path.starts_with("sql/pres/report_")) {
        let statements = Parser::parse_sql(&RedshiftSqlDialect {}, file.text).expect(file.path);
        for statement in &statements {
            match statement {
                Statement::CreateTable(table) => {
                    let column = |c: &sqlparser::ast::ColumnDef| {
                        let ty = SqlType::parse(&c.data_type.to_string()).expect("a type");
                        Field::new(c.name.value.clone(), ty.arrow(), c.options.is_empty())
                    };
                    let fields = table.columns.iter().map(column).collect();
                    register(ctx, &table.name.to_string(), fields);
                }
                Statement::Insert(insert) => {
                    assert!(!insert.columns.is_empty(), "{}: names its columns", file.path);
                    run(ctx, &statement.to_string()).await;
                }
                Statement::CreateSchema { .. } | Statement::Delete(_) => {}
                other => panic!("{}: unexpected {other}", file.path),
            }
        }
    }
}

async fn report(ctx: &SessionContext, name: &str) -> Vec<String> {
    let path = format!("sql/reports/{name}.sql");
    let file = sql_files().find(|file| file.path == path).expect("the report");
    let rows = run(ctx, file.text.trim_end().trim_end_matches(';')).await;
    rows.into_iter().map(|row| row.join(" | ")).collect()
}

async fn company() -> SessionContext {
    let ctx = store().await;
    let insert = [
        "store_mysql.companies (company_id, company_name, country) values
            ('s1', 'Seller', 'CA'), ('p1', 'Supplier', 'NZ')",
        // user_1 is two customers, the first of them deleted: requests are the second one's.
        "store_mysql.customers (customer_document_no, customer_full_name, username, country,
            is_deleted) values
            ('1', 'Gone', 'user_1', 'US', true), ('2', 'Ann', 'user_1', 'AU', false),
            ('3', 'Bob', 'user_2', 'US', null)",
        "store_mysql.products (product_code, product_name, default_price) values
            ('A', 'Apple', 3.00), ('B', 'Bell', 50.00)",
        "store_mysql.order_headers (order_no, company_id, customer_document_no, total,
            is_deleted, updated_datetime) values
            ('o1', 's1', '2', 104.00, false, '2021-01-05 00:00:00'),
            ('o2', 's1', '3', 10.00, null, '2021-01-05 00:00:00'),
            ('o3', 's1', '2', 999.00, true, '2021-01-05 00:00:00'),
            ('o4', 'nobody', '2', 6.00, false, '2021-01-05 00:00:00')",
        // o1 has a deleted line, o3 is deleted, o9 has not arrived, o4 is before the year.
        "store_mysql.order_lines (order_no, order_line_no, order_date, product_code, supplier_id,
            quantity, line_total, is_deleted, updated_datetime) values
            ('o1', '1', '2021-01-05', 'A', 'p1', 2, 4.0000, false, '2021-01-05 00:00:00'),
            ('o1', '2', '2021-01-05', 'B', 'p1', 1, 100.5000, null, '2021-01-05 00:00:00'),
            ('o1', '3', '2021-01-05', 'B', 'p1', 7, 700.0000, true, '2021-01-05 00:00:00'),
            ('o2', '1', '2021-12-31', 'A', 'p1', 5, 10.0000, false, '2021-01-05 00:00:00'),
            ('o3', '1', '2021-02-05', 'A', 'p1', 9, 999.0000, false, '2021-01-05 00:00:00'),
            ('o4', '1', '2020-12-31', 'A', 'p1', 3, 6.0000, false, '2021-01-05 00:00:00'),
            ('o9', '1', '2021-03-05', 'A', 'p1', 8, 888.0000, false, '2021-01-05 00:00:00')",
        // 2021: AU 2, US 1, unknown 3. 2020 would make US the first.
        "store_weblog.access (file_id, line_offset, username, request_timestamp_converted,
            status_code, device, country) values
            ('f', 1, 'user_1', '2021-01-01 00:00:00', 200, 'iPad', 'AU'),
            ('f', 2, 'user_1', '2021-12-31 23:59:59', 404, 'Other', 'AU'),
            ('f', 3, 'user_2', '2021-06-01 00:00:00', 399, 'iPad', 'US'),
            ('f', 4, null, '2021-06-01 00:00:00', null, 'Android', null),
            ('f', 5, null, '2021-06-01 00:00:00', 200, 'Windows', null),
            ('f', 6, 'stranger', '2021-06-01 00:00:00', 200, 'iPhone', null),
            ('f', 7, 'user_2', '2020-12-31 23:59:59', 200, 'Macintosh', 'US'),
            ('f', 8, 'user_2', '2022-01-01 00:00:00', 200, 'Macintosh', 'US'),
            ('f', 9, 'user_2', '1900-01-01 00:00:00', 200, 'Macintosh', 'US'),
            ('f', 10, 'user_2', null, 200, 'Macintosh', 'US')",
    ];
    for rows in insert {
        run(&ctx, &format!("insert into {rows}")).await;
    }
    present(&ctx).await;
    ctx
}

#[tokio::test]
async fn order_lines_in_force_keep_what_they_refer_to() {
    let ctx = company().await;
    let rows = run(
        &ctx,
        "select order_no, order_line_no, supplier_company_country, seller_company_name,
            customer_name, product_name
        from pres.report_order_lines order by order_no, order_line_no",
    )
    .await;
    let rows: Vec<String> = rows.into_iter().map(|row| row.join(" ")).collect();
    assert_eq!(
        rows,
        [
            "o1 1 NZ Seller Ann Apple",
            "o1 2 NZ Seller Ann Bell",
            "o2 1 NZ Seller Bob Apple",
            "o4 1 NZ  Ann Apple",
        ]
    );
}

#[tokio::test]
async fn a_request_is_one_row_and_knows_its_issue() {
    let ctx = company().await;
    let rows = run(
        &ctx,
        "select line_offset, customer_document_no, case when has_issue then 'Y' else 'N' end
        from pres.report_weblog_access order by line_offset",
    )
    .await;
    let rows: Vec<String> = rows.into_iter().map(|row| row.join(" ")).collect();
    let want =
        ["1 2 N", "2 2 Y", "3 3 N", "4  Y", "5  N", "6  N", "7 3 N", "8 3 N", "9 3 Y", "10 3 Y"];
    assert_eq!(rows, want);
}

#[tokio::test]
async fn reports_answer_what_their_titles_ask() {
    let ctx = company().await;
    assert_eq!(
        report(&ctx, "monthly_sales").await,
        ["2021-01-01 | 1 | 2 | 3 | 104.5000", "2021-12-01 | 1 | 1 | 5 | 10.0000"]
    );
    assert_eq!(
        report(&ctx, "top_products").await,
        [
            "quantity | 1 | A | Apple | 5 | 10.0000",
            "quantity | 2 | B | Bell | 1 | 100.5000",
            "amount | 1 | B | Bell | 1 | 100.5000",
            "amount | 2 | A | Apple | 5 | 10.0000",
        ]
    );
    // Five places; of the four kinds with one request each, all fit and stand by name.
    assert_eq!(
        report(&ctx, "top_devices").await,
        ["iPad | 2", "Android | 1", "Other | 1", "Windows | 1", "iPhone | 1"]
    );
}
