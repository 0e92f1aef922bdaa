//! What a user agent tells: the kind of device, and where it is asked for browser, system and
//! whether it is a robot. Asks no network.
//!
//! User agents that tell the same are one class, so that a column holds small numbers. Browser and
//! system are looked up once for each distinct user agent a worker meets; the kind of device is a
//! search for a few words and needs no memory.

use woothee::parser::Parser;

use super::device::Devices;
use super::intern::Texts;
use crate::config::Extra;

/// Bytes of user agents remembered between chunks.
const REMEMBERED: usize = 4 << 20;

/// Names of browsers, or systems, at most; the library knows about a hundred.
const NAMES: usize = 1 << 10;

/// What woothee calls a robot, and what it does not know.
const ROBOT: &str = "crawler";
const UNKNOWN: &str = "UNKNOWN";

/// Finds what user agents tell.
#[derive(Default)]
pub struct Agents {
    devices: Devices,
    extra: Vec<Extra>,
    memory: Option<Box<Memory>>,
}

/// What is remembered when more than the device is asked for.
#[derive(Default)]
struct Memory {
    parser: Parser,
    texts: Texts,
    /// The class of each text.
    of_text: Vec<u16>,
    classes: Vec<Class>,
    browsers: Names,
    systems: Names,
    /// Look-ups made, for tests.
    asked: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Class {
    device: u16,
    browser: Option<u16>,
    os: Option<u16>,
    is_bot: bool,
}

/// Names by number.
#[derive(Debug, Default)]
struct Names(Vec<String>);

impl Agents {
    /// For these kinds of devices and these columns.
    pub fn new(devices: &[String], extra: &[Extra]) -> Agents {
        let memory = (!extra.is_empty()).then(Box::default);
        Agents { devices: Devices::new(devices), extra: extra.to_vec(), memory }
    }

    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// The columns asked for.
    pub fn extra(&self) -> &[Extra] {
        &self.extra
    }

    /// Begins a chunk: what was numbered before is forgotten when the memory is full.
    pub fn start(&mut self) {
        if let Some(memory) =
            self.memory.as_deref_mut().filter(|m| m.texts.bytes().len() > REMEMBERED)
        {
            memory.texts.clear();
            memory.of_text.clear();
        }
    }

    /// The class of a user agent.
    #[inline]
    pub fn class(&mut self, agent: &[u8]) -> u16 {
        match &mut self.memory {
            None => self.devices.kind(agent) as u16,
            Some(memory) => memory.class(agent, &self.devices),
        }
    }

    /// The kind of device of a class.
    pub fn device(&self, class: u16) -> u16 {
        self.class_of(class).map_or(class, |class| class.device)
    }

    /// The number of a class's browser or system; `None` where it is not known.
    pub fn number(&self, extra: Extra, class: u16) -> Option<u16> {
        let class = self.class_of(class)?;
        match extra {
            Extra::Browser => class.browser,
            Extra::Os => class.os,
            Extra::IsBot => Some(u16::from(class.is_bot)),
        }
    }

    /// The browser or system of a number.
    pub fn name(&self, extra: Extra, number: u16) -> &str {
        let memory = self.memory.as_deref();
        let names = memory.map(|m| if extra == Extra::Os { &m.systems } else { &m.browsers });
        names.and_then(|names| names.0.get(number as usize)).map_or("", String::as_str)
    }

    fn class_of(&self, class: u16) -> Option<&Class> {
        self.memory.as_ref()?.classes.get(class as usize)
    }
}

impl Memory {
    fn class(&mut self, agent: &[u8], devices: &Devices) -> u16 {
        let number = self.texts.number(agent) as usize;
        if let Some(class) = self.of_text.get(number) {
            return *class;
        }
        let class = self.look_up(agent, devices);
        let known = self.classes.iter().position(|c| *c == class).unwrap_or_else(|| {
            self.classes.push(class);
            self.classes.len() - 1
        });
        // far fewer than 65,536: kinds of devices times what the library knows
        let known = u16::try_from(known).unwrap_or(u16::MAX);
        self.of_text.push(known);
        known
    }

