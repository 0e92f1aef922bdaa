//! Who trades in the sample: companies, customers, products and prices, as data. No I/O.
//!
//! The user names and countries of the customers are those the access log is written with.

use super::Plan;
use super::random::{Random, mix};
use super::tables::{Batch, COMPANIES, CUSTOMERS, PRODUCT_PRICES, PRODUCTS};
use super::values::{SECONDS_A_DAY, Value, day};

/// Name of the stream the prices are drawn from.
const PRICES_STREAM: u64 = 1;

pub struct Company {
    pub id: &'static str,
    pub name: &'static str,
    pub country: &'static str,
    pub is_supplier: bool,
}

/// Sellers and suppliers: ten sell, two supply.
pub const COMPANY_LIST: [Company; 12] = [
    company("51c0de10-9a01-11", "Harbour Street Trading", "US", false),
    company("51c0de11-9a01-11", "Maple Ridge Supply", "CA", false),
    company("51c0de12-9a01-11", "Shenzhen Bright Components", "CN", true),
    company("51c0de13-9a01-11", "Southern Cross Retail", "AU", false),
    company("51c0de14-9a01-11", "Waikato Apiaries", "NZ", true),
    company("51c0de15-9a01-11", "Lakeshore Electronics", "US", false),
    company("51c0de16-9a01-11", "Prairie Goods", "US", false),
    company("51c0de17-9a01-11", "Blue Mesa Outfitters", "US", false),
    company("51c0de18-9a01-11", "Yarra Valley Stores", "AU", false),
    company("51c0de19-9a01-11", "Coral Coast Imports", "AU", false),
    company("51c0de1a-9a01-11", "Northern Lights Market", "CA", false),
    company("51c0de1b-9a01-11", "Fundy Bay Traders", "CA", false),
];

const fn company(
    id: &'static str,
    name: &'static str,
    country: &'static str,
    is_supplier: bool,
) -> Company {
    Company { id, name, country, is_supplier }
}

