//! The IPinfo API: addresses asked in batches, answers kept, patience bounded.
//!
//! What cannot be resolved has no country and is counted; nothing here fails a run. Private and
//! reserved addresses are never sent. The token travels in a header and is in no message.
//!
//! Source: ipinfo.io/developers, "Batch requests" and "Rate limits".

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::{AddressCache, Countries, Country, code, is_public};
use crate::config::Secret;
use crate::error::{Error, Result};

/// Addresses of one request; the API takes up to 1000.
const BATCH: usize = 100;
/// Bytes of an answer that are read, for each address asked.
const ANSWER_BYTES: usize = 64 * 1024;
const TRIES: u32 = 4;
/// Requests that failed one after the other before nothing more is asked.
const CIRCUIT: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The provider. Its requests run on the caller's runtime, or on one of its own.
pub struct Ipinfo {
    client: reqwest::Client,
    batch: url::Url,
    token: Option<Secret>,
    cache: Arc<dyn AddressCache>,
    /// The first wait before a request is tried again; it doubles.
    pause: Duration,
    state: State,
}

/// What happened so far, for the warnings.
#[derive(Default)]
struct State {
    failed_in_a_row: AtomicU32,
    refused: AtomicBool,
    unresolved: AtomicU64,
    bogons: AtomicU64,
    cache_failed: AtomicBool,
}

/// How a request ended.
enum Outcome {
    Answers(HashMap<String, Value>),
    /// Worth another try, after the wait the server asked for.
    Again(Option<Duration>),
    /// The token is refused.
    Refused,
    /// An answer that makes no sense.
    Useless,
}

impl Ipinfo {
    /// A provider at `url`, as `https://ipinfo.io`. Errors: `country/ipinfo`.
    pub fn new(
        url: url::Url,
        token: Option<Secret>,
        cache: Arc<dyn AddressCache>,
    ) -> Result<Ipinfo> {
        let unusable = |cause: Box<dyn std::error::Error + Send + Sync>| {
            Error::config("country/ipinfo", format!("cannot ask `{url}`")).because(cause)
        };
        let mut batch = url.clone();
        batch
            .path_segments_mut()
            .map_err(|()| unusable("the URL has no host".into()))?
            .pop_if_empty()
            .push("batch");
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| unusable(e.into()))?;
        let pause = Duration::from_millis(250);
        Ok(Ipinfo { client, batch, token, cache, pause, state: State::default() })
    }

    async fn resolve(&self, addresses: &[IpAddr]) -> HashMap<IpAddr, Option<Country>> {
        let (public, bogons): (Vec<IpAddr>, Vec<IpAddr>) =
            addresses.iter().copied().partition(|a| is_public(*a));
        self.state.bogons.fetch_add(bogons.len() as u64, Ordering::Relaxed);
        let mut answers: HashMap<IpAddr, Option<Country>> = match self.cache.get(&public).await {
            Ok(known) => known.into_iter().collect(),
            Err(_) => {
                self.state.cache_failed.store(true, Ordering::Relaxed);
                HashMap::new()
            }
        };
        let unknown: Vec<IpAddr> =
            public.iter().copied().filter(|a| !answers.contains_key(a)).collect();
        for batch in unknown.chunks(BATCH) {
            let fresh = self.ask(batch).await;
            let missing = batch.len() - fresh.len();
            self.state.unresolved.fetch_add(missing as u64, Ordering::Relaxed);
            if !fresh.is_empty() && self.cache.put(&fresh).await.is_err() {
                self.state.cache_failed.store(true, Ordering::Relaxed);
            }
            answers.extend(fresh);
        }
        answers
    }

    /// Asks for one batch, with patience; addresses that got no usable answer are left out.
    async fn ask(&self, batch: &[IpAddr]) -> Vec<(IpAddr, Option<Country>)> {
        let mut pause = self.pause;
        for attempt in 1..=TRIES {
            if self.closed() {
                return Vec::new();
            }
            match self.request(batch).await {
                Outcome::Answers(answers) => {
                    self.state.failed_in_a_row.store(0, Ordering::Relaxed);
                    return batch
                        .iter()
                        .filter_map(|a| Some((*a, read_answer(*a, &answers)?)))
                        .collect();
                }
                Outcome::Refused => {
                    self.state.refused.store(true, Ordering::Relaxed);
                    return Vec::new();
                }
                Outcome::Useless => {
                    self.state.failed_in_a_row.fetch_add(1, Ordering::Relaxed);
                    return Vec::new();
                }
                Outcome::Again(wanted) => {
                    self.state.failed_in_a_row.fetch_add(1, Ordering::Relaxed);
                    if attempt < TRIES && !self.closed() {
                        tokio::time::sleep(wanted.unwrap_or(pause)).await;
                        pause *= 2;
                    }
                }
            }
        }
        Vec::new()
    }

    /// True when nothing more is to be asked in this run.
    fn closed(&self) -> bool {
        self.state.refused.load(Ordering::Relaxed)
            || self.state.failed_in_a_row.load(Ordering::Relaxed) >= CIRCUIT
    }

    async fn request(&self, batch: &[IpAddr]) -> Outcome {
        let texts: Vec<String> = batch.iter().map(IpAddr::to_string).collect();
        let mut request = self.client.post(self.batch.clone()).json(&texts);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.reveal());
        }
        let Ok(mut response) = request.send().await else { return Outcome::Again(None) };
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Outcome::Refused,
            StatusCode::TOO_MANY_REQUESTS => {
                return Outcome::Again(retry_after(response.headers()));
            }
            status if status.is_server_error() => {
                return Outcome::Again(retry_after(response.headers()));
            }
            _ => return Outcome::Useless,
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(bytes)) if body.len() + bytes.len() <= ANSWER_BYTES * batch.len() => {
                    body.extend_from_slice(&bytes);
                }
                Ok(Some(_)) => return Outcome::Useless,
                Ok(None) => break,
                Err(_) => return Outcome::Again(None),
            }
        }
        match serde_json::from_slice(&body) {
            Ok(answers) => Outcome::Answers(answers),
            Err(_) => Outcome::Useless,
        }
    }
}

