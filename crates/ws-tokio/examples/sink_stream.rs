//! Forwards the messages of one server to another, with the combinators of `futures`.
//!
//! ```text
//! cargo run --release -p ws-tokio --example sink_stream -- ws://127.0.0.1:9003/from ws://127.0.0.1:9003/to
//! ```

use std::process::ExitCode;

use futures_util::{SinkExt, StreamExt, TryStreamExt, future};
use tokio::runtime::Builder;
use ws_demo::{Arguments, Failure};
use ws_tokio::{Message, connect};

const USAGE: &str = "\
usage: sink_stream FROM TO

Sends a greeting to the server at FROM (a URL), and forwards all text messages that come from there to
the server at TO, until either connection is closed.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, |arguments| {
        Builder::new_current_thread().enable_all().build()?.block_on(run(arguments))
    })
}

async fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let (from, to): (String, String) = (arguments.word("FROM")?, arguments.word("TO")?);
    arguments.end()?;
    let (mut from, to) = (connect(&from).await?, connect(&to).await?);
    SinkExt::send(&mut from, Message::from("Hello")).await?;
    let texts = from.try_filter(|message| future::ready(message.as_text().is_some()));
    texts.inspect_ok(|message| println!("forwarding {message:?}")).forward(to).await?;
    Ok(())
}
