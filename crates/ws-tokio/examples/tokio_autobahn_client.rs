//! The client side of the Autobahn test suite: runs every case of a fuzzing server and echoes its messages.
//!
//! ```text
//! cargo run --release -p ws-tokio --example tokio_autobahn_client -- ws://127.0.0.1:9105 AGENT [CA.pem]
//! ```
//!
//! For `wss://`, CA.pem contains the certificate to trust.

use std::process::ExitCode;

use tokio::runtime::Builder;
use ws_demo::{Arguments, Failure};
use ws_tokio::wsproto::handshake::ClientRequest;
use ws_tokio::wsproto::url::WsUrl;
use ws_tokio::{ClientOptions, ClientTls, Error, Message, WebSocket, connect_with};

const USAGE: &str = "\
usage: tokio_autobahn_client URL AGENT [CA.pem] [--deflate new|frugal|dense]

Runs all cases of the fuzzing server at URL (such as ws://127.0.0.1:9105), and makes it write its report
about AGENT. For wss://, CA.pem contains the certificate to trust.

  --deflate HOW  offer to compress messages: new, frugal or dense (feature deflate)
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, |arguments| {
        Builder::new_current_thread().enable_all().build()?.block_on(run(arguments))
    })
}

async fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let options = ClientOptions::default();
    #[cfg(feature = "deflate")]
    let options = options.deflate(arguments.option("--deflate")?);
    let server: WsUrl = arguments.word("URL")?;
    let agent: String = arguments.word("AGENT")?;
    let ca: Option<String> = arguments.word_if_any("CA.pem")?;
    arguments.end()?;
    let mut options = options;
    options.tls = ca.map(ClientTls::from_pem_file).transpose()?;
    let suite = Suite { server: server.as_given().trim_end_matches('/').into(), options };

    let count = suite.case_count().await?;
    println!("{count} cases");
    for case in 1..=count {
        if let Err(error) = suite.run(&format!("/runCase?case={case}&agent={agent}")).await {
            // Expected: in many cases, the server violates the protocol.
            println!("case {case}: {error}");
        }
    }
    suite.connect(&format!("/updateReports?agent={agent}")).await?.closed().await?;
    Ok(())
}

struct Suite {
    server: String,
    options: ClientOptions,
}

impl Suite {
    async fn connect(&self, resource: &str) -> Result<WebSocket, Error> {
        let url = WsUrl::parse(&format!("{}{resource}", self.server))?;
        connect_with(ClientRequest::new(url), self.options.clone()).await
    }

    async fn case_count(&self) -> Result<u32, Failure> {
        let mut ws = self.connect("/getCaseCount").await?;
        let count = match ws.recv().await? {
            Some(Message::Text(count)) => count.parse()?,
            other => {
                let text = format!("expected the number of cases, got {other:?}");
                return Err(Failure::Other(text));
            }
        };
        ws.closed().await?;
        Ok(count)
    }

    async fn run(&self, case: &str) -> Result<(), Error> {
        let mut ws = self.connect(case).await?;
        while let Some(message) = ws.recv().await? {
            ws.send(message).await?;
        }
        Ok(())
    }
}
