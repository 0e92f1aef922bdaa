//! A MaxMind DB file of MaxMind or IPinfo, read into memory once.
//!
//! Never memory-mapped: a file cut while mapped would stop the process.

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use maxminddb::{PathElement, Reader};

use super::{Countries, Country, code};
use crate::error::{Error, Result};

/// A build older than this is told.
const STALE: Duration = Duration::from_secs(180 * 86_400);

/// Where the code stands: MaxMind's layout, then IPinfo's two.
const PATHS: [&[PathElement<'static>]; 3] = [
    &[PathElement::Key("country"), PathElement::Key("iso_code")],
    &[PathElement::Key("country_code")],
    &[PathElement::Key("country")],
];

/// An open database.
pub struct Mmdb {
    reader: Reader<Vec<u8>>,
    /// Records that could not be decoded.
    broken: AtomicU64,
}

impl Mmdb {
    /// Reads the file. Errors: `country/missing`, `country/mmdb`.
    pub fn open(path: &Path) -> Result<Mmdb> {
        let bytes = std::fs::read(path).map_err(|e| {
            let what = format!("cannot read the country database `{}`", path.display());
            Error::config("country/missing", what).because(e).hint("correct the path in `country`")
        })?;
        let reader = Reader::from_source(bytes).map_err(|e| {
            let what = format!("`{}` is not a whole MaxMind database", path.display());
            Error::failed("country/mmdb", what).because(e).hint("download it again")
        })?;
        Ok(Mmdb { reader, broken: AtomicU64::new(0) })
    }

    fn country(&self, address: IpAddr) -> Option<Country> {
        // an IPv6 address in an IPv4 database is an error of the look-up: no country
        let found = self.reader.lookup(address).ok()?;
        if !found.has_data() {
            return None;
        }
        let texts = PATHS.map(|path| found.decode_path::<&str>(path).ok().flatten());
        let country = texts.into_iter().flatten().find_map(code);
        if country.is_none() {
            self.broken.fetch_add(1, Ordering::Relaxed);
        }
        country
    }
}

impl Countries for Mmdb {
    fn name(&self) -> &str {
        "country database"
    }

    fn countries(&self, addresses: &[IpAddr]) -> Vec<Option<Country>> {
        addresses.iter().map(|address| self.country(*address)).collect()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let built = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(self.reader.metadata().build_epoch));
        let age = built.and_then(|built| SystemTime::now().duration_since(built).ok());
        if let Some(age) = age.filter(|age| *age > STALE) {
            let days = age.as_secs() / 86_400;
            warnings.push(format!("the country database is {days} days old"));
        }
        match self.broken.load(Ordering::Relaxed) {
            0 => {}
            n => warnings.push(format!(
                "{n} addresses have a record without a country code in the country database"
            )),
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 database of one record: 1.0.0.0/8 -> `data`. Layout: MaxMind DB File Format 2.0.
    fn database(data: &[u8]) -> Vec<u8> {
        const NODES: u32 = 8;
        let mut bytes = Vec::new();
        let found = NODES + 16;
        for bit in 0..NODES {
            // the path of 00000001
            let (left, right) = match bit {
                7 => (NODES, found),
                _ => (bit + 1, NODES),
            };
            bytes.extend(&left.to_be_bytes()[1..]);
            bytes.extend(&right.to_be_bytes()[1..]);
        }
        bytes.extend([0; 16]);
        bytes.extend(data);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        let text = |t: &str| [&[0x40 | t.len() as u8], t.as_bytes()].concat();
        bytes.push(0xe0 | 9);
        for (key, value) in [
            ("binary_format_major_version", vec![0xa1, 2]),
            ("binary_format_minor_version", vec![0xa0]),
            ("build_epoch", vec![0x01, 0x02, 1]),
            ("database_type", text("Test")),
            ("description", vec![0xe0]),
            ("ip_version", vec![0xa1, 4]),
            ("languages", vec![0x00, 0x04]),
            ("node_count", vec![0xc1, NODES as u8]),
            ("record_size", vec![0xa1, 24]),
        ] {
            bytes.extend(text(key));
            bytes.extend(value);
        }
        bytes
    }

    fn open(data: &[u8]) -> Result<Mmdb> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.mmdb");
        std::fs::write(&path, database(data)).expect("written");
        Mmdb::open(&path)
    }

    fn ask(mmdb: &Mmdb, address: &str) -> Option<Country> {
        mmdb.countries(&[address.parse().expect(address)])[0]
    }

    #[test]
    fn the_file_is_read_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.mmdb");
        std::fs::write(&path, database(b"\xe1\x47country\x42nz")).expect("written");
        let mmdb = Mmdb::open(&path).expect("a database");
        std::fs::write(&path, b"another file").expect("written");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(ask(&mmdb, "1.2.3.4"), Some(*b"NZ"), "never looked at again");
    }

    #[test]
    fn maxmind_and_ipinfo_layouts_are_read() {
        let maxmind = b"\xe1\x47country\xe1\x48iso_code\x42NZ";
        let ipinfo = b"\xe1\x47country\x42nz";
        let lite = b"\xe2\x4ccountry_code\x42NZ\x47country\x4bNew Zealand";
        for data in [&maxmind[..], ipinfo, lite] {
            let mmdb = open(data).expect("a database");
            assert_eq!(ask(&mmdb, "1.2.3.4"), Some(*b"NZ"));
            assert_eq!(ask(&mmdb, "2.2.3.4"), None);
            assert_eq!(ask(&mmdb, "2001::1"), None, "case 84: IPv6 in an IPv4 database");
        }
    }

    #[test]
    fn case_82_missing_is_the_configurations_fault_and_corrupt_fails() {
        let missing = Mmdb::open(Path::new("/nowhere/x.mmdb")).map(|_| ());
        assert_eq!(
            missing.map_err(|e| (e.kind(), e.code())),
            Err((crate::error::Kind::Config, "country/missing"))
        );
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.mmdb");
        std::fs::write(&path, b"not a database").expect("written");
        let corrupt = Mmdb::open(&path).map(|_| ());
        assert_eq!(corrupt.map_err(|e| e.code()), Err("country/mmdb"));
    }

    #[test]
    fn case_82_an_old_build_and_records_without_a_code_are_told() {
        let mmdb = open(b"\xe1\x47country\x43USA").expect("a database");
        assert_eq!(ask(&mmdb, "1.2.3.4"), None);
        let warnings = mmdb.warnings();
        assert!(warnings[0].contains("days old"), "{warnings:?}");
        assert!(warnings[1].starts_with("1 addresses"), "{warnings:?}");
    }

    #[test]
    fn any_bytes_in_the_data_section_only_lose_the_answer() {
        for data in [&b"\xe1\x47country"[..], b"\xff\xff\xff\xff", b"", b"\x20\x00"] {
            if let Ok(mmdb) = open(data) {
                ask(&mmdb, "1.2.3.4");
            }
        }
    }
}
