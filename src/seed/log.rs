//! The lines of the sample's access log, in combined format, written to a buffer. No I/O.
//!
//! Times never go back. One line in 100 is odd but valid; one in 5,000 is broken, as when a
//! server is killed while it writes.

use std::io::Write;
use std::net::Ipv4Addr;

use super::addresses::Ranges;
use super::people::{CUSTOMER_LIST, PRODUCT_LIST};
use super::random::{Picker, Random, mix};
use super::values::{SECONDS_A_DAY, civil, days_of, write_integer, write_padded, write_time};
use super::{Plan, spread};

const LOG_STREAM: u64 = 3;
const BROKEN_STREAM: u64 = 4;
const ADDRESS_STREAM: u64 = 5;

const ODD_ONCE_IN: u64 = 100;
const BROKEN_ONCE_IN: f64 = 5_000.0;
/// Lines without a user, of 100.
const ANONYMOUS_PERCENT: u64 = 15;
/// Addresses one user comes from.
const ADDRESSES_A_USER: u64 = 6;

const COUNTRIES: [(u64, &str); 3] = [(52, "US"), (27, "CA"), (21, "AU")];

const AGENTS: [(u64, &str); 10] = [
    (
        14,
        "Mozilla/5.0 (Linux; Android 11; Pixel 5) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.91 Mobile Safari/537.36",
    ),
    (
        9,
        "Mozilla/5.0 (Linux; Android 10; SM-G981B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.162 Mobile Safari/537.36",
    ),
    (
        13,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 14_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.1.1 Mobile/15E148 Safari/604.1",
    ),
    (
        6,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 13_2_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0.3 Mobile/15E148 Safari/604.1",
    ),
    (
        18,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/91.0.4472.124 Safari/537.36",
    ),
    (9, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:89.0) Gecko/20100101 Firefox/89.0"),
    (
        14,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.1.1 Safari/605.1.15",
    ),
    (
        10,
        "Mozilla/5.0 (iPad; CPU OS 14_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.1.1 Mobile/15E148 Safari/604.1",
    ),
    (5, "Mozilla/5.0 (X11; Linux x86_64; rv:89.0) Gecko/20100101 Firefox/89.0"),
    (2, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
];

/// Agents only odd lines have: quotes as Apache and nginx escape them.
const QUOTED_AGENT: &str =
    r#"Mozilla/5.0 (Linux; Android 9; \"Shield\" Tablet) AppleWebKit/537.36"#;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Home,
    Products,
    Product,
    Search,
    Cart,
    Checkout,
    Order,
    Style,
    Missing,
}

const PAGES: [(u64, Page); 9] = [
    (14, Page::Home),
    (16, Page::Products),
    (34, Page::Product),
    (9, Page::Search),
    (8, Page::Cart),
    (3, Page::Checkout),
    (5, Page::Order),
    (9, Page::Style),
    (2, Page::Missing),
];

const REFERERS: [(u64, &str); 5] = [
    (38, "-"),
    (14, "https://www.google.com/"),
    (22, "https://shop.example.com/"),
    (20, "https://shop.example.com/products"),
    (6, "https://duckduckgo.com/?q=manuka+honey&ia=web"),
];

/// How a line came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Good,
    /// Unusual, and valid.
    Odd,
    /// To be put aside by every reader.
    Broken,
}

/// The lines of a stretch of days, one after the other.
pub struct Lines {
    count: u64,
    written: u64,
    /// First second and length of the stretch.
    start: i64,
    span: i64,
    orders: u64,
    random: Random,
    broken: Picker,
    visitors: Vec<(&'static str, Visitors)>,
    date: (i32, Vec<u8>),
}

/// Who comes from one country.
struct Visitors {
    ranges: Ranges,
    users: Vec<u64>,
    /// Addresses of those who are not logged in.
    strangers: u64,
    seed: u64,
}

impl Visitors {
    fn of(country: &str, plan: &Plan) -> Visitors {
        let users = CUSTOMER_LIST.iter().filter(|c| c.country == country);
        Visitors {
            ranges: Ranges::of(country),
            users: users.map(|c| c.number).collect(),
            strangers: 100 + (plan.log_lines / 100).min(100_000),
            seed: Random::new(plan.seed, ADDRESS_STREAM).next(),
        }
    }

    /// The address of a user's device, or of stranger number `slot` when `user` is 0.
    fn address(&self, user: u64, slot: u64) -> Ipv4Addr {
        self.ranges.address(mix(self.seed ^ mix(user ^ (slot << 20))))
    }
}

impl Lines {
    /// `count` lines over the days `first..=last`, counted from 1970.
    pub fn new(plan: &Plan, count: u64, first: i32, last: i32) -> Lines {
        // Another stretch of days of the same plan is another stream.
        let stream = |number: u64| mix(u64::from(first.unsigned_abs())) ^ number;
        Lines {
            count,
            written: 0,
            start: i64::from(first) * SECONDS_A_DAY,
            span: i64::from(last - first + 1) * SECONDS_A_DAY,
            orders: plan.orders.max(1),
            random: Random::new(plan.seed, stream(LOG_STREAM)),
            broken: Picker::every(BROKEN_ONCE_IN, Random::new(plan.seed, stream(BROKEN_STREAM))),
            visitors: COUNTRIES.map(|(_, c)| (c, Visitors::of(c, plan))).into(),
            date: (i32::MIN, Vec::new()),
        }
    }

