use crate::{Bundle, Engine, EngineError, GraphName, LoadOptions, Session};
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// How the cores of a machine are divided among sessions: `sessions` x `threads` is at most the cores, and one each
/// at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Sessions that run at once.
    pub sessions: usize,
    /// Threads of one session's run, for [`LoadOptions::threads`].
    pub threads: usize,
}

impl Budget {
    /// `cores` divided among `sessions`, or one session a core where the number is left open: runs of one thread lose
    /// nothing to each other.
    #[must_use]
    pub fn of(cores: usize, sessions: Option<usize>) -> Self {
        let cores = cores.max(1);
        let sessions = sessions.unwrap_or(cores).max(1);
        Budget { sessions, threads: (cores / sessions).max(1) }
    }

    /// [`Budget::of`] the cores this process may use.
    #[must_use]
    pub fn here(sessions: Option<usize>) -> Self {
        Self::of(available_parallelism().map_or(1, usize::from), sessions)
    }
}

/// Sessions of one graph for any number of threads: each takes one, runs it, and puts it back by dropping the lease.
///
/// The sessions share the graph's weights where the engine can, see [`Engine::load_many`]. A caller that finds none
/// sleeps until one is put back.
pub struct Pool {
    sessions: Vec<Mutex<Box<dyn Session>>>,
    /// Indices of the sessions that nobody has.
    idle: Mutex<Vec<usize>>,
    returned: Condvar,
}

impl Pool {
    /// Loads `sessions` sessions (at least one) of a graph of `bundle`.
    ///
    /// # Errors
    /// As [`Bundle::sessions`].
    pub fn load(
        bundle: &Bundle,
        graph: GraphName,
        engine: &dyn Engine,
        options: &LoadOptions,
        sessions: usize,
    ) -> Result<Self, EngineError> {
        Ok(Self::new(bundle.sessions(graph, engine, options, sessions.max(1))?))
    }

    /// A pool of these sessions, which should be alike. [`Pool::get`] of an empty pool waits for ever.
    #[must_use]
    pub fn new(sessions: Vec<Box<dyn Session>>) -> Self {
        let idle = Mutex::new((0..sessions.len()).collect());
        Pool { sessions: sessions.into_iter().map(Mutex::new).collect(), idle, returned: Condvar::new() }
    }

    /// Number of sessions, in use or not.
    #[must_use]
    pub fn size(&self) -> usize {
        self.sessions.len()
    }

    /// Takes a session, asleep until there is one.
    #[must_use]
    pub fn get(&self) -> Lease<'_> {
        let mut idle = lock(&self.idle);
        loop {
            match idle.pop() {
                Some(index) => return self.lease(index),
                None => idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Takes a session if one is idle.
    #[must_use]
    pub fn try_get(&self) -> Option<Lease<'_>> {
        let index = lock(&self.idle).pop()?;
        Some(self.lease(index))
    }

    fn lease(&self, index: usize) -> Lease<'_> {
        Lease { session: lock(&self.sessions[index]), _ticket: Ticket { pool: self, index } }
    }
}

/// A session of a [`Pool`], put back when dropped, by a panicking thread too: a failed run leaves a session usable.
pub struct Lease<'a> {
    // Before the ticket: fields are dropped in order, and who gets the index must find the lock open.
    session: MutexGuard<'a, Box<dyn Session>>,
    _ticket: Ticket<'a>,
}

struct Ticket<'a> {
    pool: &'a Pool,
    index: usize,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        lock(&self.pool.idle).push(self.index);
        self.pool.returned.notify_one();
    }
}

impl Deref for Lease<'_> {
    type Target = dyn Session;

    fn deref(&self) -> &Self::Target {
        &**self.session
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut **self.session
    }
}

/// What a panic left behind is still sound: indices are whole, and a run changes no plan.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
