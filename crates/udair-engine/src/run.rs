//! One run of the network: the machine's instruction set, the scratch memory of the threads, and
//! the caller's watch.

use std::marker::PhantomData;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::kernels::{Buffer, Isa};
use crate::plan::TILES;
use crate::storage::Element;
use crate::{EngineError, Watch};

/// What every pass over a map needs to know.
pub(crate) struct Run<'a> {
    pub(crate) isa: Isa,
    /// Values of normalised rows that a thread may hold.
    pub(crate) strip_values: usize,
    /// Width of the full-size map where attention is windowed.
    pub(crate) windows: Option<usize>,
    pool: &'a Pool,
    watch: &'a dyn Watch,
    done: AtomicU64,
    total: u64,
}

impl<'a> Run<'a> {
    /// A run whose passes will [`advance`](Self::advance) by `total` in all.
    pub(crate) fn new(
        isa: Isa,
        strip_values: usize,
        pool: &'a Pool,
        watch: &'a dyn Watch,
        total: u64,
    ) -> Self {
        Self { isa, strip_values, windows: None, pool, watch, done: AtomicU64::new(0), total: total.max(1) }
    }

    /// The same run with attention in windows, in a full-size map of this width.
    pub(crate) fn windowed(self, full_width: usize) -> Self {
        Self { windows: Some(full_width), ..self }
    }

    /// A map of `len` arbitrary values, to be written before it is read.
    pub(crate) fn map(&self, len: usize) -> Result<Lease<'a>, EngineError> {
        self.map_of(len)
    }

    /// The same, of values that are stored in another way.
    pub(crate) fn map_of<T: Element>(&self, len: usize) -> Result<Lease<'a, T>, EngineError> {
        let values = len.saturating_mul(size_of::<T>()).div_ceil(size_of::<f32>());
        let shelved = lock(&self.pool.shelf).take(values);
        let map = shelved.map_or_else(|| Buffer::zeros(values), Ok)?;
        Ok(Lease { pool: self.pool, map, len, stored: PhantomData })
    }

    /// A map with the given values.
    pub(crate) fn copy(&self, values: &[f32]) -> Result<Lease<'a>, EngineError> {
        let mut map = self.map(values.len())?;
        map.copy_from_slice(values);
        Ok(map)
    }

    /// Says which part of the network is entered.
    pub(crate) fn stage(&self, name: &'static str) {
        self.watch.stage(name);
    }

    /// Counts finished work and reports it.
    pub(crate) fn advance(&self, work: u64) {
        let done = self.done.fetch_add(work, Ordering::Relaxed) + work;
        self.watch.progress((done as f64 / self.total as f64).min(1.0) as f32);
    }

    /// Runs `body(i, chunk i, scratch)` on all threads for consecutive chunks of `len` values, and
    /// stops at the first error or when the watch says so.
    pub(crate) fn each_chunk<T, F>(&self, data: &mut [T], len: usize, body: F) -> Result<(), EngineError>
    where
        T: Element,
        F: Fn(usize, &mut [T], &mut Scratch) -> Result<(), EngineError> + Sync,
    {
        data.par_chunks_mut(len)
            .enumerate()
            .try_for_each(|(i, chunk)| self.with_scratch(|scratch| body(i, chunk, scratch)))
    }

    /// Runs `body(i, scratch)` on all threads for `0..rows` and returns the results in order.
    pub(crate) fn each_row<F, T>(&self, rows: usize, body: F) -> Result<Vec<T>, EngineError>
    where
        F: Fn(usize, &mut Scratch) -> Result<T, EngineError> + Sync,
        T: Send,
    {
        (0..rows).into_par_iter().map(|i| self.with_scratch(|scratch| body(i, scratch))).collect()
    }

    /// The error that ends a run whose watch has had enough.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        if self.watch.cancelled() { Err(EngineError::Cancelled) } else { Ok(()) }
    }

    /// Runs `body` with the scratch memory of a thread, unless the watch has had enough.
    pub(crate) fn with_scratch<T>(
        &self,
        body: impl FnOnce(&mut Scratch) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.check()?;
        let mut scratch = self.pool.take();
        scratch.expected = self.strip_values + TILES;
        let result = body(&mut scratch);
        self.pool.give(scratch);
        result
    }
}

