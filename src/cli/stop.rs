//! The runtime, and how a signal stops it: once asks, twice ends.

use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::printer::Printer;
use super::progress::Live;
use crate::error::{Error, Kind, Result};

/// Signal numbers of POSIX.
const SIGINT: u8 = 2;
const SIGTERM: u8 = 15;

/// Stack of a worker. Planning a deep query recurses, and debug builds have large frames.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// The user's wish to stop. Cheap to clone.
#[derive(Clone)]
pub(super) struct Stop {
    token: CancellationToken,
    signal: Arc<AtomicU8>,
    /// Whoever draws on the terminal just now.
    live: Arc<Mutex<Option<Arc<dyn Live>>>>,
}

impl Stop {
    pub(super) fn new() -> Stop {
        Stop {
            token: CancellationToken::new(),
            signal: Arc::new(AtomicU8::new(0)),
            live: Arc::default(),
        }
    }

    /// Cancelled by the first signal.
    pub(super) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// The signal that came first; SIGINT when none did.
    pub(super) fn signal(&self) -> u8 {
        match self.signal.load(Ordering::SeqCst) {
            0 => SIGINT,
            signal => signal,
        }
    }

    /// From now on the answer to a signal is said through `live`.
    pub(super) fn through(&self, live: &Arc<dyn Live>) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(live));
    }

    /// Runs `work` to its end, whatever it makes of the token: for a run, which stops after the
    /// task at hand.
    pub(super) fn to_the_end<T>(
        &self,
        printer: &Printer,
        jobs: usize,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.start(printer, jobs, true, work)
    }

    /// Runs `work` until it ends or a signal comes: for everything that can be dropped anywhere.
    pub(super) fn until_signal<T>(
        &self,
        printer: &Printer,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let token = self.token();
        self.start(printer, 2, false, async move {
            tokio::select! {
                result = work => result,
                () = token.cancelled() => {
                    Err(Error::new(Kind::Interrupted, "cli/interrupted", "stopped by a signal"))
                }
            }
        })
    }

    fn start<T>(
        &self,
        printer: &Printer,
        jobs: usize,
        says: bool,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(jobs.max(2))
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|e| Error::failed("cli/runtime", "cannot start threads").because(e))?;
        let result = runtime.block_on(async {
            // Listened for before the work begins: a signal in its first instant must find an ear.
            let signals = Signals::open()
                .map(|signals| tokio::spawn(heed(signals, self.clone(), printer.clone(), says)));
            let result = work.await;
            if let Some(signals) = signals {
                signals.abort();
            }
            result
        });
        // What still blocks (a read of a slow disk) must not keep the process.
        runtime.shutdown_background();
        result
    }
}

/// Waits for signals: the first asks to stop, the second ends the process. What a killed process
/// leaves is what the next run goes on from.
async fn heed(mut signals: Signals, stop: Stop, printer: Printer, says: bool) {
    let first = signals.next().await;
    stop.signal.store(first, Ordering::SeqCst);
    stop.token.cancel();
    let live = stop.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if says {
        let text = "stopping after the current task; press again to abort";
        match &live {
            Some(live) => live.say(text),
            None => printer.always(text),
        }
    }
    let second = signals.next().await;
    if let Some(live) = live {
        live.close();
    }
    let _ = printer.flush();
    abort(128 + second);
}

/// Ends the process at once: the one place that does.
fn abort(code: u8) -> ! {
    std::process::exit(i32::from(code))
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// `None` when the system gives no signals; it then ends the process itself.
    fn open() -> Option<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Some(Signals {
            interrupt: signal(SignalKind::interrupt()).ok()?,
            terminate: signal(SignalKind::terminate()).ok()?,
        })
    }

    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => SIGINT,
            _ = self.terminate.recv() => SIGTERM,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn open() -> Option<Signals> {
        Some(Signals)
    }

    async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        SIGINT
    }
}
