//! websocket-sans-io. It leaves the assembly of messages, the validation of texts and the choice of
//! keys to its caller; this one uses the same generator as ours.

use benches::workload::Workload;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use websocket_sans_io::{
    FrameInfo, Opcode, WebsocketFrameDecoder, WebsocketFrameEncoder, WebsocketFrameEvent,
};

use super::{BATCH, End, Flush, Inbox, Outcome, Ring};

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "websocket-sans-io"
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let mut decoder = WebsocketFrameDecoder::new();
        let mut buffer = vec![0; segment];
        let mut message = Vec::new();
        for segment in workload.wire.chunks(segment) {
            let mut input = &mut buffer[..segment.len()];
            input.copy_from_slice(segment);
            loop {
                let step = decoder.add_data(input).unwrap_or_else(|never| match never {});
                let (bytes, rest) = input.split_at_mut(step.consumed_bytes);
                input = rest;
                match step.event {
                    Some(WebsocketFrameEvent::Start { frame_info, .. })
                        if !frame_info.is_reasonable() =>
                    {
                        return Err("an unreasonable frame".into());
                    }
                    Some(WebsocketFrameEvent::PayloadChunk { .. }) => {
                        message.extend_from_slice(bytes);
                    }
                    Some(WebsocketFrameEvent::End { frame_info, original_opcode })
                        if frame_info.fin =>
                    {
                        if original_opcode == Opcode::Text {
                            simdutf8::basic::from_utf8(&message)?;
                            inbox.text(&message);
                        } else {
                            inbox.binary(&message);
                        }
                        message.clear();
                    }
                    None if step.consumed_bytes == 0 => break,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn encode(&self, workload: &Workload, end: End, flush: Flush, ring: &mut Ring) -> Outcome {
        let mut encoder = WebsocketFrameEncoder::new();
        let mut keys = StdRng::from_seed([7; 32]);
        let mut out = Vec::new();
        for _ in 0..workload.messages {
            let info = FrameInfo {
                opcode: Opcode::Binary,
                payload_length: workload.payload.len() as u64,
                mask: (end == End::Client).then(|| keys.next_u32().to_ne_bytes()),
                fin: true,
                reserved: 0,
            };
            out.extend_from_slice(&encoder.start_frame(&info));
            let start = out.len();
            out.extend_from_slice(&workload.payload);
            if encoder.transform_needed() {
                encoder.transform_frame_payload(&mut out[start..]);
            }
            if flush == Flush::Each || out.len() >= BATCH {
                ring.take(&out);
                out.clear();
            }
        }
        ring.take(&out);
        Ok(())
    }
}