/// Memory that outlives a run, so that a second run over a picture of the same size allocates none.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    scratch: Mutex<Vec<Scratch>>,
    shelf: Mutex<Shelf>,
}

/// Maps that nobody holds.
#[derive(Debug, Default)]
struct Shelf {
    maps: Vec<Buffer>,
    /// Size of the picture that they were for.
    size: (usize, usize),
    /// Bytes that may lie here.
    room: usize,
}

impl Pool {
    fn take(&self) -> Scratch {
        lock(&self.scratch).pop().unwrap_or_default()
    }

    fn give(&self, scratch: Scratch) {
        lock(&self.scratch).push(scratch);
    }

    /// Clears away what a picture of another size left, and allows `room` bytes for this one's.
    pub(crate) fn prepare(&self, size: (usize, usize), room: usize) {
        let mut shelf = lock(&self.shelf);
        if shelf.size != size {
            shelf.maps.clear();
        }
        (shelf.size, shelf.room) = (size, room);
        while shelf.held() * 4 > room {
            shelf.maps.pop();
        }
    }
}

impl Shelf {
    /// The smallest map of at least `len` values, if it is not far too large.
    fn take(&mut self, len: usize) -> Option<Buffer> {
        let fits = |map: &Buffer| (len..=2 * len).contains(&map.len());
        let (i, _) =
            self.maps.iter().enumerate().filter(|(_, map)| fits(map)).min_by_key(|(_, map)| map.len())?;
        Some(self.maps.swap_remove(i))
    }

    fn give(&mut self, map: Buffer) {
        if (self.held() + map.len()) * 4 <= self.room {
            self.maps.push(map);
        }
    }

    /// Values of all maps.
    fn held(&self) -> usize {
        self.maps.iter().map(|map| map.len()).sum()
    }
}

/// A panic elsewhere leaves a list itself whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A map of a run; its memory goes back to the pool.
#[derive(Debug)]
pub(crate) struct Lease<'a, T: Element = f32> {
    pool: &'a Pool,
    map: Buffer,
    len: usize,
    stored: PhantomData<T>,
}

impl<T: Element> std::ops::Deref for Lease<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.map)[..self.len]
    }
}

impl<T: Element> std::ops::DerefMut for Lease<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.map)[..self.len]
    }
}

impl<T: Element> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        lock(&self.pool.shelf).give(std::mem::take(&mut self.map));
    }
}

/// Memory of one thread, cut into as many pieces as a pass needs.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    buffer: Option<Buffer>,
    /// Values to have at once: growing by and by would leave the pieces behind in the allocator.
    expected: usize,
}

impl Scratch {
    /// Pieces of the given lengths, each aligned to a cache line; their contents are arbitrary.
    pub(crate) fn pieces<const N: usize>(
        &mut self,
        lengths: [usize; N],
    ) -> Result<[&mut [f32]; N], EngineError> {
        const LINE: usize = 16;
        let total: usize = lengths.iter().map(|len| len.next_multiple_of(LINE)).sum();
        if self.buffer.as_ref().is_none_or(|buffer| buffer.len() < total) {
            self.buffer = None;
            self.buffer = Some(Buffer::zeros(total.max(self.expected))?);
        }
        let mut rest: &mut [f32] = self.buffer.as_deref_mut().unwrap_or_default();
        Ok(lengths.map(|len| {
            let (piece, after) = std::mem::take(&mut rest).split_at_mut(len.next_multiple_of(LINE));
            rest = after;
            &mut piece[..len]
        }))
    }
}