/// The wait a server asks for in seconds, at most [`LONGEST_WAIT`].
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// What `answers` say of an address: `None` is no usable answer, `Some(None)` is "no country".
///
/// The answer is an object under the address, or the code alone under `address/country`.
fn read_answer(address: IpAddr, answers: &HashMap<String, Value>) -> Option<Option<Country>> {
    let key = address.to_string();
    match answers.get(&key).or_else(|| answers.get(&format!("{key}/country")))? {
        Value::String(text) => Some(code(text)),
        Value::Object(fields) => {
            let echoed = fields.get("ip").and_then(Value::as_str);
            if echoed.is_some_and(|ip| ip.parse() != Ok(address)) || fields.contains_key("error") {
                return None;
            }
            let country = fields.get("country_code").or_else(|| fields.get("country"));
            Some(country.and_then(Value::as_str).and_then(code))
        }
        _ => None,
    }
}

impl Countries for Ipinfo {
    fn name(&self) -> &str {
        "IPinfo"
    }

    fn countries(&self, addresses: &[IpAddr]) -> Vec<Option<Country>> {
        // On a thread of its own the wait is allowed whatever the caller's thread is.
        let handle = tokio::runtime::Handle::try_current();
        let answers = std::thread::scope(|scope| {
            let asking = scope.spawn(|| match handle {
                Ok(handle) => Some(handle.block_on(self.resolve(addresses))),
                Err(_) => tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .ok()
                    .map(|runtime| runtime.block_on(self.resolve(addresses))),
            });
            asking.join().ok().flatten()
        });
        let Some(answers) = answers else {
            self.state.unresolved.fetch_add(addresses.len() as u64, Ordering::Relaxed);
            return vec![None; addresses.len()];
        };
        addresses.iter().map(|a| answers.get(a).copied().flatten()).collect()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.state.refused.load(Ordering::Relaxed) {
            warnings.push("IPinfo refused the token; countries are left empty".to_string());
        } else if self.closed() {
            warnings
                .push(format!("IPinfo failed {CIRCUIT} times in a row and was not asked any more"));
        }
        match self.state.unresolved.load(Ordering::Relaxed) {
            0 => {}
            n => warnings.push(format!(
                "{n} addresses could not be resolved by IPinfo; their country is NULL"
            )),
        }
        match self.state.bogons.load(Ordering::Relaxed) {
            0 => {}
            n => warnings.push(format!(
                "{n} private or reserved addresses were not asked for; their country is NULL"
            )),
        }
        if self.state.cache_failed.load(Ordering::Relaxed) {
            warnings.push("answers of IPinfo could not be kept or read back".to_string());
        }
        warnings
    }
}

#[cfg(test)]
mod tests;
