//! Batches made ahead of the trainer, by threads, in order.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// An endless sequence of items, item n made by a function of n on one of several threads.
///
/// Thread k of t makes the items k, k + t, k + 2t, … and keeps at most `ahead` of them waiting, so the
/// order never depends on which thread is faster. Dropping the loader ends the threads after the item that
/// they are at.
#[derive(Debug)]
pub struct Loader<T> {
    queues: Vec<Receiver<T>>,
    next: usize,
    started: Instant,
    waited: Duration,
}

impl<T: Send + 'static> Loader<T> {
    /// Starts `threads` threads that make the items `first`, `first` + 1, … with `make`.
    pub fn start(
        threads: usize,
        ahead: usize,
        first: u64,
        make: impl Fn(u64) -> T + Send + Sync + 'static,
    ) -> Self {
        let threads = threads.max(1);
        let make = Arc::new(make);
        let start = |thread: usize| {
            let (sender, queue) = sync_channel(ahead.max(1));
            let make = make.clone();
            thread::spawn(move || {
                let mut numbers = (first + thread as u64..).step_by(threads);
                while numbers.next().is_some_and(|number| sender.send(make(number)).is_ok()) {}
            });
            queue
        };
        Self {
            queues: (0..threads).map(start).collect(),
            next: 0,
            started: Instant::now(),
            waited: Duration::ZERO,
        }
    }
}

impl<T> Loader<T> {
    /// Share of the time since the start that the consumer has spent waiting for an item, 0 to 1.
    pub fn waited_share(&self) -> f64 {
        self.waited.as_secs_f64() / self.started.elapsed().as_secs_f64().max(1e-9)
    }
}

impl<T> Iterator for Loader<T> {
    type Item = T;

    /// The next item; none once the thread whose turn it is has panicked.
    fn next(&mut self) -> Option<T> {
        let asked = Instant::now();
        let item = self.queues[self.next].recv().ok();
        self.waited += asked.elapsed();
        self.next = (self.next + 1) % self.queues.len();
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_in_order_whatever_the_threads() {
        for threads in [1, 2, 5] {
            let uneven = |n: u64| {
                thread::sleep(Duration::from_micros(n * 7919 % 300));
                n * n
            };
            let items: Vec<u64> = Loader::start(threads, 2, 10, uneven).take(40).collect();
            assert_eq!(items, (10..50).map(|n| n * n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn waiting_is_the_makers_time_and_not_the_consumers() {
        let slow = |_| thread::sleep(Duration::from_millis(10));
        let mut loader = Loader::start(1, 1, 0, slow);
        loader.by_ref().take(10).for_each(drop);
        assert!(loader.waited_share() > 0.6, "{}", loader.waited_share());
        let mut loader = Loader::start(1, 2, 0, |_| ());
        loader.by_ref().take(10).for_each(|()| thread::sleep(Duration::from_millis(20)));
        assert!(loader.waited_share() < 0.5, "{}", loader.waited_share());
    }

    #[test]
    fn a_panic_ends_the_sequence() {
        let fragile = |n| assert!(n < 3, "made to break");
        assert_eq!(Loader::start(1, 1, 0, fragile).count(), 3);
    }
}
