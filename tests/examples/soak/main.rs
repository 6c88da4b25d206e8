//! Thousands of clients that talk, vanish, stall, flood and misbehave for some time; afterwards the process
//! must hold no more resources than before.
//!
//! ```text
//! cargo run --release -p conformance --example soak -- std|mio|tokio SECONDS [SEED]
//! ```

mod census;
mod clients;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use census::Census;
use conformance::adapters::{Adapter, Mio, Std, Tokio};
use conformance::fault::{Dice, FaultProxy};
use ws_common::{
    ConnectionHandler, Decision, Message, RunningServer, ServerOptions, WebSocketConnection,
};
use wsproto::{CloseInfo, Config, KeepAlive};

const USAGE: &str = "usage: soak std|mio|tokio SECONDS [SEED]";

/// The number of simultaneous clients.
const WORKERS: u64 = 48;

/// The time limit for the server to end all connections.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let adapter = arguments.next().ok_or(USAGE)?;
    let seconds: u64 = arguments.next().ok_or(USAGE)?.parse()?;
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    println!("{adapter} for {seconds} s, seed {seed}");
    match &*adapter {
        "std" => soak::<Std>(seconds, seed),
        "mio" => soak::<Mio>(seconds, seed),
        "tokio" => soak::<Tokio>(seconds, seed),
        _ => Err(USAGE.into()),
    }
}

/// Counts of the server.
#[derive(Debug, Default)]
struct Seen {
    opened: AtomicU64,
    ended: AtomicU64,
    messages: AtomicU64,
}

/// Echoes and counts.
struct Echo(Arc<Seen>);

impl ConnectionHandler for Echo {
    fn on_open(&mut self, _: &WebSocketConnection) {
        self.0.opened.fetch_add(1, Ordering::Relaxed);
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self.0.messages.fetch_add(1, Ordering::Relaxed);
        // Fails if the peer is gone.
        let _ = ws.send(message);
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, _: &CloseInfo) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

fn serve<A: Adapter>(seen: &Arc<Seen>) -> io::Result<RunningServer> {
    let mut config = Config::default();
    config.handshake_timeout = Some(Duration::from_secs(5));
    config.close_timeout = Some(Duration::from_secs(1));
    let (interval, patience) = (Duration::from_secs(2), Duration::from_secs(10));
    config.keep_alive = Some(KeepAlive { interval, patience });
    let options = ServerOptions::new().config(config);
    let seen = Arc::clone(seen);
    A::serve(options, move |_: &_, _: &_| Decision::accept(Echo(Arc::clone(&seen))))
}

fn soak<A: Adapter>(seconds: u64, seed: u64) -> Result<(), Box<dyn Error>> {
    let seen = Arc::new(Seen::default());
    let server = serve::<A>(&seen)?;
    let address = server.handle().local_addr().ok_or("no address")?;
    let mut begun = 0;
    let mut session = |duration, seed| -> Result<Census, Box<dyn Error>> {
        let proxy = FaultProxy::start(address, seed)?;
        let until = Instant::now() + duration;
        let clients: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let mut dice = Dice::new(seed << 32 | worker);
                let faulty = proxy.address;
                thread::spawn(move || {
                    let mut begun = 0;
                    while Instant::now() < until {
                        clients::one(address, faulty, &mut dice);
                        begun += 1;
                    }
                    begun
                })
            })
            .collect();
        for client in clients {
            begun += client.join().map_err(|_| "a client has seen what may not be")?;
        }
        drop(proxy);
        let until = Instant::now() + PATIENCE;
        while !server.handle().connections().is_empty() {
            if Instant::now() > until {
                return Err(format!("{:?} are left", server.handle().connections()).into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        // Wait for abandoned handshakes to time out and for threads to return.
        thread::sleep(Duration::from_secs(6));
        Ok(Census::take()?)
    };
    // Allocators keep some freed memory, so compare with a first session, not with the start.
    let first = session(Duration::from_secs(seconds / 4), seed)?;
    let last = session(Duration::from_secs(seconds - seconds / 4), seed + 1)?;
    println!("after a quarter: {first}\nafter all:       {last}");
    println!("{begun} clients; {seen:?}");
    last.compare(&first)?;
    server.handle().terminate(None);
    server.join();
    let (opened, ended) = (seen.opened.load(Ordering::Relaxed), seen.ended.load(Ordering::Relaxed));
    if opened != ended {
        return Err(format!("{opened} connections have opened, and {ended} ended").into());
    }
    Ok(())
}
