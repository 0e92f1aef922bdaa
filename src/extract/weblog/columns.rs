//! Lines to columns of a row group. It decides nothing about a line; see [`super::format`] for
//! that.
//!
//! What follows from a value (the device of a user agent, the country of an address, the time of a
//! timestamp) is worked out once for each distinct value of a chunk, as long as values repeat.

use std::net::IpAddr;
use std::sync::Arc;

use super::adaptive::{Codes, NumberColumn, TextColumn};
use super::agent::Agents;
use super::country::{Country, Resolver, parse_address};
use super::intern::{self, Known, Texts};
use super::line::{Line, value};
use super::timestamp::{Converter, UNCONVERTED};
use crate::config::Extra;
use crate::error::Result;
use crate::pages::{Column, Encoder, NULL, RowGroup, Values};

/// Gathers the lines of a chunk; keeps its memory from chunk to chunk.
pub struct Columns {
    agents: Agents,
    converter: Converter,
    /// A file, and the row of its first line.
    files: Vec<(String, usize)>,
    file_ids: Texts,
    offsets: Vec<i64>,
    address: TextColumn<u32, false>,
    places: Places,
    identity: TextColumn<(), true>,
    username: TextColumn<(), true>,
    /// With the converted time of each.
    timestamp: TextColumn<i64, true>,
    request: TextColumn<(), true>,
    /// Number of the status in `statuses`.
    status: Vec<u32>,
    statuses: Codes,
    bytes_sent: NumberColumn,
    referer: TextColumn<(), false>,
    /// With the class of each.
    user_agent: TextColumn<u16, false>,
    visitors: Visitors,
    scratch: Scratch,
}

/// Memory for columns that follow from others.
#[derive(Default)]
struct Scratch {
    codes: Codes,
    numbers: NumberColumn,
    of_notes: Vec<u32>,
    keys: Vec<u32>,
    times: Vec<i64>,
    text: Vec<u8>,
    bools: Vec<bool>,
    nulls: Vec<u32>,
}

impl Columns {
    pub fn new(resolver: Arc<Resolver>, agents: Agents) -> Columns {
        Columns {
            agents,
            converter: Converter::default(),
            files: Vec::new(),
            file_ids: Texts::default(),
            offsets: Vec::new(),
            address: TextColumn::default(),
            places: Places::new(resolver),
            identity: TextColumn::default(),
            username: TextColumn::default(),
            timestamp: TextColumn::default(),
            request: TextColumn::default(),
            status: Vec::new(),
            statuses: Codes::default(),
            bytes_sent: NumberColumn::default(),
            referer: TextColumn::default(),
            user_agent: TextColumn::default(),
            visitors: Visitors::default(),
            scratch: Scratch::default(),
        }
    }

    /// From the next chunk on, what user agents tell.
    pub fn tell(&mut self, agents: Agents) {
        self.agents = agents;
    }

    /// Begins a chunk.
    pub fn start(&mut self) {
        self.files.clear();
        self.offsets.clear();
        self.address.start();
        self.places.start();
        self.identity.start();
        self.username.start();
        self.timestamp.start();
        self.request.start();
        self.status.clear();
        self.statuses.start();
        self.bytes_sent.start();
        self.referer.start();
        self.user_agent.start();
        self.visitors.start();
        self.agents.start();
    }

    pub fn rows(&self) -> usize {
        self.offsets.len()
    }

    /// Lines that follow are of this file.
    pub fn file(&mut self, file_id: &str) {
        self.files.push((file_id.to_string(), self.offsets.len()));
    }

    /// Adds the line that starts at byte `offset` of its file.
    #[inline]
    pub fn push(&mut self, offset: u64, line: &Line<'_>) {
        self.offsets.push(offset as i64);
        let places = &mut self.places;
        self.address.push(value(line.address), |text| places.number(text));
        self.identity.push(value(line.identity), |_| ());
        self.username.push(value(line.username), |_| ());
        let converter = &mut self.converter;
        self.timestamp.push(value(line.timestamp), |stamp| converter.convert(stamp));
        self.request.push(value(line.request), |_| ());
        self.status.push(line.status.map_or(NULL, |status| self.statuses.number(status)));
        // a size was checked to be below 2^63
        self.bytes_sent.push(line.bytes_sent.map(|bytes| bytes as i64));
        let visitor = self.visitors.at(self.address.last());
        self.referer.push_like(value(line.referer), &mut visitor.referer, |_| ());
        let agents = &mut self.agents;
        let agent = &mut visitor.user_agent;
        self.user_agent.push_like(value(line.user_agent), agent, |text| agents.class(text));
    }

