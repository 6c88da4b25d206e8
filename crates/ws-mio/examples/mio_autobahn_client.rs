//! The client side of the Autobahn test suite: runs every case of a fuzzing server and echoes its messages,
//! on one event loop. Each case starts when the previous one has ended.
//!
//! ```text
//! cargo run --release -p ws-mio --example mio_autobahn_client -- ws://127.0.0.1:9105 AGENT [CA.pem]
//! ```
//!
//! For `wss://`, CA.pem contains the certificate to trust.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use ws_demo::{Arguments, Failure};
use ws_mio::wsproto::CloseInfo;
use ws_mio::wsproto::handshake::ClientRequest;
use ws_mio::wsproto::url::WsUrl;
use ws_mio::{
    ClientOptions, ClientTls, ConnectionHandler, Error, EventLoop, LoopHandle, Message,
    WebSocketConnection,
};

const USAGE: &str = "\
usage: mio_autobahn_client URL AGENT [CA.pem] [--deflate new|frugal|dense]

Runs all cases of the fuzzing server at URL (such as ws://127.0.0.1:9105), and makes it write its report
about AGENT. For wss://, CA.pem contains the certificate to trust.

  --deflate HOW  offer to compress messages: new, frugal or dense (feature deflate)
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let options = ClientOptions::default();
    #[cfg(feature = "deflate")]
    let options = options.deflate(arguments.option("--deflate")?);
    let server: WsUrl = arguments.word("URL")?;
    let agent: String = arguments.word("AGENT")?;
    let ca: Option<String> = arguments.word_if_any("CA.pem")?;
    arguments.end()?;
    let mut options = options;
    options.tls = ca.map(ClientTls::from_pem_file).transpose()?;

    let event_loop = EventLoop::new()?;
    let suite = Suite {
        server: server.as_given().trim_end_matches('/').into(),
        agent,
        options,
        way: event_loop.handle(),
        outcome: Arc::default(),
    };
    let outcome = Arc::clone(&suite.outcome);
    suite.begin(Step::Count)?;
    // The loop keeps running while a handle exists.
    drop(suite);
    event_loop.run()?;
    match outcome.get() {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(Failure::other(error)),
        None => Err(Failure::other("the suite has not finished")),
    }
}

#[derive(Clone)]
struct Suite {
    server: String,
    agent: String,
    options: ClientOptions,
    way: LoopHandle,
    /// The outcome of the suite; the first one set counts.
    outcome: Arc<OnceLock<Result<(), String>>>,
}

#[derive(Clone, Copy)]
enum Step {
    /// Requests the number of cases.
    Count,
    Case(u32, u32),
    /// Requests that the server write its reports.
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

    fn end(&self, outcome: Result<(), String>) {
        // Fails if there is an earlier outcome, which is kept.
        let _ = self.outcome.set(outcome);
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
                // Many cases end before the last echo is sent.
                let _ = ws.send(message);
            }
        }
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        // Many cases test that the client detects an error.
        match self.step {
            Step::Case(case, _) => println!("case {case}: {error}"),
            Step::Count | Step::Reports => self.suite.end(Err(error.to_string())),
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
            Step::Reports => return self.suite.end(Ok(())),
        };
        if let Err(error) = self.suite.begin(next) {
            self.suite.end(Err(error.to_string()));
        }
    }
}
