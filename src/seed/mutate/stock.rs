//! The next day of companies, customers, products and prices: small tables, held in memory.

use std::collections::HashMap;

use super::Day;
use crate::error::Result;
use crate::seed::load;
use crate::seed::random::{Picker, Random};
use crate::seed::tables::{Batch, COMPANIES, CUSTOMERS, PRODUCT_PRICES, PRODUCTS};
use crate::seed::values::{Value, day};

const STOCK_STREAM: u64 = 6;
/// One changed price in so many is withdrawn instead.
const WITHDRAWN_ONCE_IN: u64 = 8;

const STREETS: [&str; 6] =
    ["Station Road", "High Street", "Orchard Lane", "Mill Road", "Church Street", "Park Avenue"];
const FIRST_NAMES: [&str; 6] = ["Amelia", "Noah", "Chloé", "Liam", "Zara", "Mateo"];
const LAST_NAMES: [&str; 6] = ["Fraser", "Nguyen", "Walker", "D'Souza", "Tremblay", "Hughes"];
const COMPANY_SUFFIXES: [&str; 4] = [" Ltd", " Group", " Holdings", " Partners"];
const PRODUCT_SUFFIXES: [&str; 4] = [" Classic", " Plus", " 2022", " Special"];

/// What new orders choose from.
pub struct Stock {
    pub sellers: Vec<Seller>,
    /// Code and supplier of each product.
    pub suppliers: HashMap<String, String>,
}

/// A company that sells, with its prices in cents and the customers of its country.
pub struct Seller {
    pub id: String,
    pub prices: Vec<(String, i64)>,
    pub customers: Vec<String>,
}

struct Product {
    code: String,
    name: String,
    supplier_id: String,
    cents: i64,
}

struct Price {
    code: String,
    seller: String,
    cents: i64,
    withdrawn: bool,
}

/// Changes the four tables and answers what is on sale afterwards.
pub async fn change(day: &mut Day<'_>) -> Result<Stock> {
    let mut random = Random::new(day.seed, STOCK_STREAM);
    let companies = change_companies(day, &mut random).await?;
    let customers = change_customers(day, &mut random).await?;
    let mut prices = change_prices(day, &mut random).await?;
    let products = change_products(day, &mut random, &mut prices).await?;
    let customers_of = |country: Option<&String>| -> Vec<String> {
        let of_country = customers.iter().filter(|(_, c)| Some(c) == country);
        let found: Vec<String> = of_country.map(|(no, _)| no.clone()).collect();
        if found.is_empty() { customers.iter().map(|(no, _)| no.clone()).collect() } else { found }
    };
    let mut sellers: Vec<Seller> = Vec::new();
    for price in prices.into_iter().filter(|p| !p.withdrawn) {
        let known = sellers.iter().position(|s| s.id == price.seller);
        let index = known.unwrap_or_else(|| {
            let customers = customers_of(companies.get(&price.seller));
            sellers.push(Seller { id: price.seller.clone(), prices: Vec::new(), customers });
            sellers.len() - 1
        });
        sellers[index].prices.push((price.code, price.cents));
    }
    sellers.retain(|seller| !seller.customers.is_empty());
    let suppliers = products.into_iter().map(|p| (p.code, p.supplier_id)).collect();
    Ok(Stock { sellers, suppliers })
}

/// Renames some companies; answers the country of each.
async fn change_companies(
    day: &mut Day<'_>,
    random: &mut Random,
) -> Result<HashMap<String, String>> {
    let sql = "select company_id, company_name, country from companies where not is_deleted \
               order by company_id";
    let rows: Vec<(String, String, String)> = day.connection.fetch(sql, &[]).await?;
    let mut picker = picker(day, rows.len(), random);
    let sql = "update companies set company_name = ?, updated_datetime = ? where company_id = ?";
    for (id, name, _) in rows.iter().filter(|_| picker.takes()) {
        let name = Value::Text(renamed(name, &COMPANY_SUFFIXES, random).into());
        let values = [name, day.stamp.clone(), Value::Text(id.clone().into())];
        day.update(&COMPANIES, sql, &values).await?;
    }
    Ok(rows.into_iter().map(|(id, _, country)| (id, country)).collect())
}

