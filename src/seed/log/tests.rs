//! Tests of the sample log, read by a slow and obvious parser of their own.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::super::addresses::Ranges;
use super::*;
use crate::error::Kind;
use crate::seed::{FIRST_DAY, LAST_DAY, MadeLog, NewLog, append_log};

const PLAN: Plan = Plan { seed: 7, orders: 3_800, log_lines: 100_000 };

fn make_log(path: &Path, plan: &Plan) -> MadeLog {
    let log = NewLog::write(path, plan, &|_| {}, &CancellationToken::new()).expect("write");
    log.publish().expect("publish")
}

fn all(plan: &Plan) -> Vec<(Line, String)> {
    let mut lines = Lines::new(plan, plan.log_lines, FIRST_DAY, LAST_DAY);
    let mut out = Vec::new();
    let mut all = Vec::new();
    while let Some(line) = lines.write_next(&mut out) {
        assert_eq!(out.pop(), Some(b'\n'));
        all.push((line, String::from_utf8(std::mem::take(&mut out)).expect("text")));
    }
    all
}

/// Fields of a line, taken apart in the slow and obvious way; `None` when it is no log line.
struct Fields {
    address: String,
    user: String,
    second: i64,
    request: String,
    status: u16,
    size: Option<u64>,
    agent: String,
}

fn parse(line: &str) -> Option<Fields> {
    let (address, rest) = line.split_once(' ')?;
    let (_, rest) = rest.split_once(' ')?;
    let (user, rest) = rest.split_once(' ')?;
    let (time, rest) = rest.strip_prefix('[')?.split_once("] ")?;
    let time = chrono::DateTime::parse_from_str(time, "%d/%b/%Y:%H:%M:%S %z").ok()?;
    let (request, rest) = quoted_text(rest)?;
    let mut words = rest.strip_prefix(' ')?.splitn(3, ' ');
    let (status, size, rest) = (words.next()?, words.next()?, words.next()?);
    let (_, rest) = quoted_text(rest)?;
    let (agent, rest) = quoted_text(rest.strip_prefix(' ')?)?;
    rest.is_empty().then_some(())?;
    Some(Fields {
        address: address.to_owned(),
        user: user.to_owned(),
        second: time.timestamp(),
        request,
        status: status.parse().ok()?,
        size: if size == "-" { None } else { Some(size.parse().ok()?) },
        agent,
    })
}

/// The text up to the closing quote, escapes kept, and what follows.
fn quoted_text(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut escaped = false;
    for (index, character) in inside.char_indices() {
        match character {
            '"' if !escaped => return Some((inside[..index].to_owned(), &inside[index + 1..])),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

fn device(agent: &str) -> &'static str {
    ["Android", "iPhone", "Windows", "Macintosh", "iPad"]
        .into_iter()
        .find(|device| agent.contains(device))
        .unwrap_or("Other")
}

fn country_of(address: &str) -> Option<&'static str> {
    let IpAddr::V4(address) = address.parse().expect("an address") else { return None };
    let table = include_str!("../../../data/countries.csv");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let first: Ipv4Addr = fields[0].parse().ok()?;
        let last: Ipv4Addr = fields[1].parse().ok()?;
        (first <= address && address <= last).then_some(fields[2])
    })
}

#[test]
fn lines_parse_unless_they_are_broken() {
    let lines = all(&PLAN);
    assert_eq!(lines.len(), 100_000);
    let count = |kind| lines.iter().filter(|(line, _)| *line == kind).count();
    assert_eq!(count(Line::Broken), 20);
    assert!((800..1_200).contains(&count(Line::Odd)), "{}", count(Line::Odd));
    for (kind, line) in &lines {
        assert_eq!(parse(line).is_none(), *kind == Line::Broken, "{line}");
        assert!(!line.is_empty() && line.len() < 1_000);
    }
}

#[test]
fn times_rise_through_all_the_days() {
    let seconds: Vec<i64> =
        all(&PLAN).iter().filter_map(|(_, line)| parse(line)).map(|f| f.second).collect();
    assert!(seconds.is_sorted());
    assert_eq!(days_of(seconds[0]), FIRST_DAY);
    assert_eq!(days_of(seconds[seconds.len() - 1]), LAST_DAY);
    let days: std::collections::BTreeSet<i32> = seconds.iter().map(|s| days_of(*s)).collect();
    assert_eq!(days.len(), 378);
}

#[test]
fn users_come_from_their_country_and_the_shares_hold() {
    let mut countries: BTreeMap<&str, u32> = BTreeMap::new();
    let mut devices: BTreeMap<&str, u32> = BTreeMap::new();
    let mut agents: BTreeMap<String, u32> = BTreeMap::new();
    let mut users = 0;
    for (kind, line) in all(&PLAN) {
        let Some(fields) = parse(&line) else { continue };
        *devices.entry(device(&fields.agent)).or_default() += 1;
        if kind == Line::Good {
            *agents.entry(fields.agent).or_default() += 1;
        }
        let Some(country) = country_of(&fields.address) else { continue };
        *countries.entry(country).or_default() += 1;
        if let Some(number) = fields.user.strip_prefix("user_") {
            users += 1;
            let number: u64 = number.parse().expect("a number");
            let customer = CUSTOMER_LIST.iter().find(|c| c.number == number).expect("a customer");
            assert_eq!(customer.country, country, "{line}");
        } else {
            assert_eq!(fields.user, "-");
        }
    }
    let within = |share: Option<&u32>, percent: u32| {
        share.is_some_and(|n| n.abs_diff(percent * 1_000) < 1_000)
    };
    assert_eq!(countries.keys().copied().collect::<Vec<_>>(), ["AU", "CA", "US"]);
    assert!(within(countries.get("US"), 52) && within(countries.get("CA"), 27), "{countries:?}");
    let expected =
        [("Android", 23), ("Windows", 27), ("iPhone", 19), ("Macintosh", 14), ("iPad", 10)];
    for (name, percent) in expected {
        assert!(within(devices.get(name), percent), "{devices:?}");
    }
    assert!(within(devices.get("Other"), 7), "{devices:?}");
    assert_eq!(agents.len(), 10);
    assert!((84_000..86_000).contains(&users), "{users}");
}

