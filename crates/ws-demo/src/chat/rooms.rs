//! Who is where, and who hears what.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use ws_common::wsproto::PreparedMessage;
use ws_common::{Error, WebSocketConnection};

use super::names;

/// All rooms that have somebody in them.
#[derive(Debug, Default)]
pub(super) struct Rooms(Mutex<BTreeMap<String, Vec<Member>>>);

/// Somebody in a room.
#[derive(Debug)]
struct Member {
    name: String,
    ws: WebSocketConnection,
}

impl Rooms {
    /// Lets somebody in, under a name that nobody else in the room has.
    pub(super) fn join(&self, room: &str, wanted: &str, ws: &WebSocketConnection) {
        let mut rooms = self.lock();
        let members = rooms.entry(room.into()).or_default();
        let taken: Vec<_> = members.iter().map(|member| &*member.name).collect();
        let name = names::free(wanted, &taken);
        let others = handles(members);
        members.push(Member { name: name.clone(), ws: ws.clone() });
        let present: Vec<_> = members.iter().map(Member::to_json).collect();
        let id = ws.id().to_string();
        // Under the lock, so that nobody joins or leaves between the list and the changes to it that
        // follow. It does not wait: nothing was sent on this connection before.
        let welcome = json!({
            "type": "welcome", "id": id, "name": name, "room": room, "present": present
        });
        send(&welcome, std::slice::from_ref(ws));
        drop(rooms);
        send(&json!({ "type": "joined", "id": id, "name": name }), &others);
    }

    pub(super) fn leave(&self, room: &str, ws: &WebSocketConnection) {
        let mut rooms = self.lock();
        let Some(members) = rooms.get_mut(room) else { return };
        let Some(at) = members.iter().position(|member| member.ws == *ws) else { return };
        let name = members.remove(at).name;
        let others = handles(members);
        rooms.retain(|_, members| !members.is_empty());
        drop(rooms);
        send(&json!({ "type": "left", "id": ws.id().to_string(), "name": name }), &others);
    }

    pub(super) fn say(&self, room: &str, ws: &WebSocketConnection, text: &str) {
        let rooms = self.lock();
        let members = rooms.get(room).map_or(&[][..], Vec::as_slice);
        let Some(member) = members.iter().find(|member| member.ws == *ws) else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let said = json!({
            "type": "said", "id": ws.id().to_string(), "name": member.name, "text": text,
            "time": u64::try_from(now.as_millis()).unwrap_or_default(),
        });
        let all = handles(members);
        drop(rooms);
        send(&said, &all);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Member>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    fn to_json(&self) -> Value {
        json!({ "id": self.ws.id().to_string(), "name": self.name })
    }
}

/// Tells somebody why a line was not passed on.
pub(super) fn refuse(ws: &WebSocketConnection, reason: &str) {
    send(&json!({ "type": "refused", "reason": reason }), std::slice::from_ref(ws));
}

fn handles(members: &[Member]) -> Vec<WebSocketConnection> {
    members.iter().map(|member| member.ws.clone()).collect()
}

/// Sends an event, encoded once. Never under the lock to a connection that may have to wait.
fn send(event: &Value, to: &[WebSocketConnection]) {
    let message = PreparedMessage::text(&event.to_string());
    for ws in to {
        // One that is closing, or has failed, ends by itself.
        if let Err(Error::WouldExceed(_)) = ws.send_prepared(&message) {
            // It does not read. Its handler learns of the end.
            ws.abort();
        }
    }
}
