//! The module's memory. Blocks come in sizes, four to a doubling; one that is given back waits in the
//! list of its size for the next of that size, and nothing is split or joined. So what is held is the
//! sum of the most that each size ever needed at once, and at most a quarter more than was asked for:
//! little for some hundred records, and 3 KB less to download than the standard library's allocator.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

/// The smallest block.
const LEAST: usize = 16;
/// What every block begins at a multiple of; nothing of ours needs more.
const ALIGN: usize = 8;
const PAGE: usize = 65_536;
/// Four to a doubling, from 16 bytes to all there is.
const SIZES: usize = 4 * 28;

struct Heap {
    /// by size, the first that is free; each begins with the address of the next
    free: [*mut u8; SIZES],
    /// from here to `end` nothing was given out yet
    from: usize,
    end: usize,
}

struct Memory(UnsafeCell<Heap>);

#[global_allocator]
static MEMORY: Memory = Memory(UnsafeCell::new(Heap {
    free: [null_mut(); SIZES],
    from: 0,
    end: 0,
}));

// SAFETY: the module has one thread.
#[allow(unsafe_code)]
unsafe impl Sync for Memory {}

/// Which size a block has that holds so many bytes, and how many it holds.
fn size_of(bytes: usize) -> (usize, usize) {
    let bytes = bytes.max(LEAST);
    // The two bits below the highest, rounded up.
    let step = (bytes - 1).ilog2().max(4) - 2;
    let whole = ((bytes - 1) >> step) + 1;
    (4 * (step as usize - 2) + whole - 4, whole << step)
}

impl Heap {
    /// What nobody had yet: pages that the host adds where the last ones ended, or elsewhere.
    fn fresh(&mut self, bytes: usize, align: usize) -> Option<usize> {
        loop {
            let start = self.from.next_multiple_of(align);
            if let Some(end) = start.checked_add(bytes).filter(|end| *end <= self.end) {
                self.from = end;
                return Some(start);
            }
            let pages = (bytes.checked_add(align)?).div_ceil(PAGE);
            let before = core::arch::wasm32::memory_grow(0, pages);
            if before == usize::MAX {
                return None;
            }
            let start = before * PAGE;
            if start != self.end {
                self.from = start;
            }
            // The last page of all 4 GiB would end past what a number holds.
            self.end = start.checked_add(pages * PAGE)?;
        }
    }
}

// SAFETY: a block is in no list while it is given out, is as long as its size says and begins at a
// multiple of what was asked for: of 8 whoever had it before, of more if it was made for it.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread, and nothing below allocates.
        let heap = unsafe { &mut *self.0.get() };
        let (size, bytes) = size_of(layout.size());
        if let Some(first) = heap.free.get_mut(size) {
            let block = *first;
            if !block.is_null() && layout.align() <= ALIGN {
                // SAFETY: a free block begins with the address of the next.
                *first = unsafe { *block.cast() };
                return block;
            }
        }
        let fresh = heap.fresh(bytes, layout.align().max(ALIGN));
        fresh.map_or(null_mut(), |at| at as *mut u8)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        let heap = unsafe { &mut *self.0.get() };
        if let Some(first) = heap.free.get_mut(size_of(layout.size()).0) {
            // SAFETY: the block is ours again, and at least 16 bytes long.
            unsafe { *block.cast() = *first };
            *first = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        if size_of(layout.size()).0 == size_of(bytes).0 {
            return block;
        }
        // SAFETY: the caller's promises; the new size has the old alignment.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(bytes, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(block, layout.size().min(bytes));
                self.dealloc(block, layout);
            }
            new
        }
    }
}
