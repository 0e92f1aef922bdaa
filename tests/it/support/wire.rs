//! A wire to a server that remembers what was asked over it and can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Cut for good when dropped.
pub struct Wire {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// First lines of the requests, in the order in which they came.
    asked: Mutex<Vec<String>>,
    ends: Mutex<Vec<TcpStream>>,
    /// Requests that write and still get through.
    writes_left: AtomicU64,
    cut: AtomicBool,
    address: SocketAddr,
}

impl Wire {
    pub fn to(server: SocketAddr) -> Wire {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            ends: Mutex::default(),
            writes_left: AtomicU64::new(u64::MAX),
            cut: AtomicBool::new(false),
            address,
        });
        let wire = Wire { address, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if shared.cut.load(Ordering::SeqCst) {
                    // The listener goes with this thread: from now on nobody answers.
                    return;
                }
                let far = TcpStream::connect(server).expect("the server");
                connect(&shared, near, far);
            }
        });
        wire
    }

    /// Lets so many writes through and then none, nor anything else.
    pub fn cut_after(&self, writes: u64) {
        self.shared.writes_left.store(writes, Ordering::SeqCst);
    }

    /// First lines of the requests so far, as `PUT /bucket/key HTTP/1.1`.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().expect("no panic").clone()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.cut();
    }
}

fn connect(shared: &Arc<Shared>, near: TcpStream, far: TcpStream) {
    let twin = |stream: &TcpStream| stream.try_clone().expect("a second handle");
    shared.ends.lock().expect("no panic").extend([twin(&near), twin(&far)]);
    let (asks, answers) = ((twin(&near), twin(&far)), (far, near));
    let shared = Arc::clone(shared);
    std::thread::spawn(move || copy(asks.0, asks.1, &|bytes| shared.lets_through(bytes)));
    std::thread::spawn(move || copy(answers.0, answers.1, &|_| true));
}

fn copy(mut from: TcpStream, mut to: TcpStream, lets_through: &dyn Fn(&[u8]) -> bool) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !lets_through(&bytes[..count]) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

impl Shared {
    /// A client sends the head of a request in one piece, so that a piece begins with it.
    fn lets_through(&self, bytes: &[u8]) -> bool {
        let methods: [&[u8]; 5] = [b"PUT ", b"POST ", b"GET ", b"HEAD ", b"DELETE "];
        let Some(method) = methods.iter().find(|m| bytes.starts_with(m)) else { return true };
        let line = bytes.split(|b| *b == b'\r').next().unwrap_or_default();
        self.asked.lock().expect("no panic").push(String::from_utf8_lossy(line).into_owned());
        let writes = u64::from(matches!(*method, b"PUT " | b"POST "));
        let take = |left: u64| left.checked_sub(writes);
        if self.writes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_err() {
            self.cut();
            return false;
        }
        true
    }

    fn cut(&self) {
        if self.cut.swap(true, Ordering::SeqCst) {
            return;
        }
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(self.address);
        for end in self.ends.lock().expect("no panic").drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}
