//! The frames of the toy.

use std::io::Read;
use std::net::TcpStream;

use super::inflating::Inflating;
use super::{Fault, write};

const LONGEST: u64 = 1 << 20;

/// A connection after its opening handshake.
struct Open<'a> {
    stream: &'a mut TcpStream,
    fault: Fault,
    /// The first byte of the message in flight, and its payload.
    message: Option<(u8, Vec<u8>)>,
    inflating: Option<Inflating>,
    /// Pongs that a fault delays.
    late: Vec<Vec<u8>>,
    closed: bool,
}

/// The frame at the front of the input.
struct Frame {
    first: u8,
    payload: Vec<u8>,
    size: usize,
}

/// Serves a connection to its end. Returns `None` if TCP must end at once.
pub(super) fn serve(
    stream: &mut TcpStream,
    mut input: Vec<u8>,
    inflates: bool,
    fault: Fault,
) -> Option<()> {
    let inflating = inflates.then(Inflating::new);
    let mut open =
        Open { stream, fault, message: None, inflating, late: Vec::new(), closed: false };
    let mut buffer = [0; 16 << 10];
    loop {
        loop {
            match parse(&input, inflates, fault) {
                Err(code) => return open.fail(code),
                Ok(None) => break,
                Ok(Some(frame)) => {
                    input.drain(..frame.size);
                    match open.receive(frame) {
                        Ok(true) => {}
                        Ok(false) => return Some(()),
                        Err(code) => return open.fail(code),
                    }
                }
            }
        }
        let read = open.stream.read(&mut buffer).ok()?;
        if read == 0 {
            return None;
        }
        input.extend_from_slice(&buffer[..read]);
    }
}

