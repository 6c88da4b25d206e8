//! Scenarios of our client with another implementation's server.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use ws_common::wsproto::handshake::{ClientRequest, ResponseError};
use ws_common::wsproto::url::WsUrl;
use ws_common::wsproto::{
    CloseCode, CloseFrame, CloseInfo, Config, Initiator, KeepAlive, SessionError,
};
use ws_common::{ClientOptions, ClientTls, Error, Message};

use crate::socket::{PATIENCE, Socket};
use crate::{Outcome, fragments, pattern};

/// Codes and reasons of a Close, in either direction.
const ENDS: [Option<(u16, &str)>; 7] = [
    Some((1000, "bye")),
    Some((1001, "")),
    Some((1011, "something broke")),
    Some((3000, "ä€😀")),
    Some((4001, "bye")),
    Some((4999, LONGEST)),
    None,
];
/// 123 bytes.
const LONGEST: &str = "This reason is as long as one can be, which is one hundred and twenty-three \
    bytes: after the code, no more fits in a frame.";

/// The certificates to trust, if not the system's.
static TRUSTED: OnceLock<ClientTls> = OnceLock::new();

type Scenario = fn(&mut Checks<'_>);
const SCENARIOS: [(&str, Scenario); 9] = [
    ("echo", echo),
    ("fragments", fragments),
    ("subprotocols", subprotocols),
    ("headers", headers),
    ("refusals", refusals),
    ("pings", pings),
    ("closing", closing),
    ("abort", abort),
    ("many", many),
];

pub(crate) fn run(url: &str, tls: Option<ClientTls>, names: &[&str]) -> Outcome {
    if let Some(tls) = tls {
        TRUSTED.get_or_init(|| tls);
    }
    let url = url.trim_end_matches('/');
    let mut checks = Checks { url, failed: 0 };
    for name in names {
        if SCENARIOS.iter().all(|(known, _)| known != name) {
            return Err(format!("no scenario {name}").into());
        }
    }
    for (name, scenario) in SCENARIOS {
        if names.is_empty() || names.contains(&name) {
            scenario(&mut checks);
        }
    }
    println!("done");
    if checks.failed == 0 { Ok(()) } else { Err(format!("{} failed", checks.failed).into()) }
}

struct Checks<'a> {
    url: &'a str,
    failed: u32,
}

impl Checks<'_> {
    fn check(&mut self, name: &str, check: impl FnOnce(&str) -> Outcome) {
        match check(self.url) {
            Ok(()) => println!("ok {name}"),
            Err(error) => {
                println!("FAIL {name}: {error}");
                self.failed += 1;
            }
        }
    }
}

fn echo(checks: &mut Checks<'_>) {
    let mut messages = vec![
        ("text".into(), "Grüße, κόσμε, 你好, 👋🏽\0\u{10FFFF}".into()),
        ("empty text".into(), "".into()),
        ("empty binary".into(), Message::Binary(Vec::new())),
    ];
    for len in [1, 125, 126, 65535, 65536, 16 << 20] {
        messages.push((format!("text of {len} bytes"), "x".repeat(len).into()));
        messages.push((format!("binary of {len} bytes"), pattern(len).into()));
    }
    for (name, message) in messages {
        checks.check(&format!("echo: {name}"), |url| {
            let mut ws = open(url)?;
            ws.send(message.clone())?;
            same(&ws.recv()?, &Some(message))?;
            finish(ws)
        });
    }
    checks.check("echo: 1000 messages at once", |url| {
        let mut ws = open(url)?;
        for number in 0..1000 {
            ws.send(format!("number {number}"))?;
        }
        for number in 0..1000 {
            same(&ws.recv()?, &Some(format!("number {number}").into()))?;
        }
        finish(ws)
    });
    checks.check("a large message of theirs", |url| {
        let mut ws = open(url)?;
        same(&ask(&mut ws, &format!("large {}", 16 << 20))?, &pattern(16 << 20).into())?;
        finish(ws)
    });
}

fn fragments(checks: &mut Checks<'_>) {
    checks.check("fragments: theirs, a Ping between", |url| {
        let mut ws = open(url)?;
        same(&ask(&mut ws, "fragments")?, &"Fragmentiert: ä€😀".into())?;
        finish(ws)
    });
    // The engine alone has no TLS.
    if checks.url.starts_with("wss:") {
        return;
    }
    checks.check("fragments: ours, a Ping between", |url| {
        let info = fragments::call(request(url)?)?;
        same_end(&info, Some((1000, "all came back")), Initiator::Local)
    });
}

