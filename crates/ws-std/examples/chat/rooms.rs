//! Who is where, and who hears what.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use ws_common::WebSocketConnection;
use ws_common::wsproto::PreparedMessage;

/// Somebody in a room.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) ws: WebSocketConnection,
}

/// All rooms that have somebody in them.
#[derive(Default)]
pub(crate) struct Rooms {
    members: Mutex<BTreeMap<String, Vec<Member>>>,
}

impl Rooms {
    pub(crate) fn join(&self, room: &str, member: Member) {
        let name = member.name.clone();
        self.lock().entry(room.into()).or_default().push(member);
        self.announce(room, "joined", &name);
    }

    pub(crate) fn leave(&self, room: &str, name: &str, ws: &WebSocketConnection) {
        let mut members = self.lock();
        if let Some(members) = members.get_mut(room) {
            members.retain(|member| member.ws != *ws);
        }
        members.retain(|_, members| !members.is_empty());
        drop(members);
        self.announce(room, "left", name);
    }

    pub(crate) fn say(&self, room: &str, name: &str, text: &str) {
        self.send(room, &json!({ "type": "said", "name": name, "text": text }));
    }

    /// Tells a room who came or went, and who is there now.
    fn announce(&self, room: &str, what: &str, name: &str) {
        let present: Vec<_> = self.of(room).into_iter().map(|member| member.name).collect();
        self.send(room, &json!({ "type": what, "name": name, "present": present }));
    }

    /// Sends to everybody in a room, encoded once.
    fn send(&self, room: &str, value: &Value) {
        let message = PreparedMessage::text(&value.to_string());
        for member in self.of(room) {
            if member.ws.send_prepared(&message).is_err() {
                // It is closing, or does not read: its handler learns of the end.
                member.ws.abort();
            }
        }
    }

    fn of(&self, room: &str) -> Vec<Member> {
        self.lock().get(room).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
