//! The six tables of the order database and their DDL in each kind of database. No I/O.

use std::fmt::Write;

use super::values::Value;

/// A table of the order database.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    /// The columns that name one row.
    pub key: &'static [&'static str],
}

/// A column of such a table.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub nullable: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Up to so many characters.
    Text(usize),
    Integer,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Date,
    /// To the second, without a zone.
    DateTime,
    Flag,
}

/// The kinds of database the sample can live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Mysql,
    Postgres,
}

/// Rows of one table on their way into a database: values row after row, in column order.
#[derive(Debug)]
pub struct Batch {
    pub table: &'static Table,
    pub values: Vec<Value>,
}

impl Batch {
    pub fn new(table: &'static Table) -> Batch {
        Batch { table, values: Vec::new() }
    }

    pub fn push(&mut self, row: impl IntoIterator<Item = Value>) {
        self.values.extend(row);
        debug_assert_eq!(self.values.len() % self.table.columns.len(), 0);
    }

    pub fn rows(&self) -> u64 {
        (self.values.len() / self.table.columns.len()) as u64
    }
}

const ID: Kind = Kind::Text(46);
const PRICE: Kind = Kind::Decimal { precision: 10, scale: 2 };
const TOTAL: Kind = Kind::Decimal { precision: 20, scale: 4 };

const fn must(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false }
}

const fn may(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true }
}

const CREATED: Column = must("created_datetime", Kind::DateTime);
const UPDATED: Column = must("updated_datetime", Kind::DateTime);
const DELETED: Column = must("is_deleted", Kind::Flag);

pub static COMPANIES: Table = Table {
    name: "companies",
    columns: &[
        must("company_id", ID),
        must("company_name", Kind::Text(255)),
        must("country", Kind::Text(100)),
        must("is_supplier", Kind::Flag),
        CREATED,
        UPDATED,
        DELETED,
    ],
    key: &["company_id"],
};

pub static CUSTOMERS: Table = Table {
    name: "customers",
    columns: &[
        must("customer_document_no", Kind::Text(8)),
        must("customer_full_name", Kind::Text(100)),
        must("username", Kind::Text(50)),
        may("date_of_birth", Kind::Date),
        may("address_line_1", Kind::Text(100)),
        may("address_line_2", Kind::Text(100)),
        may("address_line_3", Kind::Text(100)),
        may("city", Kind::Text(50)),
        may("state", Kind::Text(50)),
        must("country", Kind::Text(50)),
        may("post_code", Kind::Text(50)),
        CREATED,
        UPDATED,
        DELETED,
    ],
    key: &["customer_document_no"],
};

pub static PRODUCTS: Table = Table {
    name: "products",
    columns: &[
        must("product_code", Kind::Text(50)),
        must("product_name", Kind::Text(100)),
        must("supplier_id", ID),
        must("default_price", PRICE),
        CREATED,
        UPDATED,
        DELETED,
    ],
    key: &["product_code"],
};

pub static PRODUCT_PRICES: Table = Table {
    name: "product_prices",
    columns: &[
        must("product_code", Kind::Text(50)),
        must("selling_company_id", ID),
        must("price", PRICE),
        CREATED,
        UPDATED,
        DELETED,
    ],
    key: &["product_code", "selling_company_id"],
};

pub static ORDER_HEADERS: Table = Table {
    name: "order_headers",
    columns: &[
        must("order_no", Kind::Text(16)),
        must("order_date", Kind::Date),
        must("company_id", ID),
        must("customer_document_no", Kind::Text(8)),
        must("total", TOTAL),
        CREATED,
        UPDATED,
        DELETED,
    ],
    key: &["order_no"],
};

pub static ORDER_LINES: Table = Table {
    name: "order_lines",
    columns: &[
        must("order_no", Kind::Text(16)),
        must("order_line_no", Kind::Text(4)),
        must("order_date", Kind::Date),
        must("product_code", Kind::Text(50)),
        must("supplier_id", ID),
        must("unit_price", PRICE),
        must("quantity", Kind::Integer),
        must("line_total", TOTAL),
        CREATED,
        UPDATED,
        DELETED,
    ],
    key: &["order_no", "order_line_no"],
};

/// All of them, those that others refer to first.
pub static ALL: [&Table; 6] =
    [&COMPANIES, &CUSTOMERS, &PRODUCTS, &PRODUCT_PRICES, &ORDER_HEADERS, &ORDER_LINES];

impl Table {
    /// The statement that creates this table as `name`.
    pub fn create(&self, dialect: Dialect, name: &str) -> String {
        let mut sql = format!("create table {name} (");
        for column in self.columns {
            let null = if column.nullable { "" } else { " not null" };
            // Writing to a String cannot fail.
            let _ = write!(sql, "{} {}{null}, ", column.name, column.kind.in_ddl(dialect));
        }
        let _ = write!(sql, "primary key ({}))", self.key.join(", "));
        if dialect == Dialect::Mysql {
            sql.push_str(" engine = InnoDB default character set utf8mb4");
        }
        sql
    }

    /// The statement that adds the index extracts read by.
    pub fn index(&self, name: &str) -> String {
        format!("create index {}_updated on {name} (updated_datetime)", self.name)
    }

    /// `a, b, c`: the columns in order.
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ")
    }
}

impl Kind {
    fn in_ddl(self, dialect: Dialect) -> String {
        match (self, dialect) {
            (Kind::Text(length), _) => format!("varchar({length})"),
            (Kind::Integer, _) => "integer".to_owned(),
            (Kind::Decimal { precision, scale }, _) => format!("decimal({precision},{scale})"),
            (Kind::Date, _) => "date".to_owned(),
            (Kind::DateTime, Dialect::Postgres) => "timestamp".to_owned(),
            (Kind::DateTime, _) => "datetime".to_owned(),
            (Kind::Flag, _) => "boolean".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ddl_names_types_keys_and_nulls() {
        assert_eq!(
            PRODUCT_PRICES.create(Dialect::Postgres, "product_prices"),
            "create table product_prices (product_code varchar(50) not null, \
             selling_company_id varchar(46) not null, price decimal(10,2) not null, \
             created_datetime timestamp not null, updated_datetime timestamp not null, \
             is_deleted boolean not null, primary key (product_code, selling_company_id))"
        );
        assert!(CUSTOMERS.create(Dialect::Mysql, "c").contains("date_of_birth date, "));
        assert!(CUSTOMERS.create(Dialect::Mysql, "c").contains("created_datetime datetime not"));
        assert_eq!(COMPANIES.index("x"), "create index companies_updated on x (updated_datetime)");
    }

    #[test]
    fn every_table_has_its_key_and_the_three_columns_of_change() {
        for table in ALL {
            for name in
                table.key.iter().chain(&["created_datetime", "updated_datetime", "is_deleted"])
            {
                let column = table.columns.iter().find(|c| c.name == *name);
                assert!(column.is_some_and(|c| !c.nullable), "{}.{name}", table.name);
            }
        }
    }
}