    /// Appends the next line with its newline; `None` when all are written.
    pub fn write_next(&mut self, out: &mut Vec<u8>) -> Option<Line> {
        if self.written >= self.count {
            return None;
        }
        let second = self.start + spread(self.written, self.count, self.span, &mut self.random);
        self.written += 1;
        let line = if self.broken.takes() {
            self.broken_line(out, second);
            Line::Broken
        } else if self.random.once_in(ODD_ONCE_IN) {
            self.odd_line(out, second);
            Line::Odd
        } else {
            self.good_line(out, second);
            Line::Good
        };
        out.push(b'\n');
        Some(line)
    }

    fn good_line(&mut self, out: &mut Vec<u8>, second: i64) {
        self.visitor(out);
        self.time(out, second, 0);
        self.request(out);
        let referer = self.random.pick_weighted(&REFERERS);
        quoted(out, referer.as_bytes());
        let agent = self.random.pick_weighted(&AGENTS);
        quoted(out, agent.as_bytes());
    }

    /// Address, identity and user, each with its blank.
    fn visitor(&mut self, out: &mut Vec<u8>) {
        let country = *self.random.pick_weighted(&COUNTRIES);
        // The list was built from the same countries; the first stands in for none.
        let known = self.visitors.iter().find(|(c, _)| *c == country);
        let Some((_, visitors)) = known.or(self.visitors.first()) else { return };
        if visitors.users.is_empty() || self.random.below(100) < ANONYMOUS_PERCENT {
            let slot = self.random.below(visitors.strangers);
            address(out, visitors.address(0, slot));
            out.extend_from_slice(b" - - ");
        } else {
            let user = *self.random.pick(&visitors.users);
            address(out, visitors.address(user, self.random.below(ADDRESSES_A_USER)));
            out.extend_from_slice(b" - user_");
            write_padded(out, user, 1);
            out.push(b' ');
        }
    }

    /// `[31/Jan/2021:23:59:59 +0000] `, in a zone so many hours ahead.
    fn time(&mut self, out: &mut Vec<u8>, second: i64, hours_ahead: i64) {
        let local = second + hours_ahead * 3_600;
        let day = days_of(local);
        if self.date.0 != day {
            self.date = (day, date(day));
        }
        out.push(b'[');
        out.extend_from_slice(&self.date.1);
        out.push(b':');
        write_time(out, local.rem_euclid(SECONDS_A_DAY).unsigned_abs());
        out.extend_from_slice(if hours_ahead < 0 { b" -" } else { b" +" });
        write_padded(out, hours_ahead.unsigned_abs() * 100, 4);
        out.extend_from_slice(b"] ");
    }

    /// Request, status and size.
    fn request(&mut self, out: &mut Vec<u8>) {
        let page = *self.random.pick_weighted(&PAGES);
        let method: &[u8] = match page {
            Page::Cart | Page::Checkout => b"\"POST ",
            Page::Home if self.random.once_in(20) => b"\"HEAD ",
            _ => b"\"GET ",
        };
        out.extend_from_slice(method);
        self.path(out, page);
        let (status, size) = self.outcome(page);
        out.extend_from_slice(b" HTTP/1.1\" ");
        write_padded(out, status, 3);
        out.push(b' ');
        match size {
            Some(size) => write_integer(out, size),
            None => out.push(b'-'),
        }
        out.push(b' ');
    }

    fn path(&mut self, out: &mut Vec<u8>, page: Page) {
        let path: &[u8] = match page {
            Page::Home => b"/",
            Page::Products => b"/products",
            Page::Product => b"/products/",
            Page::Search => b"/search?q=",
            Page::Cart => b"/cart",
            Page::Checkout => b"/checkout",
            Page::Order => b"/orders/",
            Page::Style => b"/static/site.css?v=210",
            Page::Missing => b"/wp-login.php",
        };
        out.extend_from_slice(path);
        match page {
            Page::Products => {
                out.extend_from_slice(b"?page=");
                write_padded(out, 1 + self.random.below(9), 1);
            }
            Page::Product => {
                let product = self.random.pick(&PRODUCT_LIST);
                out.extend_from_slice(product.code.as_bytes());
            }
            Page::Search => {
                let words: [&[u8]; 4] = [b"honey", b"usb+cable", b"caf%C3%A9", b"notebook%2013"];
                out.extend_from_slice(self.random.pick::<&[u8]>(&words));
            }
            Page::Order => write_padded(out, 1 + self.random.below(self.orders), 16),
            _ => {}
        }
    }

