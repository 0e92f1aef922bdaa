//! Addresses of visitors, drawn from the IPv4 ranges of the countries they come from. No I/O.

use std::net::Ipv4Addr;

/// `first,last,country`: the table the local country look-up also reads.
const COUNTRIES: &str = include_str!("../../data/countries.csv");

/// The ranges of one country.
#[derive(Debug)]
pub struct Ranges {
    /// First address, and the addresses in all ranges up to and with this one.
    ranges: Vec<(u32, u64)>,
}

impl Ranges {
    /// The ranges of a country in the table; lines that are no IPv4 range are left out.
    pub fn of(country: &str) -> Ranges {
        let mut ranges = Vec::new();
        let mut total = 0;
        for line in COUNTRIES.lines() {
            let mut fields = line.split(',');
            let (Some(first), Some(last), Some(code)) =
                (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            if code.trim() != country {
                continue;
            }
            if let (Ok(first), Ok(last)) = (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>()) {
                let (first, last) = (first.to_bits(), last.to_bits());
                total += u64::from(last.saturating_sub(first)) + 1;
                ranges.push((first, total));
            }
        }
        Ranges { ranges }
    }

    /// The address a number between 0 and 2^64 stands for; evenly spread over the ranges.
    ///
    /// 0.0.0.0 when the country has no range.
    pub fn address(&self, number: u64) -> Ipv4Addr {
        let total = self.ranges.last().map_or(0, |(_, total)| *total);
        let place = ((u128::from(number) * u128::from(total)) >> 64) as u64;
        let index = self.ranges.partition_point(|(_, end)| *end <= place);
        let before = if index == 0 { 0 } else { self.ranges[index - 1].1 };
        match self.ranges.get(index) {
            Some((first, _)) => Ipv4Addr::from_bits(first.wrapping_add((place - before) as u32)),
            None => Ipv4Addr::UNSPECIFIED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lie_in_the_ranges_of_their_country() {
        for country in ["US", "CA", "AU"] {
            let ranges = Ranges::of(country);
            for number in [0, 1, u64::MAX / 3, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
                let address = ranges.address(number);
                let found = COUNTRIES.lines().find(|line| {
                    let fields: Vec<&str> = line.split(',').collect();
                    match (fields[0].parse::<Ipv4Addr>(), fields[1].parse::<Ipv4Addr>()) {
                        (Ok(first), Ok(last)) => first <= address && address <= last,
                        _ => false,
                    }
                });
                assert!(found.is_some_and(|l| l.ends_with(country)), "{address} {found:?}");
            }
        }
    }

    #[test]
    fn a_country_without_ranges_has_no_address() {
        assert_eq!(Ranges::of("XX").address(7), Ipv4Addr::UNSPECIFIED);
    }
}
