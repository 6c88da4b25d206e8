//! Proves that `wsproto` needs no `std`: this library has a panic handler of its own, which cannot
//! be linked beside that of `std`. If anything in the engine pulled `std` in, it would not build.
#![no_std]
#![forbid(unsafe_code)]

use core::panic::PanicInfo;
use core::time::Duration;

use wsproto::handshake::{Accept, ClientRequest};
use wsproto::url::WsUrl;
use wsproto::{Config, Event, Session, SessionEvent};

extern crate alloc;
use alloc::vec::Vec;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Uses all of the engine, so that all of it is linked. Returns how many bytes both ends wrote.
pub fn round_trip(seed: [u8; 32]) -> Option<usize> {
    let now = Duration::ZERO;
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let request = ClientRequest::new(WsUrl::parse("ws://localhost/").ok()?);
    let mut client = Session::client(request, Config::default(), seed, now, &mut to_server);
    let mut server = Session::server(Config::default(), now);
    let mut bytes = to_server.clone();
    let mut input = &mut bytes[..];
    while let Some(event) = server.next_event(now, &mut input, &mut to_client) {
        match event {
            SessionEvent::Upgrade => server.accept(&Accept::new(), now, &mut to_client).ok()?,
            SessionEvent::Received(Event::Text(text)) => {
                server.sender().ok()?.send_text(&text, &mut to_client).ok()?;
            }
            _ => {}
        }
    }
    let mut bytes = to_client.clone();
    while client.next_event(now, &mut &mut bytes[..], &mut to_server).is_some() {}
    client.close(None, now, &mut to_server).ok()?;
    Some(to_server.len() + to_client.len())
}