pub struct Customer {
    /// Number of the document and of `user_N`.
    pub number: u64,
    pub name: &'static str,
    /// Year, month, day.
    pub born: Option<(i32, u32, u32)>,
    pub address: [Option<&'static str>; 3],
    pub city: &'static str,
    pub state: Option<&'static str>,
    pub country: &'static str,
    pub post_code: &'static str,
}

pub const CUSTOMER_LIST: [Customer; 14] = [
    customer(1, "Grace Whitfield", Some((1972, 3, 14)), "18 Elm Street", "Albany", "US"),
    customer(2, "Étienne Gagnon", Some((1975, 11, 2)), "402 rue Saint-Paul", "Québec", "CA"),
    customer(3, "Hao Chen", Some((1978, 7, 30)), "7 Wattle Grove", "Adelaide", "AU"),
    customer(4, "Matilda Barnes", Some((1982, 1, 9)), "55 Harbour Road", "Hobart", "AU"),
    customer(5, "Sidney Park", Some((1985, 5, 21)), "1209 Granville Street", "Vancouver", "CA"),
    customer(6, "Jack Moreno", Some((1990, 12, 24)), "640 Mission Avenue", "Sacramento", "US"),
    customer(7, "Paula O'Neill", None, "91 Beacon Street", "Boston", "US"),
    customer(8, "Jennifer Olsen", Some((1969, 8, 17)), "3300 Lakeview Drive", "Duluth", "US"),
    customer(9, "Marcus Bell", Some((1994, 2, 28)), "77 Peach Tree Lane", "Atlanta", "US"),
    customer(10, "Ramona Castillo", Some((1988, 2, 29)), "12 Desert Rose Court", "Tucson", "US"),
    customer(11, "Oliver Sinclair", Some((1979, 10, 5)), "215 Barrington Street", "Halifax", "CA"),
    customer(12, "Priya Raman", Some((1992, 6, 12)), "88 Portage Avenue", "Winnipeg", "CA"),
    customer(13, "Alice Kerr", Some((1983, 9, 3)), "140 Stirling Highway", "Perth", "AU"),
    customer(14, "Tom Savage", None, "9 Esplanade", "Cairns", "AU"),
];

const fn customer(
    number: u64,
    name: &'static str,
    born: Option<(i32, u32, u32)>,
    street: &'static str,
    city: &'static str,
    country: &'static str,
) -> Customer {
    // Every third has a second line, every fifth an empty third one: NULL and '' are not the same.
    let second = if number.is_multiple_of(3) { Some("Unit 4") } else { None };
    let third = if number.is_multiple_of(5) { Some("") } else { None };
    let (state, post_code) = match country.as_bytes() {
        b"US" => (Some("NY"), "12207"),
        b"CA" => (None, "K1A 0B1"),
        _ => (Some("SA"), "5000"),
    };
    Customer {
        number,
        name,
        born,
        address: [Some(street), second, third],
        city,
        state,
        country,
        post_code,
    }
}

pub struct Product {
    pub code: &'static str,
    pub name: &'static str,
    pub supplier_id: &'static str,
    /// Default price in cents.
    pub cents: i64,
    /// How often it is ordered, beside the others.
    pub weight: u64,
}

const COMPONENTS: &str = "51c0de12-9a01-11";
const APIARY: &str = "51c0de14-9a01-11";

pub const PRODUCT_LIST: [Product; 16] = [
    product("NOTEBOOK-13", "Notebook 13 inch", COMPONENTS, 130_000, 60),
    product("NOTEBOOK-15", "Notebook 15 inch", COMPONENTS, 180_000, 45),
    product("NOTEBOOK-LITE", "Notebook Lite", COMPONENTS, 80_000, 80),
    product("DOCK-USB-C", "USB-C Dock", COMPONENTS, 3_050, 110),
    product("CABLE-USB-C-1M", "USB-C Cable 1 m", COMPONENTS, 325, 160),
    product("MOUSE-WIRELESS", "Wireless Mouse", COMPONENTS, 599, 130),
    product("SLEEVE-13", "Notebook Sleeve 13 inch", COMPONENTS, 1_095, 90),
    product("CHARGER-65W", "Charger 65 W", COMPONENTS, 1_575, 100),
    product("MANUKA-UMF5-250G", "Manuka Honey UMF5 250 g", APIARY, 1_500, 150),
    product("MANUKA-UMF5-500G", "Manuka Honey UMF5 500 g", APIARY, 2_500, 120),
    product("MANUKA-UMF5-1KG", "Manuka Honey UMF5 1 kg", APIARY, 4_500, 85),
    product("MANUKA-UMF10-250G", "Manuka Honey UMF10 250 g", APIARY, 3_025, 105),
    product("MANUKA-UMF10-500G", "Manuka Honey UMF10 500 g", APIARY, 5_000, 75),
    product("MANUKA-UMF10-1KG", "Manuka Honey UMF10 1 kg", APIARY, 9_050, 50),
    product("MANUKA-UMF20-250G", "Manuka Honey UMF20 250 g", APIARY, 6_000, 65),
    product("MANUKA-UMF20-500G", "Manuka Honey UMF20 500 g", APIARY, 10_075, 40),
];

const fn product(
    code: &'static str,
    name: &'static str,
    supplier_id: &'static str,
    cents: i64,
    weight: u64,
) -> Product {
    Product { code, name, supplier_id, cents, weight }
}

/// The companies that sell, in the order of the list.
pub fn sellers() -> impl Iterator<Item = &'static Company> {
    COMPANY_LIST.iter().filter(|c| !c.is_supplier)
}

/// The price in cents at which a company sells a product: the default price, the country's
/// margin, and a little of the company's own; whole five cents.
pub fn price(plan: &Plan, product: &Product, seller: &Company) -> i64 {
    let margin = match seller.country {
        "US" => 115,
        "CA" => 138,
        _ => 136,
    };
    let pair = format!("{}/{}", product.code, seller.id);
    let number = pair.bytes().fold(0, |sum, byte| mix(sum ^ u64::from(byte)));
    let own = Random::new(plan.seed, mix(PRICES_STREAM ^ number)).between(-6, 6);
    (product.cents * (margin + own) / 500).max(1) * 5
}

