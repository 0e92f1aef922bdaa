//! The next day of orders: some revised, some soft-deleted, some new. It reads the orders in
//! pages, so that any number of them fits.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::Day;
use super::stock::{Stock, repriced};
use crate::error::{Error, Result};
use crate::seed::load;
use crate::seed::random::{Picker, Random};
use crate::seed::tables::{Batch, ORDER_HEADERS, ORDER_LINES};
use crate::seed::values::Value;
use crate::seed::{LAST_DAY, ORDERS_A_BATCH, lines_of_an_order};

const ORDERS_STREAM: u64 = 7;
const PAGE: usize = 2_000;
/// Orders whose lines are read together.
const TOGETHER: usize = 200;
/// Of 100 touched orders so many are new.
const NEW_PERCENT: f64 = 20.0;
/// One changed order in so many is soft-deleted.
const DELETED_ONCE_IN: u64 = 16;
/// One line in so many of a revised order is soft-deleted.
const LINE_DELETED_ONCE_IN: u64 = 20;

struct Line {
    no: String,
    cents: i64,
    quantity: i64,
}

/// Changes orders and their lines and adds new ones.
pub async fn change(day: &mut Day<'_>, stock: &Stock) -> Result<()> {
    let orders = day.whole("count(*)");
    let live = day
        .connection
        .number(&format!("select {orders} from order_headers where not is_deleted"))
        .await?
        .unsigned_abs();
    // Read before the changes, so that none of the new orders is also revised.
    let last = last_order(day).await?;
    let mut random = Random::new(day.seed, ORDERS_STREAM);
    if live > 0 {
        revise(day, live, &mut random).await?;
    }
    if !stock.sellers.is_empty() {
        let count = (live as f64 * day.percent * NEW_PERCENT / 10_000.0).round() as u64;
        add(day, stock, last, count.max(1), &mut random).await?;
    }
    Ok(())
}

/// Number of the last order and the day after it.
async fn last_order(day: &mut Day<'_>) -> Result<(u64, NaiveDate)> {
    let no = day.connection.text("select max(order_no) from order_headers").await?;
    let sql = "select cast(max(order_date) as char(10)) from order_headers";
    let date = day.connection.text(sql).await?;
    let unexpected = |what: &str, found: &str| {
        Error::failed("seed/orders", format!("expected {what}, found `{found}`"))
            .about(ORDER_HEADERS.name)
            .hint("make the order database with landfall seed")
    };
    let no = match no {
        None => 0,
        Some(no) => no.parse().map_err(|_| unexpected("a number as last order_no", &no))?,
    };
    let date = match date {
        None => NaiveDate::default() + chrono::Days::new(u64::from(LAST_DAY.unsigned_abs())),
        Some(date) => NaiveDate::parse_from_str(&date, "%Y-%m-%d")
            .map_err(|_| unexpected("a date as last order_date", &date))?,
    };
    Ok((no, date.succ_opt().unwrap_or(date)))
}

/// Goes through the live orders and changes the share that is not new.
async fn revise(day: &mut Day<'_>, live: u64, random: &mut Random) -> Result<()> {
    let share = day.percent * (100.0 - NEW_PERCENT) / 100.0;
    let mut picker = Picker::share(share, live, Random::new(random.next(), ORDERS_STREAM));
    let sql = format!(
        "select order_no from order_headers where not is_deleted and order_no > ? \
         order by order_no limit {PAGE}"
    );
    let mut after = String::new();
    loop {
        let page: Vec<(String,)> = day.connection.fetch(&sql, &[Value::Text(after.into())]).await?;
        let Some((last,)) = page.last() else { return Ok(()) };
        after = last.clone();
        let picked: Vec<String> =
            page.into_iter().map(|row| row.0).filter(|_| picker.takes()).collect();
        for orders in picked.chunks(TOGETHER) {
            for (no, lines) in lines_of(day, orders).await? {
                if random.once_in(DELETED_ONCE_IN) {
                    delete_order(day, &no).await?;
                } else {
                    revise_order(day, &no, lines, random).await?;
                }
            }
        }
    }
}

/// The live lines of some orders; an order without any is there with none.
async fn lines_of(day: &mut Day<'_>, orders: &[String]) -> Result<BTreeMap<String, Vec<Line>>> {
    let sql = format!(
        "select order_no, order_line_no, {}, {} from order_lines \
         where not is_deleted and order_no in ({}) order by order_no, order_line_no",
        day.cents("unit_price"),
        day.whole("quantity"),
        vec!["?"; orders.len()].join(", ")
    );
    let values: Vec<Value> = orders.iter().map(|no| Value::Text(no.clone().into())).collect();
    let rows: Vec<(String, String, i64, i64)> = day.connection.fetch(&sql, &values).await?;
    let mut lines: BTreeMap<String, Vec<Line>> =
        orders.iter().map(|no| (no.clone(), Vec::new())).collect();
    for (order, no, cents, quantity) in rows {
        lines.entry(order).or_default().push(Line { no, cents, quantity });
    }
    Ok(lines)
}

