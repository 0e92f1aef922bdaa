//! The country of an address: one question, three places to ask. A run never fails for an answer.
//!
//! The local table needs no network and is the default; an `.mmdb` file is read into memory once;
//! the IPinfo API is asked in batches and its answers are kept. An address that cannot be resolved
//! has no country, and how many there were is told once.

mod address;
mod ipinfo;
mod memo;
mod mmdb;
mod table;

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::config::CountrySource;
use crate::error::Result;

pub use address::{is_public, parse_address};
pub use memo::{MemoryCache, Resolver};
pub use table::{DEFAULT_TABLE, EMBEDDED_TABLE, Table};

/// An ISO 3166 code in upper case.
pub type Country = [u8; 2];

/// Who knows the country of an address.
pub trait Countries: Send + Sync {
    /// For messages: `country table`, `IPinfo`.
    fn name(&self) -> &str;

    /// One answer for each of `addresses`, which are distinct; `None` where it is not known.
    ///
    /// May block on the network: call it from a thread that may.
    fn countries(&self, addresses: &[IpAddr]) -> Vec<Option<Country>>;

    /// What the run should tell when the log is read: addresses left without an answer, and why.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Keeps the answers of a remote provider between runs, so that a repeated run is the same run.
#[async_trait]
pub trait AddressCache: Send + Sync {
    /// The answers known for any of `addresses`; an inner `None` says "has no country".
    async fn get(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, Option<Country>)>>;

    /// Keeps answers; those known already may be replaced.
    async fn put(&self, answers: &[(IpAddr, Option<Country>)]) -> Result<()>;
}

/// Opens the provider a source names. `cache` serves the IPinfo API only.
///
/// A table that is configured as [`DEFAULT_TABLE`] and does not exist is the one built in.
/// Errors: `country/missing`, `country/table` with file and line, `country/mmdb`.
pub fn countries(
    source: &CountrySource,
    cache: Arc<dyn AddressCache>,
) -> Result<Arc<dyn Countries>> {
    Ok(match source {
        CountrySource::Table(path) => Arc::new(Table::open(path)?),
        CountrySource::Mmdb(path) => Arc::new(mmdb::Mmdb::open(path)?),
        CountrySource::Ipinfo { url, token } => {
            Arc::new(ipinfo::Ipinfo::new(url.clone(), token.clone(), cache)?)
        }
    })
}

/// A country code as a source spells it: two letters of any case.
///
/// `XX` and `ZZ` (user-assigned codes that stand for "unknown") and anything else are `None`.
pub fn code(text: &str) -> Option<Country> {
    let code: Country = text.trim().as_bytes().try_into().ok()?;
    let code = code.map(|b| b.to_ascii_uppercase());
    let letters = code.iter().all(u8::is_ascii_uppercase);
    (letters && code != *b"XX" && code != *b"ZZ").then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_80_missing_unknown_lower_case_and_long_codes() {
        for (text, want) in [
            ("US", Some(*b"US")),
            ("nz", Some(*b"NZ")),
            (" gb ", Some(*b"GB")),
            ("", None),
            ("XX", None),
            ("ZZ", None),
            ("USA", None),
            ("é", None),
            ("1A", None),
        ] {
            assert_eq!(code(text), want, "{text}");
        }
    }
}