    /// Status, and the size of the answer where there is one.
    fn outcome(&mut self, page: Page) -> (u64, Option<i64>) {
        let random = &mut self.random;
        match page {
            Page::Missing => return (404, Some(548)),
            // A form that was taken answers with where to go next.
            Page::Cart | Page::Checkout if !random.once_in(50) => return (302, Some(0)),
            _ => {}
        }
        match random.below(1_000) {
            0..900 => (200, Some(random.between(420, 48_000))),
            900..950 if page != Page::Cart && page != Page::Checkout => (304, None),
            900..970 => (301, Some(178)),
            970..980 => (403, Some(153)),
            980..992 => (404, Some(548)),
            992..997 => (500, Some(0)),
            _ => (503, Some(190)),
        }
    }

    /// Lines a reader must not lose although few look like them.
    fn odd_line(&mut self, out: &mut Vec<u8>, second: i64) {
        match self.random.below(7) {
            0 => {
                self.visitor(out);
                self.time(out, second, 0);
                self.request(out);
                out.extend_from_slice(b"\"-\" ");
                quoted(out, QUOTED_AGENT.as_bytes());
            }
            1 => {
                self.visitor(out);
                self.time(out, second, 0);
                self.request(out);
                out.extend_from_slice(br#""https://shop.example.com/search?q=\"raw honey\"" "#);
                quoted(out, self.random.pick_weighted(&AGENTS).as_bytes());
            }
            2 => self.refused(out, second, b"-"),
            3 => self.refused(out, second, br"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03"),
            4 => {
                // Writing to a Vec cannot fail.
                let _ = write!(
                    out,
                    "2001:db8:{:x}::{:x} - - ",
                    self.random.below(4),
                    self.random.below(65_536)
                );
                self.time(out, second, 0);
                self.request(out);
                out.extend_from_slice(b"\"-\" ");
                quoted(out, self.random.pick_weighted(&AGENTS).as_bytes());
            }
            5 => {
                self.visitor(out);
                self.time(out, second, 0);
                out.extend_from_slice(b"\"HEAD / HTTP/1.0\" 304 - \"-\" \"-\"");
            }
            _ => {
                let zone = *self.random.pick(&[-5, -8, 10, 11]);
                self.visitor(out);
                self.time(out, second, zone);
                self.request(out);
                out.extend_from_slice(b"\"-\" ");
                quoted(out, self.random.pick_weighted(&AGENTS).as_bytes());
            }
        }
    }

    /// A request that was none, from someone unknown: status 400.
    fn refused(&mut self, out: &mut Vec<u8>, second: i64, request: &[u8]) {
        self.visitor(out);
        self.time(out, second, 0);
        quoted(out, request);
        out.extend_from_slice(b" 400 0 \"-\" \"-\"");
    }

    /// Lines no reader can take apart.
    fn broken_line(&mut self, out: &mut Vec<u8>, second: i64) {
        let start = out.len();
        match self.random.below(4) {
            0 => {
                self.good_line(out, second);
                // Cut in the user agent: its closing quote is missing.
                out.truncate(out.len() - 12);
            }
            1 => {
                self.visitor(out);
                self.time(out, second, 0);
                // Cut in the time.
                out.truncate(out.len() - 10);
            }
            2 => {
                self.visitor(out);
                out.truncate(out.len().max(start + 1) - 1);
            }
            _ => out.extend_from_slice(b"worker process 4711 exited on signal 9"),
        }
    }
}

/// `31/Jan/2021`.
fn date(days: i32) -> Vec<u8> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let (year, month, day) = civil(days);
    let mut out = Vec::with_capacity(11);
    write_padded(&mut out, u64::from(day), 2);
    out.push(b'/');
    out.extend_from_slice(MONTHS[(month.clamp(1, 12) - 1) as usize]);
    out.push(b'/');
    write_padded(&mut out, u64::from(year.unsigned_abs()), 4);
    out
}

/// The day, in UTC, in which a line's time lies; `None` when it has none.
pub fn day_of_line(line: &[u8]) -> Option<i32> {
    let open = memchr::memchr(b'[', line)?;
    let text = std::str::from_utf8(line.get(open + 1..open + 27)?).ok()?;
    let time = chrono::DateTime::parse_from_str(text, "%d/%b/%Y:%H:%M:%S %z").ok()?;
    Some(days_of(time.timestamp()))
}

fn address(out: &mut Vec<u8>, address: Ipv4Addr) {
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        write_padded(out, u64::from(octet), 1);
    }
}

fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    if out.last() == Some(&b'"') {
        out.push(b' ');
    }
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

#[cfg(test)]
mod tests;
