//! One look-up for each distinct address of a run, whichever worker meets it first. Asks no network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{AddressCache, Countries, Country};
use crate::error::Result;

/// Addresses remembered; beyond it an address may be asked again, so that memory stays bounded.
const REMEMBERED: usize = 1 << 18;

/// A provider shared by the workers of one run.
pub struct Resolver {
    provider: Arc<dyn Countries>,
    known: Mutex<HashMap<IpAddr, Option<Country>, ahash::RandomState>>,
}

impl Resolver {
    pub fn new(provider: Arc<dyn Countries>) -> Resolver {
        Resolver { provider, known: Mutex::default() }
    }

    /// One answer for each address. May block, as the provider may.
    pub fn resolve(&self, addresses: &[IpAddr]) -> Vec<Option<Country>> {
        // Held while asking: a second worker with the same address waits instead of asking too.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<IpAddr> =
            addresses.iter().copied().filter(|a| !known.contains_key(a)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            if known.len() + missing.len() > REMEMBERED {
                known.clear();
                missing = addresses.to_vec();
                missing.sort_unstable();
                missing.dedup();
            }
            let answers = self.provider.countries(&missing);
            known.extend(missing.into_iter().zip(answers));
        }
        addresses.iter().map(|a| known.get(a).copied().flatten()).collect()
    }

    /// What the provider has to tell.
    pub fn warnings(&self) -> Vec<String> {
        self.provider.warnings()
    }
}

/// A cache that lasts as long as the process: for a look at a log without a project.
#[derive(Debug, Default)]
pub struct MemoryCache {
    answers: Mutex<HashMap<IpAddr, Option<Country>>>,
}

#[async_trait]
impl AddressCache for MemoryCache {
    async fn get(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, Option<Country>)>> {
        let known = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(addresses.iter().filter_map(|a| known.get(a).map(|c| (*a, *c))).collect())
    }

    async fn put(&self, answers: &[(IpAddr, Option<Country>)]) -> Result<()> {
        let mut known = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(answers.iter().copied());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Countries for Counting {
        fn name(&self) -> &str {
            "counting"
        }

        fn countries(&self, addresses: &[IpAddr]) -> Vec<Option<Country>> {
            self.0.fetch_add(addresses.len(), Ordering::Relaxed);
            addresses.iter().map(|a| a.is_ipv4().then_some(*b"US")).collect()
        }
    }

    #[test]
    fn case_85_one_look_up_for_each_address() {
        let provider = Arc::new(Counting::default());
        let resolver = Resolver::new(provider.clone());
        let addresses: Vec<IpAddr> = (0..1000u32)
            .map(|i| IpAddr::V4((0x0808_0000 + i % 10).into()))
            .chain(["::1".parse().expect("an address")])
            .collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let answers = resolver.resolve(&addresses);
                    assert_eq!(answers.first(), Some(&Some(*b"US")));
                    assert_eq!(answers.last(), Some(&None));
                });
            }
        });
        assert_eq!(provider.0.load(Ordering::Relaxed), 11);
    }
}