    /// The rows since [`Columns::start`]; `None` when there are none.
    ///
    /// Asks for the countries of new addresses, so it may block.
    pub fn encode(&mut self, encoder: &mut Encoder) -> Result<Option<RowGroup>> {
        let rows = self.rows();
        if rows == 0 {
            return Ok(None);
        }
        encoder.start(rows);
        self.position(encoder)?;
        for column in [&self.address.column(), &self.identity.column(), &self.username.column()] {
            encoder.column(*column)?;
        }
        encoder.column(self.timestamp.column())?;
        self.converted(encoder)?;
        encoder.column(self.request.column())?;
        let statuses: Vec<i32> = self.statuses.used().iter().map(|s| i32::from(*s)).collect();
        encoder
            .column(Column::Keys { keys: &self.status, dictionary: Values::Int32(&statuses) })?;
        encoder.column(self.bytes_sent.column())?;
        encoder.column(self.referer.column())?;
        encoder.column(self.user_agent.column())?;
        self.device(encoder)?;
        self.country(encoder)?;
        for index in 0..self.agents.extra().len() {
            self.extra(index, encoder)?;
        }
        encoder.finish().map(Some)
    }

    /// The key of each row.
    fn position(&mut self, encoder: &mut Encoder) -> Result<()> {
        let keys = &mut self.scratch.keys;
        keys.clear();
        self.file_ids.clear();
        let ends = self.files.iter().skip(1).map(|(_, first)| *first).chain([self.offsets.len()]);
        for ((file_id, first), end) in self.files.iter().zip(ends) {
            // of a file without a row nothing is kept
            if end > *first {
                keys.resize(end, self.file_ids.number(file_id.as_bytes()));
            }
        }
        let (bytes, count) = (self.file_ids.bytes(), self.file_ids.count());
        encoder.column(Column::Keys { keys, dictionary: Values::Texts { bytes, count } })?;
        encoder.column(Column::Plain { values: Values::Int64(&self.offsets), nulls: &[] })
    }

    /// The time of each row, from the notes of its timestamp.
    fn converted(&mut self, encoder: &mut Encoder) -> Result<()> {
        let Scratch { numbers, times, .. } = &mut self.scratch;
        let stamps = self.timestamp.notes();
        let Some(stamp_keys) = self.timestamp.keys() else {
            self.timestamp.follow(stamps, UNCONVERTED, times);
            return encoder.column(Column::Plain { values: Values::Int64(times), nulls: &[] });
        };
        numbers.start();
        for stamp in stamps {
            numbers.push(Some(*stamp));
        }
        let missing = stamp_keys.contains(&NULL);
        if !missing && let Some(distinct) = numbers.distinct().filter(|d| d.len() == stamps.len()) {
            return encoder.column(Column::SameKeys { dictionary: Values::Int64(distinct) });
        }
        // two spellings of one time, or a row without a timestamp
        numbers.start();
        self.timestamp.follow(stamps, UNCONVERTED, times);
        for time in times.iter() {
            numbers.push(Some(*time));
        }
        encoder.column(numbers.column())
    }

    /// The device of each row, from the notes of its user agent.
    fn device(&mut self, encoder: &mut Encoder) -> Result<()> {
        let Scratch { codes, of_notes, keys, text, .. } = &mut self.scratch;
        codes.start();
        of_notes.clear();
        let kinds = self.user_agent.notes().iter().map(|class| self.agents.device(*class));
        of_notes.extend(kinds.map(|kind| codes.number(kind)));
        self.user_agent.follow(of_notes, NULL, keys);
        if keys.contains(&NULL) {
            let other = codes.number(self.agents.devices().other() as u16);
            keys.iter_mut().filter(|key| **key == NULL).for_each(|key| *key = other);
        }
        text.clear();
        let names: Vec<&str> = self.agents.devices().names().collect();
        for kind in codes.used() {
            let name = names.get(*kind as usize).copied().unwrap_or_default();
            intern::put(name.as_bytes(), text);
        }
        let dictionary = Values::Texts { bytes: text, count: codes.used().len() };
        encoder.column(Column::Keys { keys, dictionary })
    }

    /// A column asked for beside the others, from the notes of the user agent.
    fn extra(&mut self, index: usize, encoder: &mut Encoder) -> Result<()> {
        let Some(extra) = self.agents.extra().get(index).copied() else { return Ok(()) };
        let Scratch { codes, of_notes, keys, text, bools, nulls, .. } = &mut self.scratch;
        codes.start();
        of_notes.clear();
        let agents = &self.agents;
        let numbers = self.user_agent.notes().iter().map(|class| agents.number(extra, *class));
        if extra == Extra::IsBot {
            of_notes.extend(numbers.map(|number| number.map_or(NULL, u32::from)));
            self.user_agent.follow(of_notes, NULL, keys);
            bools.clear();
            bools.extend(keys.iter().filter(|key| **key != NULL).map(|key| *key == 1));
            nulls.clear();
            nulls.extend(
                (0..).zip(keys.iter()).filter(|(_, key)| **key == NULL).map(|(row, _)| row),
            );
            return encoder.column(Column::Plain { values: Values::Bools(bools), nulls });
        }
        of_notes.extend(numbers.map(|number| number.map_or(NULL, |number| codes.number(number))));
        self.user_agent.follow(of_notes, NULL, keys);
        text.clear();
        for number in codes.used() {
            intern::put(agents.name(extra, *number).as_bytes(), text);
        }
        let dictionary = Values::Texts { bytes: text, count: codes.used().len() };
        encoder.column(Column::Keys { keys, dictionary })
    }