fn subprotocols(checks: &mut Checks<'_>) {
    for (offered, selected) in [
        (&["chat.v1", "chat.v2"][..], Some("chat.v2")),
        (&["chat.v9", "chat.v1"], Some("chat.v1")),
        (&[], None),
    ] {
        checks.check(&format!("subprotocol: {selected:?} of {offered:?}"), |url| {
            let ws = connect(offer(url, offered)?, Config::default())?;
            same(&ws.subprotocol().as_deref(), &selected)?;
            finish(ws)
        });
    }
    checks.check("subprotocol: none selected, but one needed", |url| {
        let result = connect(offer(url, &["chat.v9"])?, Config::default());
        fails(result, |error| matches!(error, ResponseError::NoSubprotocol(_)))
    });
    checks.check("subprotocol: none selected, none needed", |url| {
        let mut config = Config::default();
        config.require_subprotocol = false;
        let mut ws = connect(offer(url, &["chat.v9"])?, config)?;
        same(&ws.subprotocol(), &None)?;
        same(&ask(&mut ws, "still there?")?, &"still there?".into())?;
        finish(ws)
    });
    checks.check("subprotocol: one selected that was not offered", |url| {
        let request = offer(&format!("{url}/wrong-subprotocol"), &["chat.v8"])?;
        let result = connect(request, Config::default());
        fails(result, |error| matches!(error, ResponseError::Subprotocol(_)))
    });
}

fn headers(checks: &mut Checks<'_>) {
    checks.check("headers: ours arrive", |url| {
        let request = request(url)?
            .header("Cookie", "a=1; b=2")?
            .header("Authorization", "Basic dXNlcjpwYXNz")?
            .header("X-Twice", "one")?
            .origin("http://example.com")?;
        let mut ws = connect(request, Config::default())?;
        let headers = ask_text(&mut ws, "headers")?;
        for line in [
            "cookie: a=1; b=2",
            "authorization: Basic dXNlcjpwYXNz",
            "x-twice: one",
            "origin: http://example.com",
        ] {
            has_line(&headers, line)?;
        }
        finish(ws)
    });
    checks.check("headers: theirs arrive", |url| {
        let ws = open(url)?;
        let response = ws.response().ok_or("no response")?;
        let cookies: Vec<_> = response.headers().get_all("Set-Cookie").collect();
        same(&cookies, &vec!["seen=1", "theme=dark; HttpOnly"])?;
        finish(ws)
    });
    checks.check("compression: not offered, so not used", |url| {
        let mut ws = open(url)?;
        let response = ws.response().ok_or("no response")?;
        same(&response.headers().get("Sec-WebSocket-Extensions"), &None)?;
        let headers = ask_text(&mut ws, "headers")?;
        same(&headers.contains("sec-websocket-extensions"), &false)?;
        finish(ws)
    });
}

fn refusals(checks: &mut Checks<'_>) {
    for status in [401, 403, 404, 503] {
        checks.check(&format!("refusal: {status} with a body"), |url| {
            let request = request(&format!("{url}/refuse/{status}"))?;
            match connect(request, Config::default()) {
                Err(Error::Http(response)) => {
                    same(&response.status(), &status)?;
                    same(&str::from_utf8(response.body_bytes())?, &"not today\n")?;
                    same(&response.headers().get("WWW-Authenticate"), &Some("Basic"))
                }
                other => Err(format!("got {:?}", other.map(drop)).into()),
            }
        });
    }
}

fn pings(checks: &mut Checks<'_>) {
    checks.check("ping: ours is seen", |url| {
        let mut ws = open(url)?;
        ws.ping(b"ours")?;
        same(&ask(&mut ws, "pings")?, &"ours".into())?;
        finish(ws)
    });
    checks.check("ping: theirs is answered", |url| {
        let mut ws = open(url)?;
        same(&ask(&mut ws, "ping theirs")?, &"pong theirs".into())?;
        finish(ws)
    });
    checks.check("ping: the keep-alive is content, and in time while messages come", |url| {
        let mut config = Config::default();
        let interval = Duration::from_millis(20);
        config.keep_alive = Some(KeepAlive { interval, patience: PATIENCE });
        let mut ws = connect(request(url)?, config)?;
        // Each Ping is sent only after the Pong of the one before.
        let mut pings = 0;
        for _ in 0..200 {
            pings = ask_text(&mut ws, "pings")?.split_whitespace().count();
            if pings == 4 {
                return finish(ws);
            }
            // Fifty Pings are due in total.
            thread::sleep(Duration::from_millis(5));
        }
        Err(format!("{pings} Pings in 200 questions, with answers").into())
    });
}

