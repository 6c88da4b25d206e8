//! soketto. It leaves the validation of texts to its caller.

use benches::workload::Workload;
use futures::executor::block_on;
use soketto::connection::Builder;
use soketto::{Incoming, Mode};

use super::{End, Flush, Inbox, LIMIT, Memory, Outcome, Ring};

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "soketto"
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let mut ring = Ring::default();
        let stream = Memory::new(&workload.wire, segment, &mut ring);
        let mut builder = Builder::new(stream, Mode::Server);
        builder.set_max_message_size(LIMIT);
        let (_sender, mut receiver) = builder.finish();
        let mut message = Vec::new();
        block_on(async {
            for _ in 0..workload.messages {
                message.clear();
                match receiver.receive(&mut message).await? {
                    Incoming::Data(data) if data.is_text() => {
                        simdutf8::basic::from_utf8(&message)?;
                        inbox.text(&message);
                    }
                    Incoming::Data(_) => inbox.binary(&message),
                    other => return Err(format!("{other:?}").into()),
                }
            }
            Ok(())
        })
    }

    fn encode(&self, workload: &Workload, end: End, flush: Flush, ring: &mut Ring) -> Outcome {
        let mode = match end {
            End::Server => Mode::Server,
            End::Client => Mode::Client,
        };
        let stream = Memory::new(&[], 1, ring);
        let (mut sender, _receiver) = Builder::new(stream, mode).finish();
        block_on(async {
            for _ in 0..workload.messages {
                sender.send_binary(&workload.payload).await?;
                if flush == Flush::Each {
                    sender.flush().await?;
                }
            }
            Ok(sender.flush().await?)
        })
    }
}
