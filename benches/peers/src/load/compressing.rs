//! A client that offers compression, and sends half of a compressed message.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use wsproto::handshake::{ClientRequest, DeflateOffer, HeadFinder, Response};
use wsproto::url::WsUrl;
use wsproto::{Client as Role, Config, Connection, Deflate, DeflateTools, Event};

use super::client::dial;

/// An open connection that compresses.
pub(super) struct Compressing {
    pub(super) stream: TcpStream,
    ws: Connection<Role>,
}

impl Compressing {
    /// Connects and shakes hands; forbids takeover, or leaves it to the server.
    ///
    /// # Errors
    ///
    /// If the server does not compress, or not like that.
    pub(super) fn connect(address: SocketAddr, takeover: bool) -> io::Result<Self> {
        let (mut stream, nonce) = (dial(address)?, [7; 16]);
        let offer = DeflateOffer {
            server_no_context_takeover: !takeover,
            client_no_context_takeover: !takeover,
            client_max_window_bits: Some(None),
            ..DeflateOffer::default()
        };
        let url = WsUrl::parse(&format!("ws://{address}/")).map_err(io::Error::other)?;
        let request = ClientRequest::new(url).deflate(Some(offer));
        let mut out = Vec::new();
        request.encode(nonce, &mut out);
        stream.write_all(&out)?;
        let config =
            Arc::new(Config::new().deflate(Some(Deflate::dense().own_states(false).threshold(1))));
        let (mut head, mut finder) = (Vec::new(), HeadFinder::response());
        while finder.find(&head, &config).map_err(io::Error::other)?.is_none() {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.extend(byte);
            finder = HeadFinder::response();
        }
        let response = Response::parse(&head).map_err(io::Error::other)?;
        let agreed = request.verify(nonce, &response).map_err(io::Error::other)?;
        let agreed = agreed.deflate.ok_or_else(|| io::Error::other("it does not compress"))?;
        if agreed.server.takeover != takeover {
            return Err(io::Error::other(format!("it agrees to {agreed}")));
        }
        let ws = Connection::new(Role::from_seed([7; 32]), config, agreed.into());
        Ok(Self { stream, ws })
    }

    /// Sends a message, and waits for its echo; returns the frame that was sent.
    ///
    /// # Errors
    ///
    /// If that is not the same message.
    pub(super) fn check(&mut self, tools: &mut DeflateTools, message: &str) -> io::Result<Vec<u8>> {
        self.ws.lend_tools(tools);
        let (mut frame, mut out) = (Vec::new(), Vec::new());
        self.ws.send_text(message, &mut frame).map_err(io::Error::other)?;
        self.stream.write_all(&frame)?;
        let mut buffer = vec![0; 64 << 10];
        let answer = loop {
            let read = self.stream.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut input = &mut buffer[..read];
            if let Some(Event::Text(text)) =
                self.ws.next_event(&mut input, &mut out).map_err(io::Error::other)?
            {
                break text.into_owned();
            }
        };
        self.ws.reclaim_tools(tools);
        if answer == message {
            Ok(frame)
        } else {
            Err(io::Error::other("the server does not echo"))
        }
    }

    /// Sends the first 8 KiB of a compressed message of 16 KiB.
    ///
    /// # Errors
    ///
    /// If the server does not take it.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        let mut frame = vec![0xC2, 0xFE, 0x40, 0x00, 0, 0, 0, 0];
        // The header of a stored block, and some of it.
        frame.extend([0x00, 0xFB, 0x3F, 0x04, 0xC0]);
        frame.resize(8 + (8 << 10), 7);
        self.stream.write_all(&frame)
    }
}
