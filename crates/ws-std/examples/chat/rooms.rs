//! Who is where, and who hears what.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use ws_std::Writer;
use ws_std::wsproto::{PreparedMessage, Server};

/// Somebody in a room.
pub(crate) struct Member {
    id: u64,
    name: String,
    room: String,
    writer: Writer<Server>,
}

impl Member {
    pub(crate) fn new(name: String, room: String, writer: Writer<Server>) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), name, room, writer })
    }
}

/// All rooms that have somebody in them.
#[derive(Default)]
pub(crate) struct Rooms {
    members: Mutex<BTreeMap<String, Vec<Arc<Member>>>>,
}

impl Rooms {
    pub(crate) fn join(&self, member: &Arc<Member>) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.entry(member.room.clone()).or_default().push(Arc::clone(member));
        drop(members);
        self.announce(member, "joined");
    }

    pub(crate) fn leave(&self, member: &Member) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = members.get_mut(&member.room) {
            room.retain(|other| other.id != member.id);
        }
        members.retain(|_, room| !room.is_empty());
        drop(members);
        self.announce(member, "left");
    }

    pub(crate) fn say(&self, member: &Member, text: &str) {
        self.send(&member.room, &json!({ "type": "said", "name": member.name, "text": text }));
    }

    /// Tells a room who came or went, and who is there now.
    fn announce(&self, member: &Member, what: &str) {
        let present: Vec<_> = self.of(&member.room).iter().map(|m| m.name.clone()).collect();
        self.send(&member.room, &json!({ "type": what, "name": member.name, "present": present }));
    }

    /// Sends to everybody in a room, encoded once.
    fn send(&self, room: &str, value: &serde_json::Value) {
        let message = PreparedMessage::text(&value.to_string());
        for member in self.of(room) {
            if member.writer.send_prepared(&message).is_err() {
                // It is closing, or does not read: its own thread notices the end.
                member.writer.abort();
            }
        }
    }

    fn of(&self, room: &str) -> Vec<Arc<Member>> {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.get(room).cloned().unwrap_or_default()
    }
}