/// Returns the next frame once it is complete, or the close code of a fault.
fn parse(input: &[u8], inflates: bool, fault: Fault) -> Result<Option<Frame>, u16> {
    let obeys = |obeyed: bool, allowed: Fault| {
        if obeyed || fault == allowed { Ok(()) } else { Err(1002_u16) }
    };
    let [first, second, rest @ ..] = input else { return Ok(None) };
    let (opcode, code) = (first & 0x0F, second & 0x7F);
    let compresses = matches!(opcode, 1 | 2) || fault == Fault::ReservedAnywhere;
    let allowed = if inflates && compresses { 0x40 } else { 0 };
    obeys(first & 0x70 & !allowed == 0, Fault::ReservedBits)?;
    obeys(matches!(opcode, 0..=2 | 8..=10), Fault::ReservedOpcodes)?;
    obeys(second & 0x80 != 0, Fault::Unmasked)?;
    obeys(opcode < 8 || code <= 125, Fault::LongControl)?;
    obeys(opcode < 8 || first & 0x80 != 0, Fault::ControlFragments)?;
    let (mut len, width) = match (code, rest) {
        (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
        (127, [bytes @ .., _, _, _, _]) if bytes.len() >= 8 => {
            let bytes: [u8; 8] = bytes[..8].try_into().expect("eight bytes");
            (u64::from_be_bytes(bytes), 8)
        }
        (126 | 127, _) => return Ok(None),
        (short, _) => (short.into(), 0),
    };
    obeys(width == 0 || len >= if width == 2 { 126 } else { 0x1_0000 }, Fault::LongLengths)?;
    obeys(len >> 63 == 0, Fault::TopBit)?;
    len &= u64::MAX >> 1;
    if len > LONGEST && fault != Fault::HugeLength {
        return Err(1009);
    }
    let key_len = if second & 0x80 != 0 { 4 } else { 0 };
    let rest = &rest[width..];
    let size = (len as usize).saturating_add(key_len);
    let Some(rest) = rest.get(..size) else { return Ok(None) };
    let (key, payload) = rest.split_at(key_len);
    let mask = key.iter().cycle().copied().chain(std::iter::repeat(0));
    let payload = payload.iter().zip(mask).map(|(byte, key)| byte ^ key).collect();
    Ok(Some(Frame { first: *first, payload, size: 2 + width + size }))
}

impl Open<'_> {
    /// Handles a frame. Returns whether the connection goes on, or the close code of a fault.
    fn receive(&mut self, frame: Frame) -> Result<bool, u16> {
        let Frame { first, payload, .. } = frame;
        match first & 0x0F {
            8 => return self.close(&payload),
            9 => self.ping(payload),
            10 if self.fault == Fault::PongRefused => return Err(1002),
            10 => {}
            _ => self.data(first, &payload)?,
        }
        Ok(true)
    }

    fn data(&mut self, first: u8, payload: &[u8]) -> Result<(), u16> {
        let (fault, fin) = (self.fault, first & 0x80 != 0);
        match (&mut self.message, first & 0x0F) {
            (None, 0) if fault != Fault::LooseContinuations => return Err(1002),
            (Some(_), 1..) if fault != Fault::NestedMessages => return Err(1002),
            (Some(_), 0) if payload.is_empty() && fault == Fault::NoEmptyFragments => {
                return Err(1002);
            }
            (Some((_, message)), _) => message.extend_from_slice(payload),
            (message @ None, _) => *message = Some((first, payload.to_vec())),
        }
        let Some((first, message)) = &self.message else { return Ok(()) };
        let is_text = first & 0x0F == 1;
        let is_marked = first & 0x40 != 0 || fault == Fault::InflatesAll;
        let is_compressed = self.inflating.is_some() && is_marked;
        if is_text && !is_compressed && fault != Fault::AnyText {
            let checked = if fault == Fault::TextByFragment { payload } else { &**message };
            let whole = fin || fault == Fault::TextByFragment;
            match std::str::from_utf8(checked) {
                _ if fault == Fault::LateText && !fin => {}
                Err(error) if whole || error.error_len().is_some() => return Err(1007),
                _ => {}
            }
        }
        if !fin {
            return Ok(());
        }
        let (first, mut message) = self.message.take().expect("just seen");
        if let Some(inflating) = self.inflating.as_mut().filter(|_| is_compressed) {
            message = match inflating.inflate(&message, fault) {
                Err(_) if fault == Fault::AnyDeflate => return Ok(()),
                inflated => inflated?,
            };
            let is_valid = !is_text || std::str::from_utf8(&message).is_ok();
            if !is_valid && fault != Fault::AnyInflatedText {
                return Err(1007);
            }
        }
        if fault == Fault::LosesBytes {
            message.truncate(125);
        }
        if fault != Fault::Mute {
            self.send(first & 0x0F, &message);
        }
        for pong in std::mem::take(&mut self.late) {
            self.send(10, &pong);
        }
        Ok(())
    }

    fn ping(&mut self, payload: Vec<u8>) {
        match self.fault {
            Fault::NoPong => {}
            Fault::EmptyPong => self.send(10, b""),
            Fault::LatePong if self.message.is_some() => self.late.push(payload),
            _ => self.send(10, &payload),
        }
    }

    fn close(&mut self, body: &[u8]) -> Result<bool, u16> {
        let fault = self.fault;
        let answer = match body {
            [] => body,
            [_] if fault == Fault::HalfCode => body,
            [_] => return Err(1002),
            [a, b, reason @ ..] => {
                let code = u16::from_be_bytes([*a, *b]);
                let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
                if !valid && fault != Fault::AnyCode {
                    return Err(1002);
                }
                if code >= 4000 && fault == Fault::PrivateCode {
                    return Err(1002);
                }
                if std::str::from_utf8(reason).is_err() && fault != Fault::AnyReason {
                    return Err(1007);
                }
                body
            }
        };
        if fault != Fault::NoClose && !self.closed {
            self.send(8, answer);
        }
        self.closed = true;
        Ok(fault == Fault::AfterClose)
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) {
        let (mut first, mut mask) = (0x80 | opcode, 0);
        match self.fault {
            Fault::Reserves => first |= 0x10,
            Fault::Masks => mask = 0x80,
            _ => {}
        }
        let mut frame = vec![first];
        let len = payload.len();
        if len > 0xFFFF || self.fault == Fault::WritesLong {
            frame.push(mask | 127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        } else if len > 125 {
            frame.push(mask | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        } else {
            frame.push(mask | len as u8);
        }
        if mask != 0 {
            frame.extend_from_slice(&[0; 4]);
        }
        frame.extend_from_slice(payload);
        let _ = write(self.stream, &frame);
    }

    /// Fails the connection.
    fn fail(&mut self, code: u16) -> Option<()> {
        match self.fault {
            Fault::Abrupt => {}
            Fault::OtherCode => self.send(8, &1011_u16.to_be_bytes()),
            _ => self.send(8, &code.to_be_bytes()),
        }
        None
    }
}
