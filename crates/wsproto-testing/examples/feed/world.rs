//! Several clients of one feed on virtual networks, and a model of what each must see.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use wsproto::handshake::ClientRequest;
use wsproto::{Config, Event, ReadyState, SessionEvent};
use wsproto_testing::{Cuts, Net};

use super::protocol::{Feed, PATIENCE};
use super::server::{TOKEN, answer, app};

/// The number of places for clients.
pub(crate) const PLACES: usize = 3;

/// An action of the clients. Each is possible at any time; for a client that is not there, it does
/// nothing.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A client connects, a member or not, unless its place is taken.
    Connect(usize, bool),
    /// Clients say lines at the same time; those in lower places are heard first.
    Say(Vec<(usize, String)>),
    /// A client closes.
    Close(usize),
    /// A client's network resets the connection.
    Vanish(usize),
    /// Seconds pass.
    Wait(u8),
}

/// A client on its network.
struct Client {
    net: Net,
    heard: Rc<RefCell<Vec<String>>>,
}

/// The model's knowledge of a client.
#[derive(Default)]
struct Known {
    name: Option<String>,
    topics: BTreeSet<String>,
    waited: Duration,
    expected: Vec<String>,
    /// The close code, once the connection must have ended.
    end: Option<u16>,
}

/// The feed, its clients, and the model.
pub(crate) struct World {
    feed: Rc<RefCell<Feed>>,
    clients: [Option<(Client, Known)>; PLACES],
    connected: usize,
    cuts: Cuts,
}

impl World {
    /// Begins without a client. Bytes are cut by `cuts`.
    pub(crate) fn new(cuts: Cuts) -> Self {
        Self { feed: Rc::default(), clients: [const { None }; PLACES], connected: 0, cuts }
    }

    /// Performs the actions. Panics if a client sees anything but what it must.
    pub(crate) fn play(&mut self, actions: &[Action]) {
        for action in actions {
            self.perform(action);
            self.settle();
            self.check(action);
        }
    }

    fn perform(&mut self, action: &Action) {
        match action {
            Action::Connect(place, member) => self.connect(*place, *member),
            Action::Say(lines) => {
                let mut lines = lines.clone();
                lines.sort_by_key(|(place, _)| *place);
                for (place, line) in &lines {
                    if let Some((client, _)) = &mut self.clients[*place] {
                        client.net.client.endpoint.send_text(&**line).expect("open");
                        self.expect(*place, line);
                    }
                }
            }
            Action::Close(place) => {
                if let Some((client, known)) = &mut self.clients[*place] {
                    let now = client.net.now;
                    client.net.client.endpoint.close(None, now).expect("open");
                    known.end = Some(1005);
                }
            }
            Action::Vanish(place) => {
                if let Some((client, known)) = &mut self.clients[*place] {
                    client.net.to_client.reset();
                    client.net.to_server.reset();
                    known.end = Some(1006);
                }
            }
            Action::Wait(seconds) => {
                let passed = Duration::from_secs((*seconds).into());
                for (client, known) in self.clients.iter_mut().flatten() {
                    client.net.run_for(passed);
                    known.waited += passed;
                    if known.name.is_none() && known.waited >= PATIENCE {
                        known.end = Some(1008);
                    }
                }
            }
        }
    }

    fn connect(&mut self, place: usize, member: bool) {
        if self.clients[place].is_some() {
            return;
        }
        let token = if member { TOKEN } else { "guess" };
        let request = ClientRequest::parse("ws://localhost/feed").expect("a URL");
        let mut net = Net::new(&Config::new(), 4096, self.cuts.clone())
            .with_client(request.bearer(token).expect("a token"), Config::new())
            .with_server(Config::new(), answer);
        let (feed, id) = (Rc::clone(&self.feed), self.connected);
        net.server.app = Box::new(app(&feed, id));
        net.server.app_deadline = Box::new(move || feed.borrow().deadline(id));
        let heard = Rc::<RefCell<Vec<String>>>::default();
        let lines = Rc::clone(&heard);
        net.client.app = Box::new(move |_, event, _| {
            if let Some(SessionEvent::Received(Event::Text(line))) = event {
                lines.borrow_mut().push(line.to_string());
            }
        });
        self.connected += 1;
        let end = (!member).then_some(1006);
        self.clients[place] = Some((Client { net, heard }, Known { end, ..Known::default() }));
    }

    /// Lets all networks run until nothing happens without time passing.
    fn settle(&mut self) {
        while self
            .clients
            .iter_mut()
            .flatten()
            .any(|(client, _)| client.net.run_for(Duration::ZERO))
        {}
    }

    /// The model: what clients must see after a line.
    fn expect(&mut self, place: usize, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut known =
            self.clients.each_mut().map(|client| client.as_mut().map(|(_, known)| known));
        let Some(me) = known[place].take() else { return };
        if me.end.is_some() {
            return; // Lines after the end of a connection count for nothing.
        }
        let valid =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
        let result = match (verb, me.name.clone()) {
            ("login", _) if !valid(rest) => Err("invalid name"),
            ("login", Some(_)) => Err("already logged in"),
            ("login", None) => {
                me.name = Some(rest.into());
                for other in known.iter_mut().flatten() {
                    if other.end.is_none() && other.name.as_deref() == Some(rest) {
                        other.end = Some(4001);
                    }
                }
                Ok(())
            }
            ("subscribe" | "unsubscribe" | "publish", None) => Err("log in first"),
            ("subscribe", _) if !valid(rest) => Err("invalid name"),
            ("subscribe", _) => {
                me.topics.insert(rest.into());
                Ok(())
            }
            ("unsubscribe", _) if !me.topics.remove(rest) => Err("not subscribed"),
            ("unsubscribe", _) => Ok(()),
            ("publish", Some(name)) => {
                rest.split_once(' ').ok_or("no text").map(|(topic, text)| {
                    for other in
                        known.iter_mut().flatten().map(|other| &mut **other).chain([&mut *me])
                    {
                        if other.end.is_none() && other.topics.contains(topic) {
                            other.expected.push(format!("{topic} {name} {text}"));
                        }
                    }
                })
            }
            _ => Err("unknown command"),
        };
        me.expected.push(result.map_or_else(|reason| format!("error {reason}"), |()| "ok".into()));
    }

    fn check(&mut self, action: &Action) {
        for place in &mut self.clients {
            let Some((client, known)) = place else { continue };
            let heard = std::mem::take(&mut *client.heard.borrow_mut());
            assert_eq!(heard, std::mem::take(&mut known.expected), "after {action:?}");
            let end = client.net.client.closed().map(|info| u16::from(info.code));
            assert_eq!(end, known.end, "after {action:?}");
            if end.is_some() {
                *place = None;
            } else {
                assert_eq!(client.net.client.endpoint.ready_state(), ReadyState::Open);
            }
        }
    }
}
