//! The kind of device a user agent names. Pure; the kinds are data.
//!
//! The order is the list's, not the text's: "Windows Phone 10.0; Android 6.0.1 ... like iPhone"
//! is Android. Safari on iPadOS 13 and later calls itself Macintosh and counts as such.

use memchr::memmem::Finder;

use crate::config::{DEVICES, OTHER_DEVICE};

/// Finds the kind of user agents: the first of the list that stands in it, letter case matters.
#[derive(Debug)]
pub struct Devices {
    names: Vec<String>,
    kinds: Vec<Finder<'static>>,
}

impl Default for Devices {
    fn default() -> Devices {
        Devices::new(&DEVICES.map(str::to_string))
    }
}

impl Devices {
    /// For these kinds.
    pub fn new(kinds: &[String]) -> Devices {
        let finder = |kind: &String| Finder::new(kind.as_bytes()).into_owned();
        Devices { names: kinds.to_vec(), kinds: kinds.iter().map(finder).collect() }
    }

    /// Index of the kind in [`Devices::names`].
    pub fn kind(&self, user_agent: &[u8]) -> usize {
        let found = self.kinds.iter().position(|kind| kind.find(user_agent).is_some());
        found.unwrap_or(self.other())
    }

    /// The kind of a user agent that names none.
    pub fn other(&self) -> usize {
        self.kinds.len()
    }

    /// All names a device column can hold, in the order of [`Devices::kind`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).chain([OTHER_DEVICE])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_kind_of_the_list_wins() {
        let devices = Devices::default();
        let names: Vec<&str> = devices.names().collect();
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

    #[test]
    fn kinds_are_data() {
        let devices = Devices::new(&["iPad".to_string(), "Mozilla".to_string()]);
        let kinds =
            ["Mozilla (iPad)", "Mozilla (Android)", "x"].map(|a| devices.kind(a.as_bytes()));
        assert_eq!(kinds, [0, 1, 2]);
        assert_eq!(devices.names().collect::<Vec<_>>(), ["iPad", "Mozilla", "Other"]);
        assert_eq!(Devices::new(&[]).kind(b"Mozilla (iPad)"), 0, "all are other");
    }
}
