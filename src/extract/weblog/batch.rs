//! Lines to Arrow columns. It decides nothing about a line; see [`super::format`] for that.
//!
//! Columns with few values become dictionaries; what follows from a value (the device of a user
//! agent, the country of an address) is worked out once for each distinct value.

use std::net::IpAddr;
use std::ops::BitOr;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};

use super::country::{Country, Resolver, parse_address};
use super::device::Devices;
use super::intern::{Interner, text_array};
use super::line::{Line, value};
use super::timestamp::Converter;
use crate::error::{Error, Result};

/// Key of a dictionary column where the value is NULL.
const NULL: i32 = -1;

/// Note of an address that is not known to have a country, in the interner of addresses.
const UNRESOLVED: u32 = u32::MAX;

/// Gathers lines into columns, one batch for each chunk.
pub struct Columns {
    resolver: Arc<Resolver>,
    devices: Devices,
    device_names: ArrayRef,
    converter: Converter,
    offsets: Vec<i64>,
    address: Dictionary,
    /// Distinct addresses of this worker by note.
    addresses: Vec<Address>,
    identity: Dictionary,
    username: Dictionary,
    timestamp: Text,
    converted: Vec<i64>,
    request: Text,
    status: Vec<i16>,
    bytes_sent: Vec<i64>,
    referer: Dictionary,
    user_agent: Dictionary,
}

#[derive(Debug, Clone, Copy)]
struct Address {
    address: IpAddr,
    /// `None` before it was asked for.
    country: Option<Option<Country>>,
}

impl Columns {
    pub fn new(resolver: Arc<Resolver>) -> Columns {
        Columns {
            resolver,
            devices: Devices::default(),
            device_names: Arc::new(StringArray::from_iter_values(Devices::names())),
            converter: Converter::default(),
            offsets: Vec::new(),
            address: Dictionary::default(),
            addresses: Vec::new(),
            identity: Dictionary::default(),
            username: Dictionary::default(),
            timestamp: Text::default(),
            converted: Vec::new(),
            request: Text::default(),
            status: Vec::new(),
            bytes_sent: Vec::new(),
            referer: Dictionary::default(),
            user_agent: Dictionary::default(),
        }
    }

    /// Begins a batch of about `rows` lines.
    pub fn start(&mut self, rows: usize) {
        self.address.start(rows);
        if self.address.values.is_empty() {
            self.addresses.clear();
        }
        for column in
            [&mut self.identity, &mut self.username, &mut self.referer, &mut self.user_agent]
        {
            column.start(rows);
        }
        self.timestamp.start(rows, 26);
        self.request.start(rows, 48);
        self.offsets = Vec::with_capacity(rows);
        self.converted = Vec::with_capacity(rows);
        self.status = Vec::with_capacity(rows);
        self.bytes_sent = Vec::with_capacity(rows);
    }

    /// Adds the line that starts at byte `offset` of its file.
    #[inline]
    pub fn push(&mut self, offset: u64, line: &Line<'_>) {
        self.offsets.push(offset as i64);
        let addresses = &mut self.addresses;
        self.address.push(line.address, |text| match parse_address(text) {
            Some(address) => {
                addresses.push(Address { address, country: None });
                (addresses.len() - 1) as u32
            }
            None => UNRESOLVED,
        });
        self.identity.push(line.identity, |_| 0);
        self.username.push(line.username, |_| 0);
        let stamp = value(line.timestamp);
        self.timestamp.push(stamp);
        self.converted.push(self.converter.convert(stamp.unwrap_or_default()));
        self.request.push(value(line.request));
        // three digits fit, and a size was checked to be below 2^63
        self.status.push(line.status.map_or(-1, |status| status as i16));
        self.bytes_sent.push(line.bytes_sent.map_or(-1, |bytes| bytes as i64));
        self.referer.push(line.referer, |_| 0);
        let devices = &self.devices;
        self.user_agent.push(line.user_agent, |agent| devices.kind(agent) as u32);
    }

    /// The rows since [`Columns::start`], of the file `file_id`; `None` when there are none.
    ///
    /// Asks for the countries of new addresses, so it may block.
    pub fn finish(&mut self, file_id: &str, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
        let rows = self.offsets.len();
        if rows == 0 {
            return Ok(None);
        }
        let file_ids: ArrayRef = Arc::new(StringArray::from(vec![file_id]));
        let device = self.device()?;
        let country = self.country()?;
        let offsets = std::mem::take(&mut self.offsets);
        let converted = std::mem::take(&mut self.converted);
        let status = std::mem::take(&mut self.status);
        let statuses = some(&status);
        let bytes_sent = std::mem::take(&mut self.bytes_sent);
        let sizes = some(&bytes_sent);
        let columns: Vec<ArrayRef> = vec![
            dictionary(vec![0; rows], file_ids)?,
            Arc::new(Int64Array::from(offsets)),
            self.address.finish()?,
            self.identity.finish()?,
            self.username.finish()?,
            self.timestamp.finish()?,
            Arc::new(TimestampMicrosecondArray::from(converted)),
            self.request.finish()?,
            Arc::new(Int16Array::new(status.into(), statuses)),
            Arc::new(Int64Array::new(bytes_sent.into(), sizes)),
            self.referer.finish()?,
            self.user_agent.finish()?,
            device,
            country,
        ];
        RecordBatch::try_new(Arc::clone(schema), columns).map(Some).map_err(unfit)
    }