/// Moves some customers to another address and adds new ones; answers number and country.
async fn change_customers(day: &mut Day<'_>, random: &mut Random) -> Result<Vec<(String, String)>> {
    let sql = "select customer_document_no, coalesce(address_line_1, ''), country from customers \
               where not is_deleted order by customer_document_no";
    let rows: Vec<(String, String, String)> = day.connection.fetch(sql, &[]).await?;
    let mut picker = picker(day, rows.len(), random);
    let sql = "update customers set address_line_1 = ?, address_line_2 = ?, updated_datetime = ? \
               where customer_document_no = ?";
    for (no, street, _) in rows.iter().filter(|_| picker.takes()) {
        let mut moved = address(random);
        if moved == *street {
            moved.push_str(" East");
        }
        let no = Value::Text(no.clone().into());
        let values = [Value::Text(moved.into()), Value::Null, day.stamp.clone(), no];
        day.update(&CUSTOMERS, sql, &values).await?;
    }
    let mut customers: Vec<(String, String)> =
        rows.into_iter().map(|(no, _, country)| (no, country)).collect();
    let countries: Vec<String> = customers.iter().map(|(_, country)| country.clone()).collect();
    let last = day.connection.text("select max(customer_document_no) from customers").await?;
    let mut number: u64 = last.and_then(|no| no.parse().ok()).unwrap_or(0);
    let mut batch = Batch::new(&CUSTOMERS);
    for _ in 0..few(day, countries.len()) {
        number += 1;
        // The number has eight digits, and the country is one of those there are.
        if number > 99_999_999 || countries.is_empty() {
            break;
        }
        let country = random.pick(&countries).clone();
        batch.push(new_customer(number, &country, &day.stamp, random));
        customers.push((format!("{number:08}"), country));
    }
    insert(day, &batch).await?;
    Ok(customers)
}

fn new_customer(number: u64, country: &str, stamp: &Value, random: &mut Random) -> [Value; 14] {
    let name = format!("{} {}", random.pick(&FIRST_NAMES), random.pick(&LAST_NAMES));
    let born = day(1960, 1, 1) + random.between(0, 14_000) as i32;
    [
        Value::Number { value: number, width: 8 },
        Value::Text(name.into()),
        Value::Text(format!("user_{number}").into()),
        Value::Date(born),
        Value::Text(address(random).into()),
        Value::Null,
        Value::Null,
        Value::text("Newtown"),
        Value::Null,
        Value::Text(country.to_owned().into()),
        Value::Number { value: random.between(1_000, 99_999).unsigned_abs(), width: 5 },
        stamp.clone(),
        stamp.clone(),
        Value::Flag(false),
    ]
}

/// Changes some prices and withdraws a few.
async fn change_prices(day: &mut Day<'_>, random: &mut Random) -> Result<Vec<Price>> {
    let cents = day.cents("price");
    let sql = format!(
        "select product_code, selling_company_id, {cents} from product_prices \
         where not is_deleted order by selling_company_id, product_code"
    );
    let rows: Vec<(String, String, i64)> = day.connection.fetch(&sql, &[]).await?;
    let mut picker = picker(day, rows.len(), random);
    let mut prices = Vec::with_capacity(rows.len());
    for (code, seller, cents) in rows {
        let mut price = Price { code, seller, cents, withdrawn: false };
        if picker.takes() {
            let key = [&price.code, &price.seller].map(|k| Value::Text(k.clone().into()));
            let [code, seller] = key;
            if random.once_in(WITHDRAWN_ONCE_IN) {
                price.withdrawn = true;
                let sql = "update product_prices set is_deleted = true, updated_datetime = ? \
                           where product_code = ? and selling_company_id = ?";
                day.update(&PRODUCT_PRICES, sql, &[day.stamp.clone(), code, seller]).await?;
                day.count(&PRODUCT_PRICES, |change| change.soft_deleted += 1);
            } else {
                price.cents = repriced(cents, random);
                let sql = "update product_prices set price = ?, updated_datetime = ? \
                           where product_code = ? and selling_company_id = ?";
                let values = [Value::price(price.cents), day.stamp.clone(), code, seller];
                day.update(&PRODUCT_PRICES, sql, &values).await?;
            }
        }
        prices.push(price);
    }
    Ok(prices)
}

/// Changes name or price of some products and adds new ones, with a price of each seller.
async fn change_products(
    day: &mut Day<'_>,
    random: &mut Random,
    prices: &mut Vec<Price>,
) -> Result<Vec<Product>> {
    let cents = day.cents("default_price");
    let sql = format!(
        "select product_code, product_name, supplier_id, {cents} from products \
         where not is_deleted order by product_code"
    );
    let rows: Vec<(String, String, String, i64)> = day.connection.fetch(&sql, &[]).await?;
    let mut products: Vec<Product> = rows
        .into_iter()
        .map(|(code, name, supplier_id, cents)| Product { code, name, supplier_id, cents })
        .collect();
    let mut picker = picker(day, products.len(), random);
    for product in products.iter().filter(|_| picker.takes()) {
        let code = Value::Text(product.code.clone().into());
        if random.once_in(3) {
            let name = renamed(&product.name, &PRODUCT_SUFFIXES, random);
            let sql = "update products set product_name = ?, updated_datetime = ? \
                       where product_code = ?";
            let values = [Value::Text(name.into()), day.stamp.clone(), code];
            day.update(&PRODUCTS, sql, &values).await?;
        } else {
            let price = Value::price(repriced(product.cents, random));
            let sql = "update products set default_price = ?, updated_datetime = ? \
                       where product_code = ?";
            day.update(&PRODUCTS, sql, &[price, day.stamp.clone(), code]).await?;
        }
    }
    add_products(day, random, &mut products, prices).await?;
    Ok(products)
}

