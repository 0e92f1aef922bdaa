//! The kind of device a user agent names. Pure; the kinds are data.
//!
//! The order is the list's, not the text's: "Windows Phone 10.0; Android 6.0.1 ... like iPhone"
//! is Android. Safari on iPadOS 13 and later calls itself Macintosh and counts as such.

use memchr::memmem::Finder;

/// The kinds, first match wins, letter case matters; [`OTHER`] where none matches.
pub const KINDS: [&str; 5] = ["Android", "iPhone", "Windows", "Macintosh", "iPad"];

/// The kind of a user agent that names none of [`KINDS`], or of a request without one.
pub const OTHER: &str = "Other";

/// Finds the kind of user agents.
#[derive(Debug)]
pub struct Devices {
    kinds: Vec<Finder<'static>>,
}

impl Default for Devices {
    fn default() -> Devices {
        Devices { kinds: KINDS.iter().map(|kind| Finder::new(kind.as_bytes())).collect() }
    }
}

impl Devices {
    /// Index of the kind in [`Devices::names`].
    pub fn kind(&self, user_agent: &[u8]) -> usize {
        self.kinds.iter().position(|kind| kind.find(user_agent).is_some()).unwrap_or(Devices::OTHER)
    }

    /// The kind of a user agent that names none.
    pub const OTHER: usize = KINDS.len();

    /// All names a device column can hold, in the order of [`Devices::kind`].
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.into_iter().chain([OTHER])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_kind_of_the_list_wins() {
        let devices = Devices::default();
        let names: Vec<&str> = Devices::names().collect();
        for (agent, want) in [
            ("Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1) like iPhone", "Android"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 14_0 like Mac OS X)", "iPhone"),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Windows"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "Macintosh"),
            ("Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X)", "iPad"),
            ("mozilla (android)", "Other"),
            ("", "Other"),
        ] {
            assert_eq!(names[devices.kind(agent.as_bytes())], want, "{agent}");
        }
    }
}