/// Changes every line of an order, and its total with them: the sum of its live lines.
async fn revise_order(
    day: &mut Day<'_>,
    order: &str,
    lines: Vec<Line>,
    random: &mut Random,
) -> Result<()> {
    let no = Value::Text(order.to_owned().into());
    let mut live = lines.len();
    let mut total: i64 = 0;
    for line in lines {
        let line_no = Value::Text(line.no.into());
        if live > 1 && random.once_in(LINE_DELETED_ONCE_IN) {
            live -= 1;
            let sql = "update order_lines set is_deleted = true, updated_datetime = ? \
                       where order_no = ? and order_line_no = ?";
            day.update(&ORDER_LINES, sql, &[day.stamp.clone(), no.clone(), line_no]).await?;
            day.count(&ORDER_LINES, |change| change.soft_deleted += 1);
            continue;
        }
        let (cents, quantity) = if random.once_in(3) {
            (repriced(line.cents, random), line.quantity)
        } else {
            let other = random.between(1, 19);
            (line.cents, if other < line.quantity { other } else { other + 1 })
        };
        // What a loaded extract holds may overflow; the column then refuses the largest number.
        let line_total = cents.saturating_mul(quantity);
        total = line_total.saturating_add(total);
        let sql = "update order_lines set unit_price = ?, quantity = ?, line_total = ?, \
                   updated_datetime = ? where order_no = ? and order_line_no = ?";
        let values = [
            Value::price(cents),
            Value::Integer(quantity),
            Value::total(line_total),
            day.stamp.clone(),
            no.clone(),
            line_no,
        ];
        day.update(&ORDER_LINES, sql, &values).await?;
    }
    let sql = "update order_headers set total = ?, updated_datetime = ? where order_no = ?";
    day.update(&ORDER_HEADERS, sql, &[Value::total(total), day.stamp.clone(), no]).await
}

/// Soft-deletes an order with its live lines; its total stays as it was.
async fn delete_order(day: &mut Day<'_>, order: &str) -> Result<()> {
    let values = [day.stamp.clone(), Value::Text(order.to_owned().into())];
    let sql = "update order_headers set is_deleted = true, updated_datetime = ? \
               where order_no = ?";
    day.update(&ORDER_HEADERS, sql, &values).await?;
    day.count(&ORDER_HEADERS, |change| change.soft_deleted += 1);
    let sql = "update order_lines set is_deleted = true, updated_datetime = ? \
               where order_no = ? and not is_deleted";
    let lines = day.connection.execute(sql, &values).await?;
    day.count(&ORDER_LINES, |change| {
        change.updated += lines;
        change.soft_deleted += lines;
    });
    Ok(())
}

/// Adds orders of the next day.
async fn add(
    day: &mut Day<'_>,
    stock: &Stock,
    (last, date): (u64, NaiveDate),
    count: u64,
    random: &mut Random,
) -> Result<()> {
    let date = date.signed_duration_since(NaiveDate::default()).num_days();
    let date = Value::Date(i32::try_from(date).unwrap_or(LAST_DAY));
    let mut made = 0;
    while made < count {
        let mut headers = Batch::new(&ORDER_HEADERS);
        let mut lines = Batch::new(&ORDER_LINES);
        for _ in 0..ORDERS_A_BATCH.min(count - made) {
            made += 1;
            new_order(last + made, &date, stock, &day.stamp, random, &mut headers, &mut lines);
        }
        for batch in [headers, lines] {
            load::insert(day.connection, &batch).await.map_err(|e| e.about(batch.table.name))?;
            day.count(batch.table, |change| change.inserted += batch.rows());
        }
    }
    Ok(())
}

fn new_order(
    no: u64,
    date: &Value,
    stock: &Stock,
    stamp: &Value,
    random: &mut Random,
    headers: &mut Batch,
    lines: &mut Batch,
) {
    let seller = random.pick(&stock.sellers);
    let no = Value::Number { value: no, width: 16 };
    let mut total = 0;
    for line in 1..=lines_of_an_order(random) {
        let (code, cents) = random.pick(&seller.prices);
        let supplier = stock.suppliers.get(code).cloned().unwrap_or_default();
        let quantity = random.between(1, 20);
        total += cents * quantity;
        lines.push([
            no.clone(),
            Value::Number { value: line.unsigned_abs(), width: 4 },
            date.clone(),
            Value::Text(code.clone().into()),
            Value::Text(supplier.into()),
            Value::price(*cents),
            Value::Integer(quantity),
            Value::total(cents * quantity),
            stamp.clone(),
            stamp.clone(),
            Value::Flag(false),
        ]);
    }
    headers.push([
        no,
        date.clone(),
        Value::Text(seller.id.clone().into()),
        Value::Text(random.pick(&seller.customers).clone().into()),
        Value::total(total),
        stamp.clone(),
        stamp.clone(),
        Value::Flag(false),
    ]);
}