async fn add_products(
    day: &mut Day<'_>,
    random: &mut Random,
    products: &mut Vec<Product>,
    prices: &mut Vec<Price>,
) -> Result<()> {
    let suppliers: Vec<String> = products.iter().map(|p| p.supplier_id.clone()).collect();
    if suppliers.is_empty() {
        return Ok(());
    }
    let mut sellers: Vec<String> = prices.iter().map(|p| p.seller.clone()).collect();
    sellers.dedup();
    // Deleted products keep their codes, so the number counts them too.
    let known: Vec<(String,)> =
        day.connection.fetch("select product_code from products", &[]).await?;
    let mut number = known.len();
    let mut new_products = Batch::new(&PRODUCTS);
    let mut new_prices = Batch::new(&PRODUCT_PRICES);
    for _ in 0..few(day, products.len()) {
        let code = loop {
            number += 1;
            let code = format!("NEW-{number:04}");
            if known.iter().all(|(other,)| *other != code) {
                break code;
            }
        };
        let supplier_id = random.pick(&suppliers).clone();
        let name = format!("Novelty {number}");
        let cents = random.between(20, 2_000) * 5;
        new_products.push([
            Value::Text(code.clone().into()),
            Value::Text(name.clone().into()),
            Value::Text(supplier_id.clone().into()),
            Value::price(cents),
            day.stamp.clone(),
            day.stamp.clone(),
            Value::Flag(false),
        ]);
        for seller in &sellers {
            let cents = cents * random.between(110, 140) / 100;
            new_prices.push([
                Value::Text(code.clone().into()),
                Value::Text(seller.clone().into()),
                Value::price(cents),
                day.stamp.clone(),
                day.stamp.clone(),
                Value::Flag(false),
            ]);
            let (code, seller) = (code.clone(), seller.clone());
            prices.push(Price { code, seller, cents, withdrawn: false });
        }
        products.push(Product { code, name, supplier_id, cents });
    }
    insert(day, &new_products).await?;
    insert(day, &new_prices).await
}

async fn insert(day: &mut Day<'_>, batch: &Batch) -> Result<()> {
    if batch.rows() > 0 {
        load::insert(day.connection, batch).await.map_err(|e| e.about(batch.table.name))?;
        day.count(batch.table, |change| change.inserted += batch.rows());
    }
    Ok(())
}

/// New rows of a small table: a fifth of the share, at least one.
fn few(day: &Day<'_>, rows: usize) -> u64 {
    ((rows as f64 * day.percent / 500.0) as u64).max(1)
}

fn picker(day: &Day<'_>, rows: usize, random: &mut Random) -> Picker {
    Picker::share(day.percent, rows as u64, Random::new(random.next(), STOCK_STREAM))
}

fn address(random: &mut Random) -> String {
    format!("{} {}", random.between(1, 400), random.pick(&STREETS))
}

/// A price up to 10 % higher or lower, another one in any case, at least 1 cent; one over ten
/// million only falls, since a price column ends at a hundred million.
pub fn repriced(cents: i64, random: &mut Random) -> i64 {
    let most = (cents / 10).max(1);
    let step = random.between(1, most);
    let falls = cents > 1_000_000_000 || random.once_in(2);
    if cents > most && falls { cents - step } else { cents + step }
}

/// The name with another suffix than it has.
fn renamed(name: &str, suffixes: &[&str], random: &mut Random) -> String {
    let base = suffixes.iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
    let first = random.below(suffixes.len() as u64) as usize;
    (0..suffixes.len())
        .map(|turn| format!("{base}{}", suffixes[(first + turn) % suffixes.len()]))
        .find(|new| new != name)
        .unwrap_or_else(|| base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_price_is_another_price_within_reach() {
        let mut random = Random::new(1, 1);
        for cents in [0, 1, 2, 9, 10, 11, 100, 250_000, 9_999_999_999] {
            for _ in 0..100 {
                let new = repriced(cents, &mut random);
                assert!(new != cents && (1..=9_999_999_999).contains(&new));
                assert!((new - cents).abs() <= (cents / 10).max(1));
            }
        }
    }

    #[test]
    fn a_new_name_is_another_name_and_does_not_grow() {
        let mut random = Random::new(1, 1);
        let mut name = "Fundy Bay".to_owned();
        for _ in 0..50 {
            let new = renamed(&name, &COMPANY_SUFFIXES, &mut random);
            assert!(new != name && new.len() <= "Fundy Bay".len() + 9, "{new}");
            name = new;
        }
    }
}
