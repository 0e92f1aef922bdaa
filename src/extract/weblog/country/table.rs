//! A table of address ranges: the country source that needs no network.
//!
//! A CSV with a header; its columns `first`, `last` and `country` (or `start_ip` and `end_ip`, as
//! IPinfo's downloads call them) are read, others ignored. Ranges must not overlap. The table built
//! in is `data/countries.csv`: some of the large allocations of the regional registries, under the
//! country they are registered in. It serves the sample and a first look, not statistics.

use std::net::IpAddr;
use std::path::Path;

use super::{Countries, Country, code};
use crate::error::{Error, Place, Result};

/// The table built into the binary.
pub const EMBEDDED_TABLE: &str = include_str!("../../../../data/countries.csv");
/// The configured path, relative to the project, that stands for [`EMBEDDED_TABLE`] when there is
/// no such file.
pub const DEFAULT_TABLE: &str = "data/countries.csv";

/// Address ranges with their countries, sorted, not overlapping.
#[derive(Debug, Default)]
pub struct Table {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    /// Rows whose country is no two-letter code; their addresses have no country.
    unknown: usize,
}

#[derive(Debug, Default)]
struct Ranges<T> {
    /// Kept apart so that the search walks over nothing but keys.
    firsts: Vec<T>,
    rest: Vec<(T, Option<Country>)>,
}

/// A row as read: range and the line it stands in.
struct Row<T> {
    first: T,
    last: T,
    country: Option<Country>,
    line: usize,
}

impl Table {
    /// Reads a table, or the one built in.
    pub fn open(path: &Path) -> Result<Table> {
        match std::fs::read_to_string(path) {
            Ok(text) => Table::parse(&text, path),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                if path.ends_with(DEFAULT_TABLE) {
                    return Table::embedded();
                }
                Err(Error::config(
                    "country/missing",
                    format!("there is no country table `{}`", path.display()),
                )
                .hint("correct the path, or leave the key out for the table built in"))
            }
            Err(e) => Err(Error::config(
                "country/unreadable",
                format!("cannot read the country table `{}`", path.display()),
            )
            .because(e)),
        }
    }

    /// The table built into the binary.
    pub fn embedded() -> Result<Table> {
        Table::parse(EMBEDDED_TABLE, Path::new(DEFAULT_TABLE))
    }

    /// Reads the text of a table; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Table> {
        let bad = |line: usize, why: String| {
            Error::config("country/table", format!("country table: {why}"))
                .at(Place::new(path, line, 1))
        };
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let header = lines.next().map(|(_, line)| cells(line)).unwrap_or_default();
        let column = |names: &[&str]| {
            header
                .iter()
                .position(|cell| names.contains(&cell.to_ascii_lowercase().as_str()))
                .ok_or_else(|| {
                    bad(1, format!("expected a column `{}` in the header", names.join("` or `")))
                })
        };
        let first = column(&["first", "start_ip"])?;
        let last = column(&["last", "end_ip"])?;
        let country = column(&["country", "country_code"])?;
        let (mut v4, mut v6, mut unknown) = (Vec::new(), Vec::new(), 0);
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let line_number = number + 1;
            let cells = cells(line);
            let cell = |i: usize| cells.get(i).map_or("", |c| c.trim());
            let address = |i: usize| {
                cell(i).parse::<IpAddr>().map_err(|_| {
                    bad(line_number, format!("expected an address, found `{}`", cell(i)))
                })
            };
            let country = code(cell(country));
            unknown += usize::from(country.is_none());
            match (address(first)?, address(last)?) {
                (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => v4.push(Row {
                    first: u32::from(first),
                    last: u32::from(last),
                    country,
                    line: line_number,
                }),
                (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => v6.push(Row {
                    first: u128::from(first),
                    last: u128::from(last),
                    country,
                    line: line_number,
                }),
                (first, last) => {
                    return Err(bad(line_number, format!("{first} to {last} is no range")));
                }
            }
        }
        let overlap = |line| bad(line, "the range overlaps another".to_string());
        Ok(Table {
            v4: Ranges::new(v4).map_err(overlap)?,
            v6: Ranges::new(v6).map_err(overlap)?,
            unknown,
        })
    }

    /// The country of one address.
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.v4.find(v4.into()),
            IpAddr::V6(v6) => self.v6.find(v6.into()),
        }
    }
}

impl<T: Copy + Ord> Ranges<T> {
    /// The error is the line of a range that overlaps the one before it.
    fn new(mut rows: Vec<Row<T>>) -> Result<Ranges<T>, usize> {
        rows.sort_by_key(|row| row.first);
        for (before, row) in rows.iter().zip(rows.iter().skip(1)) {
            if row.first <= before.last {
                return Err(row.line);
            }
        }
        Ok(Ranges {
            firsts: rows.iter().map(|row| row.first).collect(),
            rest: rows.iter().map(|row| (row.last, row.country)).collect(),
        })
    }

