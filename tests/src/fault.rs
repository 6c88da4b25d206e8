//! A faulty proxy on the loopback interface, driven by a seed: delays, single bytes, stalls, cuts,
//! resets, and half-closes.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

/// A deterministic pseudo-random number generator.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Creates a generator from a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `sides`, by splitmix64.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }
}

/// A fault on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every piece is delayed a little.
    Delay,
    /// A few hundred bytes go one by one.
    Bytewise,
    /// Nothing is transferred for a while.
    Stall,
    /// Both directions end.
    Cut,
    /// Both ends are reset.
    Reset,
    /// This direction ends, the other one does not.
    HalfClose,
}

/// A fault, and its place and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The fault.
    pub fault: Fault,
    /// Whether it affects the data that the client sends, or the data that it receives.
    pub upwards: bool,
    /// How many bytes pass in that direction before the fault.
    pub at: usize,
}

impl Plan {
    /// Creates the plan of a seed: a fault in the handshake, or among the messages.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        const FAULTS: [Fault; 6] = [
            Fault::Delay,
            Fault::Bytewise,
            Fault::Stall,
            Fault::Cut,
            Fault::Reset,
            Fault::HalfClose,
        ];
        let mut dice = Dice::new(seed);
        let fault = FAULTS[dice.roll(FAULTS.len())];
        let (upwards, range) = (dice.roll(2) == 0, [200, 1000, 50_000][dice.roll(3)]);
        Self { fault, upwards, at: dice.roll(range) }
    }

    /// Returns whether all data still arrives in the end.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        matches!(self.fault, Fault::Delay | Fault::Bytewise | Fault::Stall)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.upwards { "to the server" } else { "to the client" };
        write!(f, "{:?} at byte {} {way}", self.fault, self.at)
    }
}

/// A proxy in its own threads. Connection number `n` has the plan of the seed plus `n`.
#[derive(Debug)]
pub struct FaultProxy {
    /// The address it listens on.
    pub address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Starts a proxy in front of a server.
    ///
    /// # Errors
    ///
    /// Any error in opening the listening socket.
    pub fn start(server: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, ended) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let until = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let mut ways = Vec::new();
            for (client, seed) in listener.incoming().zip(seed..) {
                if until.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(client) = client else { continue };
                // A server that is gone is one more fault.
                let Ok(server) = TcpStream::connect(server) else { continue };
                ways.extend(Way::open(client, server, Plan::new(seed)));
                ways.retain(|way| !way.is_finished());
            }
            for way in ways {
                way.join().expect("no panic");
            }
        });
        Ok(Self { address, ended, thread: Some(thread) })
    }
}

impl Drop for FaultProxy {
    /// Ends the proxy once its connections have ended.
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the proxy has panicked");
        }
    }
}

/// One direction of a connection.
struct Way {
    from: Arc<TcpStream>,
    to: Arc<TcpStream>,
    /// The fault, if any, and the number of bytes before it.
    fault: Option<(Fault, usize)>,
    /// Whether both ends must be reset, so that neither may see an orderly end.
    reset: Arc<AtomicBool>,
}

impl Way {
    fn open(client: TcpStream, server: TcpStream, plan: Plan) -> [JoinHandle<()>; 2] {
        let (client, server) = (Arc::new(client), Arc::new(server));
        let reset = Arc::new(AtomicBool::new(false));
        [true, false].map(|upwards| {
            let (from, to) = if upwards { (&client, &server) } else { (&server, &client) };
            let way = Self {
                from: Arc::clone(from),
                to: Arc::clone(to),
                fault: (plan.upwards == upwards).then_some((plan.fault, plan.at)),
                reset: Arc::clone(&reset),
            };
            thread::spawn(move || way.carry())
        })
    }

    /// Transfers until an end; the other direction notices a peer that is gone.
    fn carry(mut self) {
        let (mut buffer, mut carried) = (vec![0; 16 << 10], 0);
        while let Ok(read @ 1..) = (&*self.from).read(&mut buffer) {
            if self.pass(&buffer[..read], &mut carried).is_err() {
                break;
            }
        }
        if !self.reset.load(Ordering::SeqCst) {
            // The peer may be gone.
            let _ = self.to.shutdown(Shutdown::Write);
        }
    }

    fn pass(&mut self, bytes: &[u8], carried: &mut usize) -> io::Result<()> {
        let begin = *carried;
        *carried += bytes.len();
        let mut to = &*self.to;
        let Some((fault, at)) = self.fault.filter(|(_, at)| *at < *carried) else {
            return to.write_all(bytes);
        };
        let (before, after) = bytes.split_at(at.saturating_sub(begin));
        to.write_all(before)?;
        match fault {
            Fault::Delay => thread::sleep(Duration::from_millis(1)),
            Fault::Bytewise if *carried - at < 500 => {
                to.set_nodelay(true)?;
                return after.iter().try_for_each(|byte| to.write_all(&[*byte]));
            }
            Fault::Bytewise => {}
            Fault::Stall => {
                thread::sleep(Duration::from_millis(50));
                self.fault = None;
            }
            Fault::Cut => {
                self.from.shutdown(Shutdown::Both)?;
                self.to.shutdown(Shutdown::Both)?;
            }
            Fault::Reset => {
                self.reset.store(true, Ordering::SeqCst);
                for stream in [&self.from, &self.to] {
                    SockRef::from(&**stream).set_linger(Some(Duration::ZERO))?;
                    // Unblocks the other direction; nothing is sent before both threads release the
                    // stream.
                    stream.shutdown(Shutdown::Read)?;
                }
            }
            Fault::HalfClose => {
                self.to.shutdown(Shutdown::Write)?;
                // Read and discard incoming data.
                io::copy(&mut &*self.from, &mut io::sink())?;
            }
        }
        match fault {
            Fault::Cut | Fault::Reset | Fault::HalfClose => Err(io::ErrorKind::BrokenPipe.into()),
            _ => to.write_all(after),
        }
    }
}
