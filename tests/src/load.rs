//! Load that one peer puts on others, measured independently of the machine.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// The time limit after which a call counts as hanging.
const LONG: Duration = Duration::from_secs(60);

/// Opens a connection by hand.
///
/// # Errors
///
/// If the server does not accept it.
pub fn open(server: SocketAddr) -> io::Result<TcpStream> {
    let mut peer = TcpStream::connect(server)?;
    peer.set_nodelay(true)?;
    peer.set_read_timeout(Some(LONG))?;
    peer.write_all(REQUEST)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    match head.starts_with(b"HTTP/1.1 101 ") {
        true => Ok(peer),
        false => Err(io::Error::other(String::from_utf8_lossy(&head).into_owned())),
    }
}

/// Returns the median time of `count` echoes of a server, one at a time.
///
/// # Errors
///
/// If the server sends anything but the echo.
pub fn median_echo(server: SocketAddr, count: usize) -> io::Result<Duration> {
    let mut peer = open(server)?;
    let mut times = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        peer.write_all(b"\x81\x85\0\0\0\0Hello")?;
        let mut echo = [0; 7];
        peer.read_exact(&mut echo)?;
        times.push(begun.elapsed());
        if &echo != b"\x81\x05Hello" {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    times.sort();
    Ok(times[count / 2])
}

/// Peers that send as fast as a server reads, until dropped.
#[derive(Debug)]
pub struct Floods {
    on: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Floods {
    /// Opens `count` connections that send unsolicited Pongs (RFC 6455, section 5.5.3).
    ///
    /// # Errors
    ///
    /// If the server does not accept them.
    pub fn start(server: SocketAddr, count: usize) -> io::Result<Self> {
        let (on, sent) = (Arc::new(AtomicBool::new(true)), Arc::<AtomicU64>::default());
        let threads = (0..count).map(|_| {
            let (mut peer, on, sent) = (open(server)?, Arc::clone(&on), Arc::clone(&sent));
            Ok(thread::spawn(move || {
                let pongs = b"\x8A\x80\0\0\0\0".repeat(10_000);
                while on.load(Ordering::Relaxed) && peer.write_all(&pongs).is_ok() {
                    sent.fetch_add(pongs.len() as u64, Ordering::Relaxed);
                }
            }))
        });
        let threads = threads.collect::<io::Result<_>>()?;
        Ok(Self { on, sent, threads })
    }

    /// Returns how many bytes were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Floods {
    fn drop(&mut self) {
        self.on.store(false, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic in the thread does not matter.
            let _ = thread.join();
        }
    }
}