    fn look_up(&mut self, agent: &[u8], devices: &Devices) -> Class {
        self.asked += 1;
        let device = devices.kind(agent) as u16;
        // a chunk was checked to be UTF-8
        let text = std::str::from_utf8(agent).unwrap_or_default();
        let Some(found) = self.parser.parse(text) else {
            return Class { device, browser: None, os: None, is_bot: false };
        };
        Class {
            device,
            browser: self.browsers.number(found.name),
            os: self.systems.number(found.os),
            is_bot: found.category == ROBOT,
        }
    }
}

impl Names {
    fn number(&mut self, name: &str) -> Option<u16> {
        if name.is_empty() || name == UNKNOWN {
            return None;
        }
        let known = self.0.iter().position(|n| n == name).or_else(|| {
            (self.0.len() < NAMES).then(|| {
                self.0.push(name.to_string());
                self.0.len() - 1
            })
        });
        known.map(|number| number as u16)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> Agents {
        Agents::new(&crate::config::DEVICES.map(str::to_string), &Extra::ALL)
    }

    fn told(agents: &mut Agents, agent: &str) -> (String, Option<String>, Option<String>, bool) {
        let class = agents.class(agent.as_bytes());
        let name = |extra| Some(agents.name(extra, agents.number(extra, class)?).to_string());
        let device = agents.devices().names().nth(agents.device(class) as usize).expect("a kind");
        let is_bot = agents.number(Extra::IsBot, class) == Some(1);
        (device.to_string(), name(Extra::Browser), name(Extra::Os), is_bot)
    }

    #[test]
    fn browsers_systems_and_robots_are_told_apart() {
        let mut agents = all();
        for (agent, device, browser, os, is_bot) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
                "Windows",
                "Chrome",
                "Windows 10",
                false,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0",
                "Windows",
                "Edge",
                "Windows 10",
                false,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
                "Other",
                "Firefox",
                "Linux",
                false,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
                "iPhone",
                "Safari",
                "iPhone",
                false,
            ),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "Other",
                "Googlebot",
                "",
                true,
            ),
            (
                "Mozilla/5.0 (compatible; SomethingNewBot/1.0; +https://example.com)",
                "Other",
                "misc crawler",
                "",
                true,
            ),
            ("nothing anybody knows", "Other", "", "", false),
        ] {
            let some = |name: &str| (!name.is_empty()).then(|| name.to_string());
            let want = (device.to_string(), some(browser), some(os), is_bot);
            assert_eq!(told(&mut agents, agent), want, "{agent}");
        }
    }

    #[test]
    fn a_user_agent_is_looked_up_once() {
        let mut agents = all();
        for chunk in 0..3 {
            agents.start();
            for agent in ["Mozilla (iPad)", "Googlebot", "Mozilla (iPad)", ""] {
                agents.class(agent.as_bytes());
            }
            assert_eq!(agents.memory.as_ref().map(|m| m.asked), Some(3), "chunk {chunk}");
        }
    }

    #[test]
    fn without_more_columns_a_class_is_the_device() {
        let mut agents = Agents::default();
        let class = agents.class(b"Mozilla (iPad)");
        assert_eq!(agents.device(class), class);
        assert_eq!(agents.number(Extra::IsBot, class), None);
    }

    proptest! {
        #[test]
        fn any_user_agent_has_a_class(
            agent in r"(Mozilla/5\.0|MSIE |Windows |Phone OS|rv:|Opera|IEMobile/|Trident/|Version/|DoCoMo/|KDDI-|[0-9.]{1,4}|[ ;()/_-]|bot|CPU OS|Mac OS X|BlackBerry|PSP|\PC){0,14}"
        ) {
            let mut agents = all();
            let class = agents.class(agent.as_bytes());
            prop_assert!((agents.device(class) as usize) < agents.devices().names().count());
        }
    }
}
