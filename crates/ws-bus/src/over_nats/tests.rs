use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use async_nats::ConnectOptions;
use parking_lot::{Condvar, Mutex};
use ws_common::{Bus, BusConnection, BusSink, BusState};

use super::Nats;
use crate::BusOptions;

/// The time limit after which a test counts as hanging.
const LONG: Duration = Duration::from_secs(60);

/// A server that notes the changes of its bus.
#[derive(Default)]
struct Changes(Mutex<Vec<BusState>>, Condvar);

impl Changes {
    fn push(&self, state: BusState) {
        self.0.lock().push(state);
        self.1.notify_all();
    }

    fn wait(&self, expected: &[BusState]) {
        let until = Instant::now() + LONG;
        let mut changes = self.0.lock();
        while *changes != expected {
            assert!(!self.1.wait_until(&mut changes, until).timed_out(), "{changes:?}");
        }
    }
}

impl BusSink for Changes {
    fn deliver(&self, _: &str, _: &[u8]) {}

    fn down(&self) {
        self.push(BusState::Down);
    }

    fn up(&self) {
        self.push(BusState::Up);
    }
}

/// Starts a broker that ends the first connections, and of which requests may get no answer.
fn broker(ends: usize, answers: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().skip(ends) {
            let stream = stream.expect("accepted");
            // An error is its end.
            thread::spawn(move || serve(&stream, answers));
        }
    });
    format!("nats://{address}")
}

fn serve(mut stream: &TcpStream, answers: bool) -> io::Result<()> {
    let info = r#"{"server_id":"a","version":"2.10.0","max_payload":1000,"headers":true}"#;
    write!(stream, "INFO {info}\r\n")?;
    let (mut reader, mut line) = (BufReader::new(stream), String::new());
    let mut sid = String::new();
    while reader.read_line(&mut line)? > 0 {
        match &*line.split_whitespace().collect::<Vec<_>>() {
            ["PING"] => stream.write_all(b"PONG\r\n")?,
            ["SUB", _, id] => sid = String::from(*id),
            // A request: nobody serves it.
            ["PUB", _, inbox, length] => {
                let length: u64 = length.parse().expect("a length");
                io::copy(&mut Read::by_ref(&mut reader).take(length + 2), &mut io::sink())?;
                if answers {
                    write!(stream, "HMSG {inbox} {sid} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")?;
                }
            }
            _ => {}
        }
        line.clear();
    }
    Ok(())
}

fn join(url: &str, client: ConnectOptions) -> (Arc<Changes>, Box<dyn BusConnection>) {
    let changes = Arc::<Changes>::default();
    let options = BusOptions::new().delays(Duration::from_millis(1), Duration::from_millis(1));
    let bus = Nats::connect_with(url, options, client).expect("a URL");
    let connection = bus.join(Arc::clone(&changes) as _);
    (changes, connection)
}

#[test]
fn a_broker_that_answers_no_request_is_no_connection() {
    let (changes, connection) = join(&broker(0, false), ConnectOptions::new());
    changes.wait(&[BusState::Down]);
    connection.close();
}

#[test]
fn no_option_of_the_client_ends_its_attempts() {
    let (changes, connection) = join(&broker(5, true), ConnectOptions::new().max_reconnects(2));
    changes.wait(&[BusState::Down, BusState::Up]);
    connection.close();
}

/// The thread of a member owns its sink.
#[test]
fn the_thread_ends_with_the_server() {
    let nobody = "nats://127.0.0.1:1";
    for (url, state) in [(&*broker(0, true), BusState::Up), (nobody, BusState::Down)] {
        let (changes, connection) = join(url, ConnectOptions::new());
        changes.wait(&[state]);
        drop(connection);
        let begun = Instant::now();
        while Arc::strong_count(&changes) > 1 {
            assert!(begun.elapsed() < LONG, "a thread is left");
            thread::sleep(Duration::from_millis(1));
        }
    }
}