    fn find(&self, address: T) -> Option<Country> {
        let after = self.firsts.partition_point(|first| *first <= address);
        let (last, country) = self.rest.get(after.checked_sub(1)?)?;
        if address <= *last { *country } else { None }
    }
}

impl Countries for Table {
    fn name(&self) -> &str {
        "country table"
    }

    fn countries(&self, addresses: &[IpAddr]) -> Vec<Option<Country>> {
        addresses.iter().map(|address| self.country(*address)).collect()
    }

    fn warnings(&self) -> Vec<String> {
        match self.unknown {
            0 => Vec::new(),
            n => vec![format!("the country table has {n} rows without a two-letter country code")],
        }
    }
}

/// The cells of a CSV line; a cell in quotes may hold commas and doubled quotes.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => push(&mut cells, '"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => push(&mut cells, other),
        }
    }
    cells
}

fn push(cells: &mut [String], c: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(c);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn country(table: &Table, address: &str) -> Option<String> {
        let code = table.country(address.parse().expect(address))?;
        Some(String::from_utf8_lossy(&code).into_owned())
    }

    #[test]
    fn the_table_built_in_knows_well_known_addresses() {
        let table = Table::embedded().expect("the table built in");
        for (address, want) in [
            ("8.8.8.8", Some("US")),
            ("1.128.0.1", Some("AU")),
            ("99.224.0.1", Some("CA")),
            ("99.255.255.255", Some("CA")),
            ("100.0.0.0", None),
            ("::ffff:8.8.8.8", Some("US")),
            ("2001:4860:4860::8888", Some("US")),
            ("10.0.0.1", None),
            ("0.0.0.0", None),
            ("255.255.255.255", None),
            ("::1", None),
        ] {
            assert_eq!(country(&table, address).as_deref(), want, "{address}");
        }
        assert!(table.warnings().is_empty());
    }

    #[test]
    fn columns_are_found_by_name_and_quotes_are_read() {
        let text = "start_ip,end_ip,continent,country_name,country\r\n1.0.0.0,1.0.0.255,OC,\"Korea, \"\"South\"\"\",au\n2001::,2001::f,EU,X,\n";
        let table = Table::parse(text, Path::new("t.csv")).expect("a table");
        assert_eq!(country(&table, "1.0.0.7").as_deref(), Some("AU"));
        assert_eq!(country(&table, "2001::1"), None);
        assert_eq!(table.warnings().len(), 1);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, why) in [
            ("", 1, "`first`"),
            ("first,last\n", 1, "`country`"),
            ("first,last,country\n\n1.0.0.0,x,US\n", 3, "`x`"),
            ("first,last,country\n1.0.0.9,1.0.0.0,US\n", 2, "no range"),
            ("first,last,country\n1.0.0.0,::1,US\n", 2, "no range"),
            ("first,last,country\n1.0.0.0,1.0.0.9,US\n1.0.0.9,1.0.1.0,CA\n", 3, "overlaps"),
        ] {
            let error = Table::parse(text, Path::new("t.csv")).expect_err(text);
            assert_eq!(error.place().map(|p| p.line), Some(line), "{text}");
            assert!(error.message().contains(why), "{}", error.message());
        }
    }

    #[test]
    fn a_table_that_was_named_must_exist() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = Table::open(&folder.path().join("geo.csv"));
        assert_eq!(missing.map(|_| ()).map_err(|e| e.code()), Err("country/missing"));
        Table::open(&folder.path().join(DEFAULT_TABLE)).expect("the table built in");
    }

    proptest! {
        #[test]
        fn search_finds_what_a_walk_finds(mut edges in proptest::collection::btree_set(0u32..2000, 2..40), address in 0u32..2010) {
            if edges.len() % 2 == 1 { edges.pop_last(); }
            let edges: Vec<u32> = edges.into_iter().collect();
            let mut text = "first,last,country\n".to_string();
            for pair in edges.chunks(2) {
                text.push_str(&format!("{},{},US\n", std::net::Ipv4Addr::from(pair[0]), std::net::Ipv4Addr::from(pair[1])));
            }
            let table = Table::parse(&text, Path::new("t.csv")).expect("a table");
            let inside = edges.chunks(2).any(|p| (p[0]..=p[1]).contains(&address));
            prop_assert_eq!(table.country(IpAddr::V4(address.into())).is_some(), inside);
        }
    }
}
