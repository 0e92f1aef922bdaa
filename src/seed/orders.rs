//! Orders and their lines, generated one after the other in constant memory. No I/O.
//!
//! Order numbers rise with the date. The total of an order is the sum of its lines. One order in
//! 200 is soft-deleted with its lines within three days.

use super::random::Random;
use super::tables::{Batch, ORDER_HEADERS, ORDER_LINES};
use super::values::{SECONDS_A_DAY, Value, days_of};
use super::{FIRST_DAY, LAST_DAY, Plan, people};

const ORDERS_STREAM: u64 = 2;
/// One order in so many is soft-deleted.
const DELETED_ONCE_IN: u64 = 200;

/// A seller with what it asks for each product and whom it sells to.
struct Seller {
    id: &'static str,
    /// Cents, in the order of the product list.
    prices: Vec<i64>,
    customers: Vec<u64>,
}

/// The generator; the same plan gives the same rows.
pub struct Orders {
    count: u64,
    made: u64,
    random: Random,
    sellers: Vec<Seller>,
    products: Vec<(u64, usize)>,
}

impl Orders {
    pub fn new(plan: &Plan) -> Orders {
        let sellers = people::sellers()
            .map(|seller| Seller {
                id: seller.id,
                prices: people::PRODUCT_LIST
                    .iter()
                    .map(|product| people::price(plan, product, seller))
                    .collect(),
                customers: people::CUSTOMER_LIST
                    .iter()
                    .filter(|customer| customer.country == seller.country)
                    .map(|customer| customer.number)
                    .collect(),
            })
            .collect();
        let products =
            people::PRODUCT_LIST.iter().enumerate().map(|(i, product)| (product.weight, i));
        Orders {
            count: plan.orders,
            made: 0,
            random: Random::new(plan.seed, ORDERS_STREAM),
            sellers,
            products: products.collect(),
        }
    }

    /// The next up to `orders` orders as headers and lines; `None` when all are made.
    pub fn next_batch(&mut self, orders: u64) -> Option<(Batch, Batch)> {
        let end = self.count.min(self.made.saturating_add(orders));
        if self.made >= end {
            return None;
        }
        let mut headers = Batch::new(&ORDER_HEADERS);
        let mut lines = Batch::new(&ORDER_LINES);
        while self.made < end {
            self.order(&mut headers, &mut lines);
        }
        Some((headers, lines))
    }

    fn order(&mut self, headers: &mut Batch, lines: &mut Batch) {
        let created = moment(self.made, self.count, &mut self.random);
        self.made += 1;
        let no = Value::Number { value: self.made, width: 16 };
        let random = &mut self.random;
        let deleted = random.once_in(DELETED_ONCE_IN);
        let updated =
            if deleted { created + random.between(600, 3 * SECONDS_A_DAY) } else { created };
        let seller = random.pick(&self.sellers);
        let customer = *random.pick(&seller.customers);
        let mut total = 0;
        for line in 1..=super::lines_of_an_order(random) {
            let index = *random.pick_weighted(&self.products);
            let product = &people::PRODUCT_LIST[index];
            let price = seller.prices[index];
            let quantity = random.between(1, 20);
            total += price * quantity;
            lines.push([
                no.clone(),
                Value::Number { value: line.unsigned_abs(), width: 4 },
                Value::Date(days_of(created)),
                Value::text(product.code),
                Value::text(product.supplier_id),
                Value::price(price),
                Value::Integer(quantity),
                Value::total(price * quantity),
                Value::DateTime(created),
                Value::DateTime(updated),
                Value::Flag(deleted),
            ]);
        }
        headers.push([
            no,
            Value::Date(days_of(created)),
            Value::text(seller.id),
            Value::Number { value: customer, width: 8 },
            Value::total(total),
            Value::DateTime(created),
            Value::DateTime(updated),
            Value::Flag(deleted),
        ]);
    }
}

/// The moment of event `index` of `count`, spread over the sample's days: each has its own
/// stretch of time and falls somewhere in it, so moments never go back.
fn moment(index: u64, count: u64, random: &mut Random) -> i64 {
    let days = i64::from(LAST_DAY - FIRST_DAY + 1);
    super::spread(index, count, days * SECONDS_A_DAY, random) + i64::from(FIRST_DAY) * SECONDS_A_DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(plan: &Plan, orders: u64) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
        let mut generator = Orders::new(plan);
        let (mut headers, mut lines) = (Vec::new(), Vec::new());
        while let Some((h, l)) = generator.next_batch(orders) {
            headers.extend(h.values.chunks(h.table.columns.len()).map(<[Value]>::to_vec));
            lines.extend(l.values.chunks(l.table.columns.len()).map(<[Value]>::to_vec));
        }
        (headers, lines)
    }

    #[test]
    fn batches_of_any_size_give_the_same_rows() {
        let plan = Plan { seed: 9, orders: 100, log_lines: 0 };
        assert_eq!(all(&plan, 100), all(&plan, 7));
        assert_ne!(all(&plan, 100), all(&Plan { seed: 10, ..plan }, 100));
    }

    #[test]
    fn numbers_and_dates_rise_and_stay_in_range() {
        let (headers, lines) = all(&Plan { seed: 1, orders: 3_800, log_lines: 0 }, 1_000);
        assert_eq!(headers.len(), 3_800);
        // 3,800 orders of 4.95 lines are 18,800; one standard deviation is 160.
        assert!((18_200..19_400).contains(&lines.len()), "{}", lines.len());
        assert_eq!(headers[0][0].to_string(), "0000000000000001");
        assert_eq!(headers[0][1].to_string(), "2021-01-01");
        assert_eq!(headers[3_799][1].to_string(), "2022-01-13");
        for pair in headers.windows(2) {
            assert!(pair[0][1].to_string() <= pair[1][1].to_string());
            assert!(pair[0][0].to_string() < pair[1][0].to_string());
        }
    }

    #[test]
    fn no_orders_make_no_batch() {
        assert!(Orders::new(&Plan { seed: 1, orders: 0, log_lines: 0 }).next_batch(10).is_none());
    }
}
