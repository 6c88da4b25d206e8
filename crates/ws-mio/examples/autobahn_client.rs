//! The client's side of the Autobahn test suite: runs every case of a fuzzing server, echoing. All of
//! it is one event loop, in which the end of each case begins the next.
//!
//! ```text
//! cargo run --release -p ws-mio --example autobahn_client -- ws://127.0.0.1:9105 AGENT [CA.pem]
//! ```
//!
//! Over `wss://`, CA.pem has the certificate to trust.

use std::env;
use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ws_mio::wsproto::CloseInfo;
use ws_mio::wsproto::handshake::ClientRequest;
use ws_mio::wsproto::url::WsUrl;
use ws_mio::{
    ClientOptions, ClientTls, ConnectionHandler, Error, EventLoop, LoopHandle, Message,
    WebSocketConnection,
};

fn main() -> Result<(), Box<dyn StdError>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (server, agent, tls) = match &*arguments {
        [server, agent] => (server, agent, None),
        [server, agent, ca] => (server, agent, Some(ClientTls::from_pem_file(ca)?)),
        _ => return Err("usage: autobahn_client URL AGENT [CA.pem]".into()),
    };
    let mut options = ClientOptions::default();
    options.tls = tls;

    let event_loop = EventLoop::new()?;
    let suite = Suite {
        server: server.trim_end_matches('/').into(),
        agent: agent.clone(),
        options,
        way: event_loop.handle(),
        done: Arc::default(),
    };
    let done = Arc::clone(&suite.done);
    suite.begin(Step::Count)?;
    event_loop.run()?;
    if done.load(Ordering::Relaxed) {
        Ok(())
    } else {
        Err("the suite did not get to its end".into())
    }
}

#[derive(Clone)]
struct Suite {
    server: String,
    agent: String,
    options: ClientOptions,
    way: LoopHandle,
    done: Arc<AtomicBool>,
}

#[derive(Clone, Copy)]
enum Step {
    /// Asks how many cases there are.
    Count,
    Case(u32, u32),
    /// Asks for the reports to be written.
    Reports,
}

impl Suite {
    fn begin(&self, step: Step) -> Result<(), Error> {
        let agent = &self.agent;
        let resource = match step {
            Step::Count => "/getCaseCount".into(),
            Step::Case(case, _) => format!("/runCase?case={case}&agent={agent}"),
            Step::Reports => format!("/updateReports?agent={agent}"),
        };
        let url = WsUrl::parse(&format!("{}{resource}", self.server))?;
        let run = Run { suite: self.clone(), step, count: 0 };
        self.way.connect(ClientRequest::new(url), self.options.clone(), run)?;
        Ok(())
    }
}

/// One connection to the suite.
struct Run {
    suite: Suite,
    step: Step,
    count: u32,
}

impl ConnectionHandler for Run {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        match (self.step, message) {
            (Step::Count, Message::Text(count)) => self.count = count.parse().unwrap_or(0),
            (_, message) => {
                // Many cases end while there is still something to echo.
                let _ = ws.send(message);
            }
        }
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        // Many cases are about our noticing what is wrong.
        match self.step {
            Step::Case(case, _) => println!("case {case}: {error}"),
            Step::Count | Step::Reports => eprintln!("{error}"),
        }
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, _: &CloseInfo) {
        let next = match self.step {
            Step::Count if self.count > 0 => {
                println!("{} cases", self.count);
                Step::Case(1, self.count)
            }
            Step::Case(case, count) if case < count => Step::Case(case + 1, count),
            Step::Case(..) => Step::Reports,
            Step::Count => return,
            Step::Reports => return self.suite.done.store(true, Ordering::Relaxed),
        };
        if let Err(error) = self.suite.begin(next) {
            eprintln!("{error}");
        }
    }
}