fn closing(checks: &mut Checks<'_>) {
    for (number, end) in ENDS.into_iter().enumerate() {
        let name = end.map_or_else(|| "no code".into(), |(code, _)| code.to_string());
        checks.check(&format!("closing: {name} from us"), |url| {
            let id = format!("close-{number}");
            let mut ws = open(&format!("{url}/?id={id}"))?;
            let frame = end.map(|(code, reason)| CloseFrame::new(CloseCode::new(code), reason));
            ws.close_with(frame.transpose()?)?;
            same_end(&rest(ws)?, end, Initiator::Local)?;
            has_ended(url, &id, end.unwrap_or((1005, "")))
        });
        checks.check(&format!("closing: {name} from them"), |url| {
            let mut ws = open(url)?;
            let (code, reason) = end.map_or((String::new(), ""), |(c, r)| (c.to_string(), r));
            ws.send(format!("close {code} {reason}").trim_end())?;
            same_end(&rest(ws)?, end, Initiator::Remote)
        });
    }
}

fn abort(checks: &mut Checks<'_>) {
    checks.check("abort: 1006 at their end", |url| {
        open(&format!("{url}/?id=abort"))?.abort();
        has_ended(url, "abort", (1006, ""))
    });
    checks.check("abort: 1006 at our end", |url| {
        let mut ws = open(url)?;
        ws.send("abort")?;
        // An error or not, depending on the end of the transport.
        let _ = ws.recv();
        let info = ws.close_info().ok_or("still open")?;
        same(&(info.code, info.was_clean), &(CloseCode::ABNORMAL, false))
    });
}

fn many(checks: &mut Checks<'_>) {
    checks.check("200 connections at once", |url| {
        let mut all = (0..200).map(|_| open(url)).collect::<Result<Vec<_>, _>>()?;
        for (number, ws) in all.iter_mut().enumerate() {
            ws.send(format!("number {number}"))?;
        }
        for (number, ws) in all.iter_mut().enumerate() {
            same(&ws.recv()?, &Some(format!("number {number}").into()))?;
        }
        all.into_iter().try_for_each(finish)
    });
}

fn request(url: &str) -> Result<ClientRequest, Error> {
    Ok(ClientRequest::new(WsUrl::parse(url)?))
}

fn offer(url: &str, subprotocols: &[&str]) -> Result<ClientRequest, Error> {
    let request = request(url)?;
    Ok(subprotocols.iter().try_fold(request, |request, offer| request.subprotocol(offer))?)
}

fn open(url: &str) -> Result<Socket, Error> {
    connect(request(url)?, Config::default())
}

fn connect(request: ClientRequest, config: Config) -> Result<Socket, Error> {
    let mut options = ClientOptions::from(config);
    options.tls = TRUSTED.get().cloned();
    Socket::connect(request, options)
}

fn ask(ws: &mut Socket, command: &str) -> Result<Message, Error> {
    ws.send(command)?;
    ws.recv()?.ok_or(Error::Session(SessionError::EndOfInput))
}

fn ask_text(ws: &mut Socket, command: &str) -> Result<String, Box<dyn std::error::Error>> {
    match ask(ws, command)? {
        Message::Text(text) => Ok(text),
        Message::Binary(_) => Err("binary where text was expected".into()),
    }
}

/// Receives until the connection is closed; a message fails the scenario.
fn rest(mut ws: Socket) -> Result<CloseInfo, Box<dyn std::error::Error>> {
    same(&ws.recv()?, &None)?;
    Ok(ws.close_info().ok_or("no end")?)
}

/// Closes with a closing handshake.
fn finish(mut ws: Socket) -> Outcome {
    ws.close(Some(CloseFrame::normal("")?))?;
    same_end(&rest(ws)?, Some((1000, "")), Initiator::Local)
}

fn same_end(info: &CloseInfo, end: Option<(u16, &str)>, initiator: Initiator) -> Outcome {
    let (code, reason) = end.unwrap_or((1005, ""));
    let (code, reason) = (CloseCode::new(code), reason.into());
    same(info, &CloseInfo { code, reason, sent: info.sent, was_clean: true, initiator })
}

/// Asks the peer how a connection ended.
fn has_ended(url: &str, id: &str, (code, reason): (u16, &str)) -> Outcome {
    let mut ws = open(url)?;
    same(&ask_text(&mut ws, &format!("ended {id}"))?, &format!("{code} {reason}"))?;
    finish(ws)
}

fn fails<T>(result: Result<T, Error>, expected: fn(&ResponseError) -> bool) -> Outcome {
    match result {
        Err(Error::InvalidAnswer { error, .. }) if expected(&error) => Ok(()),
        other => Err(format!("got {:?}", other.map(drop)).into()),
    }
}

fn has_line(text: &str, line: &str) -> Outcome {
    if text.lines().any(|l| l == line) { Ok(()) } else { Err(format!("no {line:?}").into()) }
}

fn same<T: PartialEq + Debug>(got: &T, expected: &T) -> Outcome {
    if got == expected {
        return Ok(());
    }
    let show = |value| format!("{value:?}").chars().take(120).collect::<String>();
    Err(format!("got {}, not {}", show(got), show(expected)).into())
}