    /// The country of each row, from the notes of its address.
    fn country(&mut self, encoder: &mut Encoder) -> Result<()> {
        let Scratch { codes, of_notes, keys, text, .. } = &mut self.scratch;
        self.places.ask(self.address.notes());
        codes.start();
        of_notes.clear();
        of_notes.extend(self.address.notes().iter().map(|place| {
            self.places.country(*place).map_or(NULL, |country| codes.number(code(country)))
        }));
        self.address.follow(of_notes, NULL, keys);
        text.clear();
        for country in codes.used() {
            intern::put(&letters(*country), text);
        }
        let dictionary = Values::Texts { bytes: text, count: codes.used().len() };
        encoder.column(Column::Keys { keys, dictionary })
    }
}

/// Letters of the alphabet: a country is a number of two digits to this base.
const LETTERS: u16 = 26;

fn code([first, second]: Country) -> u16 {
    let digit = |letter: u8| u16::from(letter.wrapping_sub(b'A')) % LETTERS;
    digit(first) * LETTERS + digit(second)
}

fn letters(code: u16) -> Country {
    [code / LETTERS, code % LETTERS].map(|digit| b'A' + digit as u8)
}

/// What each address of a chunk sent last: one visitor keeps to one user agent and comes from one
/// page for many lines, so that a comparison stands for the look-up.
#[derive(Default)]
struct Visitors {
    /// By number of the address.
    known: Vec<Visitor>,
    /// Of lines whose address has no number.
    other: Visitor,
}

#[derive(Clone, Copy, Default)]
struct Visitor {
    referer: Known,
    user_agent: Known,
}

impl Visitors {
    /// Begins a chunk.
    fn start(&mut self) {
        self.known.clear();
        self.other = Visitor::default();
    }

    #[inline]
    fn at(&mut self, address: Option<u32>) -> &mut Visitor {
        let Some(number) = address else { return &mut self.other };
        // numbers are given in order, so that a new one is the next
        if number as usize == self.known.len() {
            self.known.push(Visitor::default());
        }
        self.known.get_mut(number as usize).unwrap_or(&mut self.other)
    }
}

/// The addresses a worker has met, and what it knows of them.
struct Places {
    resolver: Arc<Resolver>,
    texts: Texts,
    /// By number of the text.
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    /// `None` for a host name and the like.
    address: Option<IpAddr>,
    /// `None` before it was asked for.
    country: Option<Option<Country>>,
}

impl Places {
    /// Bytes of text kept between chunks.
    const KEPT: usize = 4 << 20;

    fn new(resolver: Arc<Resolver>) -> Places {
        Places { resolver, texts: Texts::default(), places: Vec::new() }
    }

    /// Begins a chunk: numbers of before are worth nothing when the memory was full.
    fn start(&mut self) {
        if self.texts.bytes().len() > Places::KEPT {
            self.texts.clear();
            self.places.clear();
        }
    }

    /// The number of an address.
    fn number(&mut self, text: &[u8]) -> u32 {
        let number = self.texts.number(text);
        if number as usize == self.places.len() {
            self.places.push(Place { address: parse_address(text), country: None });
        }
        number
    }

    fn country(&self, number: u32) -> Option<Country> {
        self.places.get(number as usize)?.country?
    }

    /// Looks up the addresses among `numbers` that were not asked for before.
    fn ask(&mut self, numbers: &[u32]) {
        let unknown = |number: &u32| {
            let place = self.places.get(*number as usize)?;
            place.country.is_none().then_some((*number, place.address?))
        };
        let (new, addresses): (Vec<u32>, Vec<IpAddr>) = numbers.iter().filter_map(unknown).unzip();
        if new.is_empty() {
            return;
        }
        for (number, country) in new.iter().zip(self.resolver.resolve(&addresses)) {
            if let Some(place) = self.places.get_mut(*number as usize) {
                place.country = Some(country);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_a_number() {
        for country in [*b"AA", *b"NZ", *b"ZZ", *b"US"] {
            assert!(usize::from(code(country)) < Codes::LIMIT);
            assert_eq!(letters(code(country)), country);
        }
    }
}
