//! Parquet's hybrid of run lengths and bit packing, for dictionary keys and levels. Pure.
//!
//! The format: "Encodings", section RLE, of the Parquet format specification. Eight equal keys at
//! the start of a group make a run; everything else is packed.

/// Keys of one packed group.
const GROUP: usize = 8;
/// Packed groups behind one header of one byte: what every known writer writes at most.
const MOST_GROUPS: usize = 63;
/// Keys packed at a time; they fill whole words at any width.
const BLOCK: usize = 32;

/// Bits that hold every number up to `greatest`, at least one.
pub(super) fn width(greatest: usize) -> u32 {
    (usize::BITS - greatest.leading_zeros()).max(1)
}

/// Appends `keys`, each below `1 << width`; `width` is 1 to 32.
pub(super) fn encode(keys: &[u32], width: u32, out: &mut Vec<u8>) {
    out.reserve(keys.len() * width as usize / 8 + keys.len() / 256 + 64);
    let mut packed = 0; // keys before are written
    let mut at = 0;
    while let Some(group) = keys.get(at..).and_then(<[u32]>::first_chunk::<GROUP>) {
        let [first, ..] = *group;
        let different = group.iter().fold(0, |different, key| different | (key ^ first));
        if different != 0 {
            at += GROUP;
            continue;
        }
        let rest = keys.get(at..).unwrap_or_default();
        let length = rest.iter().position(|key| *key != first).unwrap_or(rest.len());
        pack(keys.get(packed..at).unwrap_or_default(), width, out);
        run(first, length, width, out);
        at += length;
        packed = at;
    }
    pack(keys.get(packed..).unwrap_or_default(), width, out);
}

/// Appends one run.
pub(super) fn run(key: u32, length: usize, width: u32, out: &mut Vec<u8>) {
    varint(length << 1, out);
    let bytes = key.to_le_bytes();
    out.extend_from_slice(bytes.get(..width.div_ceil(8) as usize).unwrap_or(&bytes));
}

fn varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends packed groups; the last is filled up with zeros.
fn pack(keys: &[u32], width: u32, out: &mut Vec<u8>) {
    for keys in keys.chunks(MOST_GROUPS * GROUP) {
        out.push((keys.len().div_ceil(GROUP) << 1) as u8 | 1);
        let (blocks, rest) = keys.as_chunks::<BLOCK>();
        for block in blocks {
            pack_block(block, width, out);
        }
        let end = out.len() + rest.len().div_ceil(GROUP) * width as usize;
        if !rest.is_empty() {
            let mut block = [0; BLOCK];
            for (slot, key) in block.iter_mut().zip(rest) {
                *slot = *key;
            }
            pack_block(&block, width, out);
            out.truncate(end);
        }
    }
}

fn pack_block(keys: &[u32; BLOCK], width: u32, out: &mut Vec<u8>) {
    /// A known width lets the compiler work out every shift.
    macro_rules! known {
        ($($width:literal)*) => {
            match width {
                $($width => return pack_known::<$width>(keys, out),)*
                _ => {}
            }
        };
    }
    known!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17);
    let (mut word, mut bits) = (0u64, 0);
    for key in keys {
        word |= u64::from(*key) << bits;
        bits += width;
        while bits >= 32 {
            out.extend_from_slice(&(word as u32).to_le_bytes());
            word >>= 32;
            bits -= 32;
        }
    }
}

fn pack_known<const WIDTH: usize>(keys: &[u32; BLOCK], out: &mut Vec<u8>) {
    let mut words = [[0; 4]; WIDTH];
    let (mut word, mut bits, mut at) = (0u64, 0, 0);
    for key in keys {
        word |= u64::from(*key) << bits;
        bits += WIDTH;
        if bits >= 32 {
            if let Some(slot) = words.get_mut(at) {
                *slot = (word as u32).to_le_bytes();
            }
            at += 1;
            word >>= 32;
            bits -= 32;
        }
    }
    out.extend_from_slice(words.as_flattened());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A slow reader after the specification's grammar.
    fn decode(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut keys = Vec::new();
        while keys.len() < count {
            let (mut header, mut shift) = (0usize, 0);
            loop {
                let (byte, rest) = bytes.split_first().expect("a header");
                bytes = rest;
                header |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(width.div_ceil(8) as usize);
                bytes = rest;
                let key = value.iter().rev().fold(0, |key, byte| key << 8 | u32::from(*byte));
                keys.extend(std::iter::repeat_n(key, header >> 1));
            } else {
                let (packed, rest) = bytes.split_at((header >> 1) * width as usize);
                bytes = rest;
                for i in 0..(header >> 1) * 8 {
                    let bit = |b: usize| u32::from(packed[b / 8] >> (b % 8) & 1);
                    let first = i * width as usize;
                    keys.push((0..width).fold(0, |k, b| k | bit(first + b as usize) << b));
                }
            }
        }
        assert!(bytes.is_empty(), "bytes left over");
        assert!(keys.len() < count + 8 && keys[count..].iter().all(|k| *k == 0));
        keys.truncate(count);
        keys
    }

    #[test]
    fn the_example_of_the_specification() {
        // "Encodings", RLE: 0 to 7 in three bits is 10001000 11000110 11111010
        let mut out = Vec::new();
        encode(&[0, 1, 2, 3, 4, 5, 6, 7], 3, &mut out);
        assert_eq!(out, [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
    }

    #[test]
    fn a_column_of_one_value_is_one_run() {
        let mut out = Vec::new();
        encode(&[5; 1000], 9, &mut out);
        assert_eq!(out, [0xd0, 0x0f, 5, 0]); // varint 2000, then the key in two bytes
    }

    #[test]
    fn widths() {
        for (greatest, bits) in [(0, 1), (1, 1), (2, 2), (255, 8), (256, 9)] {
            assert_eq!(width(greatest), bits);
        }
    }

    proptest! {
        #[test]
        fn keys_come_back(
            width in 1u32..=32,
            runs in proptest::collection::vec((any::<u32>(), prop_oneof![3 => Just(1usize), 1 => 1usize..20, 1 => 1usize..900]), 0..300)
        ) {
            let mask = u32::MAX >> (32 - width);
            let keys: Vec<u32> =
                runs.iter().flat_map(|(key, n)| std::iter::repeat_n(key & mask, *n)).collect();
            let mut out = Vec::new();
            encode(&keys, width, &mut out);
            prop_assert_eq!(decode(&out, width, keys.len()), keys);
        }
    }
}