/// The rows of companies, customers, products and prices, each table in one batch.
pub fn batches(plan: &Plan) -> Vec<Batch> {
    vec![companies(), customers(), products(), prices(plan)]
}

/// When the first row of master data was entered: a month before the first order.
fn entered(minutes: usize) -> Value {
    let opening = i64::from(day(2020, 12, 1)) * SECONDS_A_DAY + 9 * 3_600;
    Value::DateTime(opening + minutes as i64 * 60)
}

fn companies() -> Batch {
    let mut batch = Batch::new(&COMPANIES);
    for (row, company) in COMPANY_LIST.iter().enumerate() {
        batch.push([
            Value::text(company.id),
            Value::text(company.name),
            Value::text(company.country),
            Value::Flag(company.is_supplier),
            entered(row),
            entered(row),
            Value::Flag(false),
        ]);
    }
    batch
}

fn customers() -> Batch {
    let mut batch = Batch::new(&CUSTOMERS);
    let perhaps = |text: Option<&'static str>| text.map_or(Value::Null, Value::text);
    for (row, customer) in CUSTOMER_LIST.iter().enumerate() {
        let [first, second, third] = customer.address;
        batch.push([
            Value::Number { value: customer.number, width: 8 },
            Value::text(customer.name),
            Value::Text(format!("user_{}", customer.number).into()),
            customer.born.map_or(Value::Null, |(y, m, d)| Value::Date(day(y, m, d))),
            perhaps(first),
            perhaps(second),
            perhaps(third),
            Value::text(customer.city),
            perhaps(customer.state),
            Value::text(customer.country),
            Value::text(customer.post_code),
            entered(60 + row),
            entered(60 + row),
            Value::Flag(false),
        ]);
    }
    batch
}

fn products() -> Batch {
    let mut batch = Batch::new(&PRODUCTS);
    for (row, product) in PRODUCT_LIST.iter().enumerate() {
        batch.push([
            Value::text(product.code),
            Value::text(product.name),
            Value::text(product.supplier_id),
            Value::price(product.cents),
            entered(120 + row),
            entered(120 + row),
            Value::Flag(false),
        ]);
    }
    batch
}

fn prices(plan: &Plan) -> Batch {
    let mut batch = Batch::new(&PRODUCT_PRICES);
    for (row, seller) in sellers().enumerate() {
        for product in &PRODUCT_LIST {
            batch.push([
                Value::text(product.code),
                Value::text(seller.id),
                Value::price(price(plan, product, seller)),
                entered(180 + row),
                entered(180 + row),
                Value::Flag(false),
            ]);
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan { seed: 1, orders: 0, log_lines: 0 }
    }

    #[test]
    fn the_tables_have_their_sizes() {
        let rows: Vec<u64> = batches(&plan()).iter().map(Batch::rows).collect();
        assert_eq!(rows, [12, 14, 16, 160]);
    }

    #[test]
    fn suppliers_exist_and_are_flagged() {
        for product in &PRODUCT_LIST {
            let supplier = COMPANY_LIST.iter().find(|c| c.id == product.supplier_id);
            assert!(supplier.is_some_and(|c| c.is_supplier), "{}", product.code);
        }
    }

    #[test]
    fn every_country_that_sells_has_customers() {
        for seller in sellers() {
            assert!(CUSTOMER_LIST.iter().any(|c| c.country == seller.country), "{}", seller.name);
        }
    }

    #[test]
    fn sellers_earn_on_every_product() {
        for seller in sellers() {
            for product in &PRODUCT_LIST {
                assert!(price(&plan(), product, seller) > product.cents, "{}", product.code);
            }
        }
    }
}
