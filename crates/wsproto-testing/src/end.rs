//! The two roles, with the operations that tests need.
use std::time::Duration;

use crate::{Frame, KEY, REQUEST, SEED};
use wsproto::handshake::{
    Accept, AcceptError, Agreed, ClientRequest, Request, Response, accept_key,
};
use wsproto::url::WsUrl;
use wsproto::{Client, Config, Connection, Endpoint, Extensions, Role, Server, Session};

/// The role of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The end that accepted.
    Server,
    /// The end that connected.
    Client,
}

/// A server's answer to a request: it accepts, or sends a response.
pub type Answer = Box<dyn FnMut(&Request) -> Result<Accept, Response>>;

/// A role that tests can start, with matching input from its peer.
pub trait End: Role + Sized {
    /// The role as a value.
    const SIDE: Side;

    /// The part of this end in the opening handshake: a client's request, or a server's [`Answer`].
    type Opening;

    /// Returns a request for `/chat`, or an answer that accepts every upgrade.
    #[must_use]
    fn opening() -> Self::Opening;

    /// Opens a connection with the default limits.
    #[must_use]
    fn connect() -> Connection<Self> {
        Self::connect_with(Config::default())
    }

    /// Opens a connection with these limits.
    #[must_use]
    fn connect_with(config: Config) -> Connection<Self> {
        Self::connect_extended(config, Extensions::none())
    }

    /// Opens a connection with these limits and extensions.
    #[must_use]
    fn connect_extended(config: Config, extensions: Extensions) -> Connection<Self>;

    /// Begins a session at time zero; a client appends its request to `out`.
    #[must_use]
    fn session(opening: &Self::Opening, config: Config, out: &mut Vec<u8>) -> Session<Self>;

    /// Begins a session that is open at time zero, because other code has carried out its handshake.
    #[must_use]
    fn without_handshake(config: Config) -> Session<Self>;

    /// Returns the input that opens this end, given that it wrote `out`.
    #[must_use]
    fn handshake(out: &[u8]) -> Vec<u8>;

    /// Answers the request that a server reports; appends the response to `out`. An ordinary request
    /// that is accepted stays undecided, and the session refuses it.
    ///
    /// # Panics
    ///
    /// If a client did not offer what the answer selects.
    fn answer(
        opening: &mut Self::Opening,
        session: &mut Session<Self>,
        now: Duration,
        out: &mut Vec<u8>,
    );

    /// Answers a request, as [`answer`](Self::answer) does, on an endpoint.
    fn answer_at(opening: &mut Self::Opening, endpoint: &mut Endpoint<Self>, now: Duration);

    /// Returns the masking key of the frames that the peer of this end sends.
    #[must_use]
    fn peer_key() -> Option<[u8; 4]> {
        (Self::SIDE == Side::Server).then_some(KEY)
    }

    /// Encodes a frame as the peer of this end sends it.
    #[must_use]
    fn from_peer(first: u8, payload: &[u8]) -> Vec<u8> {
        Frame::new(first, Self::peer_key(), payload).encode()
    }
}

impl End for Server {
    const SIDE: Side = Side::Server;

    fn connect_extended(config: Config, extensions: Extensions) -> Connection<Self> {
        Connection::new(Self, config, extensions)
    }

    type Opening = Answer;

    fn opening() -> Answer {
        Box::new(|_| Ok(Accept::new()))
    }

    fn session(_answer: &Answer, config: Config, _out: &mut Vec<u8>) -> Session<Self> {
        Session::server(config, Duration::ZERO)
    }

    fn without_handshake(config: Config) -> Session<Self> {
        Session::opened(Self, config, Agreed::default(), Duration::ZERO)
    }

    fn handshake(_out: &[u8]) -> Vec<u8> {
        REQUEST.to_vec()
    }

    fn answer(answer: &mut Answer, session: &mut Session<Self>, now: Duration, out: &mut Vec<u8>) {
        let answer = answer(session.request().expect("a request"));
        check(match answer {
            Ok(accept) => session.accept(&accept, now, out),
            Err(response) => session.respond(&response, now, out),
        });
    }

    fn answer_at(answer: &mut Answer, endpoint: &mut Endpoint<Self>, now: Duration) {
        let answer = answer(endpoint.request().expect("a request"));
        check(match answer {
            Ok(accept) => endpoint.accept(&accept, now),
            Err(response) => endpoint.respond(&response, now),
        });
    }
}

impl End for Client {
    const SIDE: Side = Side::Client;

    fn connect_extended(config: Config, extensions: Extensions) -> Connection<Self> {
        Connection::new(Self::from_seed(SEED), config, extensions)
    }

    type Opening = ClientRequest;

    fn opening() -> ClientRequest {
        ClientRequest::new(WsUrl::parse("ws://localhost/chat").expect("a URL"))
    }

    fn session(request: &ClientRequest, config: Config, out: &mut Vec<u8>) -> Session<Self> {
        Session::client(request.clone(), config, SEED, Duration::ZERO, out)
    }

    fn without_handshake(config: Config) -> Session<Self> {
        Session::opened(Self::from_seed(SEED), config, Agreed::default(), Duration::ZERO)
    }

    fn handshake(out: &[u8]) -> Vec<u8> {
        let request = Request::parse(out).expect("a request");
        let key = request.headers().get("Sec-WebSocket-Key").expect("a key");
        let accept = accept_key(key);
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes()
    }

    fn answer(
        _request: &mut ClientRequest,
        _session: &mut Session<Self>,
        _now: Duration,
        _out: &mut Vec<u8>,
    ) {
        unreachable!("only servers receive requests");
    }

    fn answer_at(_request: &mut ClientRequest, _endpoint: &mut Endpoint<Self>, _now: Duration) {
        unreachable!("only servers receive requests");
    }
}

/// Panics if a server's answer was not possible. Accepting an ordinary request is refused, which is fine.
fn check(answered: Result<(), AcceptError>) {
    match answered {
        Ok(()) | Err(AcceptError::Request(_)) => {}
        Err(error) => panic!("the answer is not possible: {error}"),
    }
}
