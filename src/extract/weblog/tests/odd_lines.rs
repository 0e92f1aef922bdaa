//! Lines of every kind that real logs hold, with what is to become of each, and lines made of them.
//!
//! `odd_lines.txt` has one line each: what is to become of it (`row`, `empty`, or the reason it is
//! rejected for), a tab, the line as it is.

use super::properties::{joined, parse, parse_as};
use super::reference::{ADDRESS, NUMBERS, Reference, TIME, combined, common, quoted};
use super::*;

/// What is to become of a line, and the line.
fn odd_lines() -> Vec<(&'static str, &'static [u8])> {
    let lines = include_bytes!("odd_lines.txt").split(|b| *b == b'\n');
    lines
        .filter(|line| !line.is_empty() && !line.starts_with(b"# "))
        .map(|line| {
            let tab = line.iter().position(|b| *b == b'\t').expect("a tab");
            (std::str::from_utf8(&line[..tab]).expect("a word"), &line[tab + 1..])
        })
        .collect()
}

fn lines() -> Vec<&'static [u8]> {
    odd_lines().into_iter().map(|(_, line)| line).collect()
}

#[test]
fn each_odd_line_becomes_what_is_written_beside_it() {
    let all = odd_lines();
    assert!(all.len() > 100, "the corpus is cut");
    let (landed, parsed) = parse(&joined(&lines()));
    let reasons: BTreeMap<u64, &str> =
        parsed.rejected.iter().map(|r| (r.offset, r.error.reason())).collect();
    let rows: Vec<u64> =
        landed.column("line_offset").iter().map(|o| o.parse().expect("a number")).collect();
    let mut offset = 0;
    let mut wrong = Vec::new();
    for (want, line) in all {
        let got = match reasons.get(&offset) {
            Some(reason) => reason,
            None if rows.contains(&offset) => "row",
            None => "empty",
        };
        if got != want {
            wrong.push(format!("{got} instead of {want}: {}", String::from_utf8_lossy(line)));
        }
        offset += line.len() as u64 + 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn odd_lines_are_read_as_the_reference_reads_them() {
    let (landed, parsed) = parse(&joined(&lines()));
    Reference::new().check(&lines(), &landed, &parsed).expect("agreement");
}

/// Declared formats, and the grammar of each written by hand.
fn declared() -> Vec<(Vec<&'static str>, Reference)> {
    let quotes = ["request_line", "referer", "user_agent"].map(quoted);
    let [request, referer, agent] = &quotes;
    let forwarded = r#""(?:[^"\\]|\\.)*""#;
    let list = "(?:[^ ]*, )*[^ ]*[^ ,]";
    let nginx = format!("{ADDRESS} - (?P<username>[^ ]+) {TIME} {request} {NUMBERS}");
    vec![
        (vec!["combined"], Reference::of(&[combined()])),
        (vec!["common", "combined"], Reference::of(&[common(), combined()])),
        (
            vec!["main", "combinedio"],
            Reference::of(&[
                format!("{nginx} {referer} {agent} {forwarded}"),
                format!("{} [^ ]+ [^ ]+", combined()),
            ]),
        ),
        (
            vec![r#"%v %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D"#, "common"],
            Reference::of(&[format!("[^ ]+ {} [^ ]+", combined()), common()]),
        ),
        (
            vec![
                r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent $upstream_addr $request_time"#,
            ],
            Reference::of(&[format!("{nginx} {list} [^ ]+")]),
        ),
        (
            vec![r"%h\t%t\t%r\t%>s %b\t%{User-Agent}i"],
            Reference::of(&[format!(
                r"(?P<ip_address>[^ \t]+)\t{TIME}\t(?P<request_line>[^\t]+)\t{NUMBERS}\t(?P<user_agent>.+)",
            )]),
        ),
    ]
}

#[test]
fn declared_formats_read_odd_lines_as_their_grammars_do() {
    // each line as it is, and dressed in what the declared formats have more
    let dressed: Vec<Vec<u8>> = lines()
        .into_iter()
        .flat_map(|line| {
            let with =
                |before: &str, after: &str| [before.as_bytes(), line, after.as_bytes()].concat();
            [
                with("", ""),
                with("", " \"10.1.2.3, 10.0.0.1\""),
                with("", " 512 1024"),
                with("www.example.com ", " 99"),
                with("", " 10.0.0.5:80, 10.0.0.6:80 0.011"),
                with("", " 10.0.0.5:80,  0.011"),
            ]
        })
        .chain([
            b"8.8.8.8\t[10/Oct/2000:13:55:36 -0700]\tGET /a b\t200 23\tx (y)".to_vec(),
            b"8.8.8.8\t[10/Oct/2000:13:55:36 -0700]\t\t200 23\tx".to_vec(),
            b"8.8 8.8\t[10/Oct/2000:13:55:36 -0700]\tx\t200 23\tx".to_vec(),
            b"8.8.8.8\t[10/Oct/2000:13:55:36 -0700]\tx\t200 23\t".to_vec(),
        ])
        .collect();
    let mut rows = 0;
    for (formats, reference) in declared() {
        let (landed, parsed) = parse_as(&formats, &joined(&dressed));
        rows += landed.rows.len();
        if let Err(difference) = reference.check(&dressed, &landed, &parsed) {
            panic!("{formats:?}: {difference}");
        }
    }
    assert!(rows > 300, "only {rows} lines are good: the formats are not tried");
}

/// A small generator that is the same everywhere (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    /// `line` with one to four bytes or stretches changed. It may become several lines.
    fn mutate(&mut self, line: &[u8], other: &[u8]) -> Vec<u8> {
        const TELLING: &[u8] = b"\"\\ []-,:\n\r\t\0\x1f\x7f\xff0Aa";
        let mut line = line.to_vec();
        for _ in 0..=self.below(4) {
            let (from, to) = (self.below(line.len() + 1), self.below(line.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            let byte = TELLING[self.below(TELLING.len())];
            match self.below(6) {
                0 => line.truncate(to),
                1 => line.insert(to, byte),
                2 if from < line.len() => line[from] = byte,
                3 if from < line.len() => line[from] = self.below(256) as u8,
                4 => drop(line.drain(from..to.min(from + 8))),
                _ => line.extend_from_slice(&other[self.below(other.len() + 1)..]),
            }
        }
        line
    }
}

/// How many lines: LANDFALL_TEST_LINES, for the million.
fn wanted() -> usize {
    std::env::var("LANDFALL_TEST_LINES").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000)
}

#[test]
fn of_mutated_lines_parsed_and_rejected_ones_make_up_the_input() {
    let reference = Reference::new();
    let good: Vec<&[u8]> = lines();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let (mut seen, mut rows, mut rejected) = (0, 0, 0);
    while seen < wanted() {
        let mut text = Vec::new();
        for _ in 0..1000 {
            let (line, other) = (good[chance.below(good.len())], good[chance.below(good.len())]);
            text.extend(chance.mutate(line, other));
            text.push(b'\n');
        }
        let mutated: Vec<&[u8]> =
            text.strip_suffix(b"\n").unwrap_or_default().split(|b| *b == b'\n').collect();
        let (landed, parsed) = parse(&text);
        if let Err(difference) = reference.check(&mutated, &landed, &parsed) {
            panic!("after {seen} lines: {difference}");
        }
        seen += mutated.len();
        rows += landed.rows.len();
        rejected += parsed.rejected.len();
    }
    assert!(rows > seen / 20 && rejected > seen / 10, "{rows} rows, {rejected} rejects: one-sided");
}
