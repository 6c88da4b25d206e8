//! Promise I5: an idle connection is small, and has no heap.

use wsproto::{
    Client, Connection, Endpoint, Error, Event, Receiver, Sender, Server, Session, SessionError,
    SessionEvent,
};

/// The bytes that the feature `deflate` adds to a server's connection, even without compression.
const DEFLATE: usize = if cfg!(feature = "deflate") { 16 } else { 0 };

#[test]
fn a_server_connection_fits_a_cache_line() {
    if cfg!(feature = "deflate") {
        // One pointer in each half.
        assert_eq!(size_of::<Connection<Server>>(), 80);
        assert_eq!(size_of::<Receiver<Server>>(), 64);
        assert_eq!(size_of::<Sender<Server>>(), 16);
        return;
    }
    assert_eq!(size_of::<Connection<Server>>(), 64);
    assert_eq!(size_of::<Receiver<Server>>(), 56);
    assert_eq!(size_of::<Sender<Server>>(), 4);
}

#[test]
fn a_server_session_adds_its_clock_and_little_else() {
    assert_eq!(size_of::<Session<Server>>(), 112 + DEFLATE);
}

#[test]
fn a_server_endpoint_fits_two_cache_lines() {
    assert_eq!(size_of::<Endpoint<Server>>(), 120 + DEFLATE);
}

#[test]
fn a_client_connection_adds_the_generator_of_its_keys() {
    assert_eq!(size_of::<Client>(), 320);
    assert_eq!(size_of::<Connection<Client>>(), 384 + DEFLATE);
}

/// Error details do not enlarge the return value of every call.
#[test]
fn an_event_of_a_session_adds_little_to_an_event() {
    assert!(size_of::<SessionError>() <= 32);
    assert_eq!(size_of::<SessionEvent<Event<'_>>>(), 40);
}

/// Also no smaller: see the comment at [`Error`].
#[test]
fn an_error_is_one_word() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<Option<Event<'_>>, Error>>(), size_of::<Event<'_>>());
}
