//! Made access logs of two kinds, the same from the same number of lines. It reads nothing.
//!
//! `few`: as the sample's generator writes them, few distinct values and seconds in no order.
//! `many`: in the manner of a busy site. Sessions run side by side, time rises, weights follow
//! Zipf, one request line in twelve is unique, 3 % of the lines have an escape, 2 % of the
//! addresses are IPv6 and a line in 100,000 is cut short.

use std::fmt::Write;

/// A small generator of chance (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// A rank below `n`, the k-th with weight 1/k.
    fn zipf(&mut self, n: u64) -> u64 {
        let u = self.next() as f64 / u64::MAX as f64;
        ((u * (n as f64).ln()).exp() as u64 - 1).min(n - 1)
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.{}.{} Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.{} (KHTML, like Gecko) Version/{}.{} Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS {}_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.{} Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android {}; SM-G{}F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:{}.{}) Gecko/20100101 Firefox/{}.0",
    "Mozilla/5.0 (compatible; Googlebot/{}.{}; +http://www.google.com/bot.html) r{}",
    "Mozilla/5.0 (iPad; CPU OS {}_{} like Mac OS X) AppleWebKit/600.1.4 (KHTML, like Gecko) GSA/{} Mobile/12B410 Safari/600.1.4",
    "UniversalFeedParser/{}.{}-pre-{}-svn +http://feedparser.org/",
];

const PATHS: [&str; 8] = [
    "/blog/tags/puppet?flav=rss20&page={}",
    "/presentations/logstash-monitorama-2013/images/kibana-dashboard{}.png",
    "/projects/xdotool/{}/manual.html",
    "/images/jordan-{}.png",
    "/favicon-{}.ico",
    "/articles/dynamic-dns-with-dhcp/part/{}/index.html",
    "/api/v2/orders/{}/lines?limit=100&offset=200",
    "/style{}.css",
];

const REFERERS: [&str; 3] = [
    "http://www.semicomplete.com/projects/page/{}",
    "https://www.google.com/search?q=landfall&start={}",
    "http://example.org/blog/{}/comments",
];

/// Puts numbers into the places of a text.
fn fill(text: &str, numbers: [u64; 3]) -> String {
    let mut numbers = numbers.into_iter();
    let mut parts = text.split("{}");
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let _ = write!(out, "{}{part}", numbers.next().unwrap_or(0));
    }
    out
}

fn address(id: u64) -> String {
    let [.., a, b, c, d] = (id.wrapping_mul(0x9e37_79b1) & 0xffff_ffff).to_be_bytes();
    match id % 50 {
        0 => format!("2001:{a:x}{b:02x}:{c:x}:{d:x}::{:x}", id & 0xffff),
        _ => format!("{}.{b}.{c}.{d}", 1 + a % 222),
    }
}

fn agent(id: u64) -> String {
    let text = AGENTS[(id % 8) as usize];
    fill(text, [id / 8 % 40 + 60, id / 320 % 5000, id * 7919 % 190])
}

fn stamp(second: u64) -> String {
    let (day, month) = (second / 86_400 % 28 + 1, MONTHS[(second / 86_400 / 28 % 12) as usize]);
    let (h, m, s) = (second / 3600 % 24, second / 60 % 60, second % 60);
    format!("{day:02}/{month}/2024:{h:02}:{m:02}:{s:02} +0000")
}

/// `lines` lines as the sample's generator writes them.
pub fn few(lines: usize) -> Vec<u8> {
    let mut chance = Chance(1);
    let mut out = String::new();
    for _ in 0..lines {
        let id = chance.below(15);
        let user = chance.below(14);
        let agent = AGENTS[chance.below(8) as usize];
        let _ = writeln!(
            out,
            "{} - user{user} [{}] \"GET /product/catalog HTTP/1.1\" {} {} \"https://www.example.com/shop\" \"{}\"",
            address(id * 50 + 1),
            stamp(chance.below(300 * 86_400)),
            [200, 200, 200, 301, 404, 500][chance.below(6) as usize],
            1000 + chance.below(4000),
            fill(agent, [90, 4430, 212]),
        );
    }
    out.into_bytes()
}

struct Session {
    address: String,
    agent: String,
    user: String,
    referer: String,
}

impl Session {
    fn new(chance: &mut Chance) -> Session {
        let user = match chance.below(20) {
            0 => format!("user{}", chance.zipf(5000)),
            _ => "-".to_string(),
        };
        let referer = match chance.below(5) {
            0 | 1 => "-".to_string(),
            _ => {
                let id = chance.zipf(946);
                fill(REFERERS[(id % 3) as usize], [id; 3])
            }
        };
        let id = chance.below(200_000);
        Session { address: address(id), agent: agent(chance.zipf(20_000)), user, referer }
    }
}

/// `lines` lines in the manner of a busy site.
pub fn many(lines: usize) -> Vec<u8> {
    let mut chance = Chance(2);
    let mut sessions: Vec<Session> = (0..64).map(|_| Session::new(&mut chance)).collect();
    let mut out = String::new();
    for line in 0..lines as u64 {
        let at = chance.below(64) as usize;
        if chance.below(16) == 0 {
            sessions[at] = Session::new(&mut chance);
        }
        let session = &sessions[at];
        let page = match chance.below(12) {
            0 => 10_000 + line,
            _ => chance.zipf(8254),
        };
        let path = fill(PATHS[(page % 8) as usize], [page; 3]);
        let size = match chance.below(14) {
            0 => "-".to_string(),
            n => (chance.zipf(60_000) * n + page % 97).to_string(),
        };
        let mark = if chance.below(33) == 0 { "\\\"x\\\"" } else { "" };
        let start = out.len();
        let _ = writeln!(
            out,
            "{} - {} [{}] \"GET {path} HTTP/1.1\" {} {size} \"{}\" \"{}{mark}\"",
            session.address,
            session.user,
            stamp(line / 20),
            [200, 200, 200, 200, 200, 304, 301, 404, 206, 500][chance.below(10) as usize],
            session.referer,
            session.agent,
        );
        if line % 100_000 == 77_777 {
            out.truncate(start + (out.len() - start) * 3 / 4);
            out.push('\n');
        }
    }
    out.into_bytes()
}

/// One line of quotes, `bytes` long.
pub fn quotes(bytes: usize) -> Vec<u8> {
    let mut line = vec![b'"'; bytes];
    line.push(b'\n');
    line
}

/// Lines that all have an escape.
pub fn escaped(lines: usize) -> Vec<u8> {
    let text = String::from_utf8(many(lines)).unwrap_or_default();
    text.replace(" HTTP/1.1\"", " \\\"HTTP/1.1\\\"\"").into_bytes()
}
