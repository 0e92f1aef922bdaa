//! How much of its heap the process keeps. It allocates nothing that stays.

use std::hint::black_box;

/// What glibc learns to keep at the end of a heap is twice this size. 32 MiB is the most it takes; of
/// the sample's run that cost half as much memory again, and this size an eighth (`benches/README.md`).
const LESSON: usize = 4 << 20;

/// Lets the heap keep what is freed, up to 8 MiB, instead of giving it back and taking it again.
///
/// A batch of 8192 decimals is 128 KiB, the size from which glibc's malloc maps pages of their own and
/// unmaps them when they are freed, and the free space at the end of the heap from which it shrinks:
/// a query paid for the same pages again and again. Freeing a mapped block raises both limits, to the
/// size of the block and twice that (mallopt(3), M_MMAP_THRESHOLD). Other allocators lose nothing.
pub fn keep_heap() {
    drop(black_box(Vec::<u8>::with_capacity(LESSON)));
}