#[test]
fn every_odd_kind_is_there() {
    let odd: Vec<(Fields, String)> = all(&PLAN)
        .into_iter()
        .filter(|(kind, _)| *kind == Line::Odd)
        .map(|(_, line)| (parse(&line).expect("valid"), line))
        .collect();
    let some = |test: &dyn Fn(&Fields, &str) -> bool| odd.iter().any(|(f, line)| test(f, line));
    assert!(some(&|f, _| f.agent.contains("\\\"")));
    assert!(some(&|_, line| line.contains("?q=\\\"raw honey\\\"\"")));
    assert!(some(&|f, _| f.request == "-" && f.status == 400 && f.agent == "-"));
    assert!(some(&|f, _| f.request.starts_with("\\x16\\x03")));
    assert!(some(&|f, _| f.address.contains(':')));
    assert!(some(&|f, _| f.size.is_none() && f.agent == "-"));
    assert!(some(&|_, line| line.contains(" +1100] ") || line.contains(" -0500] ")));
}

#[test]
fn a_seed_decides_every_byte_of_the_file() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("access.log");
    let plan = Plan { log_lines: 5_000, ..PLAN };
    let made = make_log(&path, &plan);
    let first = std::fs::read(&path).expect("read");
    assert_eq!((made.lines, made.broken, made.bytes), (5_000, 1, first.len() as u64));
    assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 5_000);
    make_log(&path, &plan);
    assert_eq!(std::fs::read(&path).expect("read"), first);
    make_log(&path, &Plan { seed: 8, ..plan });
    assert_ne!(std::fs::read(&path).expect("read"), first);
    assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 1);
}

#[test]
fn a_log_without_lines_is_an_empty_file() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("access.log");
    let made = make_log(&path, &Plan { log_lines: 0, ..PLAN });
    assert_eq!((made.lines, made.bytes), (0, 0));
    assert_eq!(path.metadata().expect("file").len(), 0);
}

fn days_in(path: &Path, from: usize) -> Vec<i32> {
    let text = std::fs::read_to_string(path).expect("read");
    text.lines().skip(from).filter_map(parse).map(|f| days_of(f.second)).collect()
}

#[test]
fn appended_lines_are_of_the_next_day() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("access.log");
    let plan = Plan { log_lines: 1_000, ..PLAN };
    make_log(&path, &plan);
    let before = std::fs::read(&path).expect("read");
    for turn in 0..2 {
        let made = append_log(&path, &plan, 300, &CancellationToken::new()).expect("append");
        assert_eq!(made.lines, 300);
        let days = days_in(&path, 1_000 + 300 * turn);
        assert!(days.len() > 290);
        assert!(days.iter().all(|day| *day == LAST_DAY + 1 + turn as i32), "{days:?}");
    }
    let after = std::fs::read(&path).expect("read");
    assert_eq!(after[..before.len()], before);
    assert_eq!(after.iter().filter(|byte| **byte == b'\n').count(), 1_600);
}

#[test]
fn a_last_line_that_was_cut_is_ended_first() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("access.log");
    std::fs::write(&path, "192.0.2.1 - - [05/Mar/2021:10:00:00 +0000] \"GET / HT").expect("write");
    let stop = CancellationToken::new();
    append_log(&path, &PLAN, 10, &stop).expect("append");
    let days = days_in(&path, 1);
    assert!(days.len() >= 9 && days.iter().all(|day| *day == days[0]), "{days:?}");
    assert_eq!(civil(days[0]), (2021, 3, 6));
    assert!(append_log(&folder.path().join("none.log"), &PLAN, 1, &stop).is_err());
}

#[test]
fn a_stopped_log_leaves_what_was_there() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("access.log");
    std::fs::write(&path, "old\n").expect("write");
    let stop = CancellationToken::new();
    // Endless, if the stop were not heard.
    let endless = Plan { log_lines: u64::MAX, ..PLAN };
    let error = NewLog::write(&path, &endless, &|_| stop.cancel(), &stop).expect_err("stopped");
    assert_eq!((error.kind(), error.code()), (Kind::Interrupted, "seed/stopped"));
    let error = append_log(&path, &endless, u64::MAX, &stop).expect_err("stopped");
    assert_eq!(error.kind(), Kind::Interrupted);
    assert_eq!(std::fs::read(&path).expect("read"), b"old\n");
    assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 1);
}

#[test]
fn strangers_have_addresses_of_their_own() {
    let visitors = Visitors::of("US", &PLAN);
    let known = (0..ADDRESSES_A_USER).map(|slot| visitors.address(1, slot));
    let distinct: std::collections::BTreeSet<Ipv4Addr> =
        known.chain((0..100).map(|slot| visitors.address(0, slot))).collect();
    assert_eq!(distinct.len(), 106);
    assert_ne!(Ranges::of("US").address(1), Ipv4Addr::UNSPECIFIED);
}
