//! The client's side of the Autobahn test suite: runs every case of a fuzzing server, echoing.
//!
//! ```text
//! cargo run --release -p ws-std --example autobahn_client -- ws://127.0.0.1:9105 AGENT [CA.pem]
//! ```
//!
//! Over `wss://`, CA.pem has the certificate to trust.

use std::env;

use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::url::WsUrl;
use ws_std::{ClientOptions, ClientTls, Error, Message, WebSocket, connect_with};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (server, agent, tls) = match &*arguments {
        [server, agent] => (server, agent, None),
        [server, agent, ca] => (server, agent, Some(ClientTls::from_pem_file(ca)?)),
        _ => return Err("usage: autobahn_client URL AGENT [CA.pem]".into()),
    };
    let mut options = ClientOptions::default();
    options.tls = tls;
    let suite = Suite { server: server.trim_end_matches('/').into(), options };

    let count = suite.case_count()?;
    println!("{count} cases");
    for case in 1..=count {
        if let Err(error) = suite.run(&format!("/runCase?case={case}&agent={agent}")) {
            // Many cases are about our noticing what is wrong.
            println!("case {case}: {error}");
        }
    }
    suite.connect(&format!("/updateReports?agent={agent}"))?.wait_closed()?;
    Ok(())
}

struct Suite {
    server: String,
    options: ClientOptions,
}

impl Suite {
    fn connect(&self, resource: &str) -> Result<WebSocket, Error> {
        let url = WsUrl::parse(&format!("{}{resource}", self.server))?;
        connect_with(ClientRequest::new(url), self.options.clone())
    }

    fn case_count(&self) -> Result<u32, Box<dyn std::error::Error>> {
        let mut ws = self.connect("/getCaseCount")?;
        let count = match ws.recv()? {
            Some(Message::Text(count)) => count.parse()?,
            other => return Err(format!("expected the number of cases, got {other:?}").into()),
        };
        ws.wait_closed()?;
        Ok(count)
    }

    fn run(&self, case: &str) -> Result<(), Error> {
        let mut ws = self.connect(case)?;
        while let Some(message) = ws.recv()? {
            ws.send(message)?;
        }
        Ok(())
    }
}
