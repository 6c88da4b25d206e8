//! The spans and events of connections (feature `tracing`), with a subscriber that records everything.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};

use ws_tokio::tracing::field::{Field, Visit};
use ws_tokio::tracing::span::{Attributes, Id, Record};
use ws_tokio::tracing::subscriber::{DefaultGuard, set_default};
use ws_tokio::tracing::{self, Event, Metadata, Subscriber};
use ws_tokio::wsproto::handshake::{Accept, ClientRequest, Response};
use ws_tokio::wsproto::{CloseCode, CloseFrame};
use ws_tokio::{
    ClientOptions, ConnectionHandler, Decision, Error, IncomingRequest, Listener, Message,
    ServerHandle, ServerOptions, WebSocketConnection, WebSocketServer, connect, connect_with,
};

/// A text that occurs only in payloads, header fields and queries.
const SECRET: &str = "s3cret";

type Fields = BTreeMap<&'static str, String>;

#[derive(Default)]
struct Recorded {
    spans: Vec<Fields>,
    entered: Vec<usize>,
    /// The span of each event, and its fields.
    events: Vec<(Option<usize>, Fields)>,
}

/// Everything that was recorded.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

struct Reader<'a>(&'a mut Fields);

impl Reader<'_> {
    /// A subscriber may show a field as often as it is recorded, so each must be recorded once.
    fn insert(&mut self, field: &Field, value: String) {
        let before = self.0.insert(field.name(), value);
        assert_eq!(before, None, "{field} is recorded twice");
    }
}

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.insert(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value.into());
    }
}

fn number(id: &Id) -> usize {
    usize::try_from(id.into_u64()).expect("few spans") - 1
}

impl Recorder {
    /// Records everything that this thread does.
    fn start() -> (Self, DefaultGuard) {
        let recorder = Self::default();
        (recorder.clone(), set_default(recorder))
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().expect("no panic")
    }

    /// Returns the spans of one end's connections.
    fn spans(&self, role: &str) -> Vec<(usize, Fields)> {
        let all = self.lock().spans.clone().into_iter().enumerate();
        all.filter(|(_, span)| span.get("role").is_some_and(|of| of == role)).collect()
    }

    /// Returns the events of a span.
    fn events(&self, span: usize) -> Vec<Fields> {
        let within =
            |(of, event): &(Option<usize>, Fields)| (*of == Some(span)).then(|| event.clone());
        self.lock().events.iter().filter_map(within).collect()
    }

    /// Returns the event of a span with this message.
    fn event(&self, span: usize, message: &str) -> Fields {
        let events = self.events(span);
        let found = events.iter().find(|event| event["message"] == message);
        found.unwrap_or_else(|| panic!("no {message:?} in {events:?}")).clone()
    }