    /// The device of each row, from the notes of its user agent.
    fn device(&self) -> Result<ArrayRef> {
        let kinds: Vec<i32> = self.user_agent.values.notes().map(|kind| kind as i32).collect();
        let other = self.device_names.len() as i32 - 1;
        let keys = self
            .user_agent
            .keys
            .iter()
            .map(|key| usize::try_from(*key).ok().and_then(|k| kinds.get(k)).map_or(other, |k| *k))
            .collect();
        dictionary(keys, Arc::clone(&self.device_names))
    }

    /// The country of each row, from the notes of its address.
    fn country(&mut self) -> Result<ArrayRef> {
        let notes: Vec<u32> = self.address.values.notes().collect();
        self.ask(&notes);
        let mut names: Vec<Country> = Vec::new();
        let numbers: Vec<i32> = notes
            .iter()
            .map(|note| {
                let address = self.addresses.get(*note as usize)?;
                let country = address.country.flatten()?;
                Some(names.iter().position(|n| *n == country).unwrap_or_else(|| {
                    names.push(country);
                    names.len() - 1
                }) as i32)
            })
            .map(|number| number.unwrap_or(NULL))
            .collect();
        let keys = self
            .address
            .keys
            .iter()
            .map(|key| usize::try_from(*key).ok().and_then(|k| numbers.get(k)).map_or(NULL, |n| *n))
            .collect();
        let names = names.iter().map(|n| String::from_utf8_lossy(n).into_owned());
        dictionary(keys, Arc::new(StringArray::from_iter_values(names)))
    }

    /// Looks up the addresses among `notes` that were not asked for before.
    fn ask(&mut self, notes: &[u32]) {
        let new: Vec<usize> = notes
            .iter()
            .map(|note| *note as usize)
            .filter(|note| self.addresses.get(*note).is_some_and(|a| a.country.is_none()))
            .collect();
        if new.is_empty() {
            return;
        }
        let addresses: Vec<IpAddr> =
            new.iter().filter_map(|note| Some(self.addresses.get(*note)?.address)).collect();
        for (note, country) in new.iter().zip(self.resolver.resolve(&addresses)) {
            if let Some(address) = self.addresses.get_mut(*note) {
                address.country = Some(country);
            }
        }
    }
}

/// The schema of batches: the landing schema of `spec`, some text columns as dictionaries.
pub fn schema(landing: &Schema) -> SchemaRef {
    const PLAIN: [&str; 2] = ["request_timestamp", "request_line"];
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields: Vec<Field> = landing
        .fields()
        .iter()
        .map(|field| {
            let few =
                *field.data_type() == DataType::Utf8 && !PLAIN.contains(&field.name().as_str());
            let field = field.as_ref().clone();
            if few { field.with_data_type(dictionary.clone()) } else { field }
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// A text column with few values.
#[derive(Default)]
struct Dictionary {
    keys: Vec<i32>,
    values: Interner,
}

impl Dictionary {
    fn start(&mut self, rows: usize) {
        self.keys = Vec::with_capacity(rows);
        self.values.start_chunk();
    }

    #[inline]
    fn push(&mut self, field: Option<&[u8]>, note: impl FnOnce(&[u8]) -> u32) {
        let key = match value(field) {
            Some(text) => self.values.number(text, || note(text)),
            None => NULL,
        };
        self.keys.push(key);
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        dictionary(std::mem::take(&mut self.keys), Arc::new(self.values.values()?))
    }
}

/// A text column with many values.
#[derive(Default)]
struct Text {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    /// Rows that are NULL; seldom any.
    nulls: Vec<usize>,
}

impl Text {
    fn start(&mut self, rows: usize, width: usize) {
        self.offsets = Vec::with_capacity(rows + 1);
        self.offsets.push(0);
        self.bytes = Vec::with_capacity(rows * width);
        self.nulls.clear();
    }

    #[inline]
    fn push(&mut self, text: Option<&[u8]>) {
        match text {
            Some(text) => self.bytes.extend_from_slice(text),
            None => self.nulls.push(self.offsets.len() - 1),
        }
        // a chunk of text is far below 2 GiB
        self.offsets.push(self.bytes.len() as i32);
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let rows = self.offsets.len() - 1;
        let nulls = (!self.nulls.is_empty()).then(|| {
            let mut valid = vec![true; rows];
            for row in &self.nulls {
                if let Some(valid) = valid.get_mut(*row) {
                    *valid = false;
                }
            }
            NullBuffer::from(valid)
        });
        let (offsets, bytes) = (std::mem::take(&mut self.offsets), std::mem::take(&mut self.bytes));
        Ok(Arc::new(text_array(offsets, bytes, nulls)?))
    }
}

/// Which values are not negative; nothing when all are.
fn some<T: Copy + Default + PartialOrd + BitOr<Output = T>>(values: &[T]) -> Option<NullBuffer> {
    // the sign of all of them together: one pass that the compiler makes wide
    let signs = values.iter().fold(T::default(), |signs, value| signs | *value);
    (signs < T::default()).then(|| {
        let is_there = |i: usize| values.get(i).is_some_and(|value| *value >= T::default());
        NullBuffer::new(BooleanBuffer::collect_bool(values.len(), is_there))
    })
}

fn dictionary(keys: Vec<i32>, values: ArrayRef) -> Result<ArrayRef> {
    let nulls = some(&keys);
    let keys = Int32Array::new(keys.into(), nulls);
    let array = DictionaryArray::<Int32Type>::try_new(keys, values).map_err(unfit)?;
    Ok(Arc::new(array))
}

fn unfit(cause: arrow::error::ArrowError) -> Error {
    Error::failed("weblog/batch", "the columns of the access log do not fit").because(cause)
}
