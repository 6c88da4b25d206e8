//! A small server that obeys every rule, but for one fault, which `ws check` must find.

mod frames;
mod handshake;
mod inflating;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A fault of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No fault.
    None,
    /// No fault either: messages are not sent back.
    Mute,

    // Requests that are accepted.
    AnyMethod,
    AnyHttp,
    NoHost,
    NoUpgrade,
    NoConnection,
    NoKey,
    AnyKey,
    TwoKeys,
    NoVersion,
    AnyVersion,
    AnyHead,

    // Requests that are refused.
    CaseOfNames,
    CaseOfValues,
    OneConnection,
    OneRead,

    // Responses.
    VersionUnnamed,
    WrongAccept,
    UpgradeUnanswered,
    ConnectionUnanswered,
    OwnSubprotocol,
    OwnExtension,
    UnknownParameter,
    AnyWindow,
    RepeatedParameter,
    UnofferedWindow,

    // Frames that are accepted.
    Unmasked,
    ReservedBits,
    ReservedOpcodes,
    LongLengths,
    TopBit,
    HugeLength,
    LongControl,
    ControlFragments,
    LooseContinuations,
    NestedMessages,

    // Frames that are sent.
    Masks,
    Reserves,
    WritesLong,
    NoPong,
    EmptyPong,
    LatePong,

    // Messages.
    PongRefused,
    NoEmptyFragments,
    LosesBytes,
    AnyText,
    TextByFragment,
    LateText,

    // Ends.
    NoClose,
    NoEnd,
    AnyCode,
    HalfCode,
    AnyReason,
    PrivateCode,
    AfterClose,
    Abrupt,
    OtherCode,

    // Compression. The first is no fault.
    Inflates,
    ForgetsWindow,
    OneBlock,
    AnyDeflate,
    AnyInflatedText,
    ReservedAnywhere,
    InflatesAll,
}

impl Fault {
    /// Whether the server inflates messages.
    pub(crate) fn inflates(self) -> bool {
        use Fault::{
            AnyDeflate, AnyInflatedText, ForgetsWindow, Inflates, InflatesAll, OneBlock,
            ReservedAnywhere,
        };
        matches!(
            self,
            Inflates
                | ForgetsWindow
                | OneBlock
                | AnyDeflate
                | AnyInflatedText
                | ReservedAnywhere
                | InflatesAll
        )
    }
}

/// Starts a server with a fault; it lives as long as the process.
pub(crate) fn serve(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || connection(stream, fault));
        }
    });
    address
}

fn connection(mut stream: TcpStream, fault: Fault) {
    let _ = stream.set_nodelay(true);
    let Some((rest, inflates)) = handshake::answer(&mut stream, fault) else {
        return drain(&stream);
    };
    if frames::serve(&mut stream, rest, inflates, fault).is_some() && fault == Fault::NoEnd {
        thread::sleep(Duration::from_secs(60));
    }
    drain(&stream);
}

/// Ends this side, and reads what is left, so that nothing is reset.
fn drain(mut stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer) {}
}

fn write(stream: &mut TcpStream, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).ok()
}
