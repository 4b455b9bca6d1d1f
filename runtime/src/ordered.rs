//! Work on several threads, answers in the order of the questions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use thiserror::Error;

/// The work on one item panicked; the thread went on with the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the work on it panicked; this is a bug, please report it with the input")]
pub(crate) struct Panicked;

/// Iterates over every item's key and `work(worker, item)`, in the order of the items.
///
/// The items are taken on a thread of their own, at most `ahead` of them before their answers are asked for: an iterator
/// that waits holds back no answer that is there. Dropped early, it waits for the work that has begun, not for the items.
pub(crate) struct Ordered<K, R> {
    answers: Receiver<(K, Receiver<R>)>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl<K: Send + 'static, R: Send + 'static> Ordered<K, R> {
    /// One thread for each of `workers`; without a worker there is no answer.
    pub(crate) fn new<T: Send + 'static, W: Send + 'static>(
        items: impl Iterator<Item = (K, T)> + Send + 'static,
        workers: Vec<W>,
        ahead: usize,
        work: impl Fn(&mut W, T) -> R + Send + Sync + 'static,
    ) -> Self {
        let (ask, answers) = sync_channel(ahead);
        let (give, jobs) = channel();
        let (stop, jobs, work) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(jobs)), Arc::new(work));
        let begin = |mut worker: W| {
            let (stop, jobs, work) = (stop.clone(), jobs.clone(), work.clone());
            thread::spawn(move || {
                while let Some((item, answer)) = next(&jobs) {
                    serve(&stop, &answer, || work(&mut worker, item));
                }
            })
        };
        let threads = workers.into_iter().map(begin).collect();
        thread::spawn(move || {
            for (key, item) in items {
                let (answer, answered) = sync_channel(1);
                if ask.send((key, answered)).is_err() || give.send((item, answer)).is_err() {
                    return;
                }
            }
        });
        Ordered { answers, stop, threads }
    }
}

/// The next item, for whichever worker asks first; `None` at their end.
fn next<T>(jobs: &Mutex<Receiver<T>>) -> Option<T> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Gives the answer, or drops its channel where nobody wants it or `work` panics.
fn serve<R>(stop: &AtomicBool, answer: &SyncSender<R>, work: impl FnOnce() -> R) {
    if stop.load(Ordering::Relaxed) {
        return;
    }
    if let Ok(done) = catch_unwind(AssertUnwindSafe(work)) {
        // Nobody waits for the answers of an iterator that was dropped.
        let _ = answer.send(done);
    }
}

impl<K, R> Iterator for Ordered<K, R> {
    type Item = (K, Result<R, Panicked>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, answer) = self.answers.recv().ok()?;
        Some((key, answer.recv().map_err(|_| Panicked)))
    }
}

impl<K, R> Drop for Ordered<K, R> {
    /// Leaves no thread at work: an engine's library must not run while the process ends.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        loop {
            match self.answers.try_recv() {
                Ok((_, answer)) => drop(answer.recv()),
                // The items wait for more input, and the workers for items.
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => break,
            }
        }
        for thread in self.threads.drain(..) {
            // A worker catches what it runs; there is nothing to hear of it here.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    fn keyed<T: Copy>(items: impl Iterator<Item = T>) -> impl Iterator<Item = (T, T)> {
        items.map(|item| (item, item))
    }

    #[test]
    fn answers_keep_the_order_whoever_is_first() {
        let work = |_: &mut (), item: u64| {
            thread::sleep(Duration::from_micros(item * 7919 % 500));
            item * 2
        };
        let answers: Vec<u64> =
            Ordered::new(keyed(0..500), vec![(); 4], 8, work).map(|(_, answer)| answer.unwrap()).collect();
        assert_eq!(answers, (0..500).map(|item| item * 2).collect::<Vec<_>>());
    }

    #[test]
    fn items_are_taken_no_further_ahead_than_asked() {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = taken.clone();
        let items = (0..1000).inspect(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let mut answers = Ordered::new(keyed(items), vec![(); 2], 8, |_, item| item);
        for read in 0..100 {
            assert_eq!(answers.next(), Some((read, Ok(read))));
            thread::sleep(Duration::from_micros(200));
            // Those in the channel, the one that waits to enter it, and the one just read.
            assert!(taken.load(Ordering::SeqCst) <= read + 8 + 2);
        }
    }

    #[test]
    fn an_answer_does_not_wait_for_the_next_item() {
        let (send, items) = channel();
        let mut answers = Ordered::new(keyed(items.into_iter()), vec![()], 8, |_, item: u8| item);
        send.send(1).unwrap();
        assert_eq!(answers.next(), Some((1, Ok(1))));
        send.send(2).unwrap();
        assert_eq!(answers.next(), Some((2, Ok(2))));
        // Neither does dropping it.
        drop(answers);
        drop(send);
    }

    #[test]
    fn a_panic_costs_its_item_alone() {
        let work = |_: &mut (), item: u8| if item == 3 { std::panic::panic_any("three") } else { item };
        let answers: Vec<_> = Ordered::new(keyed(0..5), vec![()], 2, work).collect();
        assert_eq!(answers, [(0, Ok(0)), (1, Ok(1)), (2, Ok(2)), (3, Err(Panicked)), (4, Ok(4))]);
    }

    #[test]
    fn dropping_it_leaves_no_work_behind() {
        let done = Arc::new(AtomicUsize::new(0));
        let counter = done.clone();
        let work = move |_: &mut (), _: usize| {
            thread::sleep(Duration::from_millis(1));
            counter.fetch_add(1, Ordering::SeqCst)
        };
        let mut answers = Ordered::new(keyed(0..10_000), vec![(); 2], 4, work);
        answers.next();
        drop(answers);
        let after = done.load(Ordering::SeqCst);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(done.load(Ordering::SeqCst), after);
        assert!(after < 100, "{after}");
    }
}