    fn assert_silent(&self) {
        let recorded = self.lock();
        let all = format!("{:?} {:?}", recorded.spans, recorded.events);
        assert!(!all.contains(SECRET), "{all}");
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("ws_")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        span.record(&mut Reader(&mut fields));
        fields.insert("name", span.metadata().name().into());
        let mut recorded = self.lock();
        recorded.spans.push(fields);
        Id::from_u64(recorded.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut Reader(&mut self.lock().spans[number(span)]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Reader(&mut fields));
        let mut recorded = self.lock();
        let span = recorded.entered.last().copied();
        recorded.events.push((span, fields));
    }

    fn enter(&self, span: &Id) {
        self.lock().entered.push(number(span));
    }

    fn exit(&self, span: &Id) {
        assert_eq!(self.lock().entered.pop(), Some(number(span)), "the innermost is left first");
    }
}

fn request(address: impl std::fmt::Display) -> ClientRequest {
    let url = format!("ws://{address}/chat?token={SECRET}");
    let request = ClientRequest::parse(&url).expect("a URL");
    request.header("Authorization", format!("Bearer {SECRET}")).expect("valid")
}

#[tokio::test]
async fn a_connection_has_a_span_at_each_end() -> Result<(), Error> {
    let (recorder, _guard) = Recorder::start();
    let mut listener = Listener::bind("127.0.0.1:0", ServerOptions::new()).await?;
    let address = listener.local_addr().expect("TCP");
    let served = tokio::spawn(async move {
        let incoming = listener.accept().await?.expect("not ended");
        let request = incoming.request().await?.expect("a request");
        let accept = Accept::new().select_subprotocol(&request, &["chat.v2"]);
        let mut ws = request.accept(&accept).await?;
        let span = ws.handle().span();
        while let Some(message) = ws.recv().await? {
            span.in_scope(|| tracing::debug!(target: "ws_application", "received"));
            ws.send(message).await?;
        }
        Ok::<_, Error>(())
    });
    let request = request(address).subprotocol("chat.v2").expect("valid");
    let mut ws = connect_with(request, ClientOptions::new()).await?;
    let id = ws.id();
    ws.send(SECRET).await?;
    assert_eq!(ws.recv().await?, Some(SECRET.into()));
    ws.close(CloseFrame::new(CloseCode::NORMAL, "enough").ok()).await?;
    served.await.expect("no panic")?;

    let [(span, client)] = &recorder.spans("client")[..] else { panic!("one") };
    assert_eq!((&*client["name"], &*client["path"]), ("websocket", "/chat"));
    assert_eq!((&client["id"], &*client["subprotocol"]), (&id.to_string(), "chat.v2"));
    assert_eq!(client["peer"], address.to_string());
    recorder.event(*span, "the connection is open");

    let [(span, server)] = &recorder.spans("server")[..] else { panic!("one") };
    assert_eq!((&*server["path"], &*server["subprotocol"]), ("/chat", "chat.v2"));
    assert!(server["peer"].starts_with("127.0.0.1:") && server["client"] == server["peer"]);
    let messages: Vec<_> = recorder.events(*span).iter().map(|e| e["message"].clone()).collect();
    let position = |message| messages.iter().position(|told| told == message);
    let in_order = ["the connection is open", "received", "the connection is closed"].map(position);
    assert!(in_order.is_sorted() && in_order[0].is_some(), "{messages:?}");
    let closed = recorder.event(*span, "the connection is closed");
    assert_eq!((&*closed["code"], &*closed["reason"]), ("1000", "enough"));
    assert_eq!((&*closed["sent"], &*closed["was_clean"]), ("1000", "true"));
    recorder.assert_silent();
    Ok(())
}

#[tokio::test]
async fn refusals_and_failures_are_events() -> Result<(), Error> {
    let (recorder, _guard) = Recorder::start();
    let options = ServerOptions::new().path("/chat").max_message_size(10);
    let server = WebSocketServer::bind("127.0.0.1:0", options).await?;
    let address = server.local_addr()?;
    let running = server.spawn(|_: &ServerHandle, request: &IncomingRequest| {
        match request.query() == Some("no") {
            true => Decision::respond(Response::text(401, SECRET)),
            false => Decision::accept(|ws: &WebSocketConnection, message: Message| {
                let _ = ws.send(message);
            }),
        }
    })?;

    for (path, status) in [("/other", "404"), ("/chat?no", "401")] {
        let refused = connect(&format!("ws://{address}{path}")).await;
        assert!(matches!(refused, Err(Error::Http(_))));
        let (span, fields) = recorder.spans("server").pop().expect("a connection");
        assert_eq!(fields["path"], path.trim_end_matches("?no"));
        assert_eq!(recorder.event(span, "the request is answered")["status"], status);
        recorder.event(span, "the connection has ended without opening");
    }

    let mut ws = connect_with(request(address), ClientOptions::new()).await?;
    ws.send(SECRET.repeat(5)).await?;
    let info = ws.closed().await?;
    assert_eq!(info.code, CloseCode::MESSAGE_TOO_BIG);
    // The server ends a moment later.
    running.handle().terminate(None);
    running.await;
    let (span, _) = recorder.spans("server").pop().expect("a connection");
    let failed = recorder.event(span, "the connection has failed");
    assert!(failed["error"].contains("10"), "{failed:?}");
    assert_eq!(recorder.event(span, "the connection is closed")["sent"], "1009");
    recorder.assert_silent();
    Ok(())
}

/// Handlers are called within the span.
#[tokio::test]
async fn handlers_are_called_within_the_span() -> Result<(), Error> {
    struct Telling;

    impl ConnectionHandler for Telling {
        fn on_open(&mut self, _: &WebSocketConnection) {
            tracing::info!(target: "ws_application", "on_open");
        }

        fn on_message(&mut self, _: &WebSocketConnection, _: Message) {
            tracing::info!(target: "ws_application", "on_message");
        }
    }

    let (recorder, _guard) = Recorder::start();
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).await?;
    let address = server.local_addr()?;
    let running = server.spawn(|_: &_, _: &_| Decision::accept(Telling))?;
    let mut ws = connect(&format!("ws://{address}/")).await?;
    ws.send("Hello").await?;
    ws.close(None).await?;
    running.handle().terminate(None);
    running.await;
    let [(span, _)] = &recorder.spans("server")[..] else { panic!("one") };
    recorder.event(*span, "on_open");
    recorder.event(*span, "on_message");
    Ok(())
}
