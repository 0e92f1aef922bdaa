//! A small random generator whose numbers are the same on every platform and in every release.
//! It is never used for secrets.
//!
//! SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). Library
//! generators reserve the right to change their streams; the sample must not change with them.

/// A stream of random numbers, fixed by a seed and the number of the stream.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Streams of one seed are independent: orders do not change when the log changes.
    pub fn new(seed: u64, stream: u64) -> Random {
        Random { state: mix(seed ^ mix(stream.wrapping_add(STEP))) }
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: a bias under bound / 2^64, without a division.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        match u64::try_from(high.saturating_sub(low)) {
            Ok(span) => low + self.below(span.saturating_add(1)) as i64,
            Err(_) => low,
        }
    }

    /// True once in `times` calls on average; `times` of 0 is never.
    pub fn once_in(&mut self, times: u64) -> bool {
        times > 0 && self.below(times) == 0
    }

    /// One of `items`, all equally likely. `items` must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// One of `items` by its weight. `items` must not be empty.
    pub fn pick_weighted<'a, T>(&mut self, items: &'a [(u64, T)]) -> &'a T {
        let total: u64 = items.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(total);
        for (weight, item) in items {
            if left < *weight {
                return item;
            }
            left -= weight;
        }
        &items[items.len() - 1].1
    }
}

/// Scatters a number over all 64 bits; the same in, the same out.
pub fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Chooses positions of a sequence while it goes by: one at random in each stretch of equal length.
///
/// A share of 5 % takes one row of every 20: the count is exact, the places are not regular.
#[derive(Debug)]
pub struct Picker {
    random: Random,
    stretch: f64,
    stretches: u64,
    next: u64,
    position: u64,
}

impl Picker {
    /// `stretch`: positions for each pick, at least 1.
    pub fn every(stretch: f64, random: Random) -> Picker {
        let mut picker =
            Picker { random, stretch: stretch.max(1.0), stretches: 0, next: 0, position: 0 };
        picker.next = picker.place();
        picker
    }

    /// Picks `percent` of `count` positions, at least one.
    pub fn share(percent: f64, count: u64, random: Random) -> Picker {
        Picker::every((100.0 / percent).min(count.max(1) as f64), random)
    }

    /// Whether the position now going by is chosen.
    pub fn takes(&mut self) -> bool {
        let taken = self.position == self.next;
        self.position += 1;
        if taken {
            self.stretches += 1;
            self.next = self.place();
        }
        taken
    }

    fn place(&mut self) -> u64 {
        let first = (self.stretches as f64 * self.stretch) as u64;
        let after = ((self.stretches + 1) as f64 * self.stretch) as u64;
        first + self.random.below(after - first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_equal_the_published_algorithm() {
        // The first outputs of SplitMix64 from state 1234567, as its reference code prints them.
        let mut random = Random { state: 1_234_567 };
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
        assert_eq!(random.next(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn streams_of_one_seed_differ() {
        assert_ne!(Random::new(1, 1).next(), Random::new(1, 2).next());
        assert_ne!(Random::new(1, 1).next(), Random::new(2, 1).next());
    }

    #[test]
    fn ranges_hold_and_are_reached() {
        let mut random = Random::new(7, 7);
        let mut seen = [false; 6];
        for _ in 0..1_000 {
            let number = random.between(1, 6);
            seen[usize::try_from(number - 1).expect("at least 1")] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(random.between(5, 4), 5);
        assert_eq!(random.below(0), 0);
        assert!(!random.once_in(0));
    }

    #[test]
    fn weights_decide_the_share() {
        let mut random = Random::new(3, 3);
        let heavy = (0..10_000).filter(|_| *random.pick_weighted(&[(9, true), (1, false)])).count();
        assert!((8_800..9_200).contains(&heavy), "{heavy}");
    }

    #[test]
    fn picker_takes_the_share() {
        for (percent, count, expected) in
            [(5.0, 4_000, 200..=200), (5.0, 10, 1..=1), (100.0, 10, 10..=10), (50.0, 9, 4..=5)]
        {
            let mut picker = Picker::share(percent, count, Random::new(1, 1));
            let taken = (0..count).filter(|_| picker.takes()).count();
            assert!(expected.contains(&taken), "{percent} % of {count}: {taken}");
        }
    }
}
