//! Rooms, their members, and the events they get.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use ws_common::{ConnectionId, Error, WebSocketConnection};

use super::names;

/// All rooms with at least one member.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: Mutex<BTreeMap<String, Vec<Member>>>,
    /// Differs between the processes that are one chat, whose connections have the same numbers.
    process: RandomState,
}

/// A member of a room.
#[derive(Debug)]
struct Member {
    name: String,
    connection: ConnectionId,
    id: String,
}

impl Rooms {
    /// Adds a member, under a name that is unique in the room.
    pub(super) fn join(&self, room: &str, wanted: &str, ws: &WebSocketConnection) {
        let mut rooms = self.lock();
        let members = rooms.entry(room.into()).or_default();
        let taken: Vec<_> = members.iter().map(|member| &*member.name).collect();
        let name = names::free(wanted, &taken);
        let id = self.id(ws);
        // Under the lock, so that the list and the later events are consistent. Nothing here blocks:
        // publishing never waits, and this is the first message on the connection.
        publish(ws, room, &json!({ "type": "joined", "id": id, "name": name }));
        members.push(Member { name: name.clone(), connection: ws.id(), id: id.clone() });
        let present: Vec<_> = members.iter().map(Member::to_json).collect();
        let welcome = json!({
            "type": "welcome", "id": id, "name": name, "room": room, "present": present
        });
        send(ws, &welcome);
        // Fails if the member is gone: a room has a short name.
        let _ = ws.subscribe(room);
    }

    pub(super) fn leave(&self, room: &str, ws: &WebSocketConnection) {
        let mut rooms = self.lock();
        let Some(members) = rooms.get_mut(room) else { return };
        let Some(at) = members.iter().position(|member| member.connection == ws.id()) else {
            return;
        };
        let Member { name, id, .. } = members.remove(at);
        rooms.retain(|_, members| !members.is_empty());
        publish(ws, room, &json!({ "type": "left", "id": id, "name": name }));
    }

    pub(super) fn say(&self, room: &str, ws: &WebSocketConnection, text: &str) {
        let rooms = self.lock();
        let members = rooms.get(room).map_or(&[][..], Vec::as_slice);
        let Some(member) = members.iter().find(|member| member.connection == ws.id()) else {
            return;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let said = json!({
            "type": "said", "id": member.id, "name": member.name, "text": text,
            "time": u64::try_from(now.as_millis()).unwrap_or_default(),
        });
        publish(ws, room, &said);
    }

    /// Returns the identity of a member.
    fn id(&self, ws: &WebSocketConnection) -> String {
        format!("{:08x}-{}", self.process.hash_one(()) & 0xFFFF_FFFF, ws.id())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Member>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    fn to_json(&self) -> Value {
        json!({ "id": self.id, "name": self.name })
    }
}

/// Tells a member why a line was refused.
pub(super) fn refuse(ws: &WebSocketConnection, reason: &str) {
    send(ws, &json!({ "type": "refused", "reason": reason }));
}

/// Sends an event to all members of a room.
fn publish(ws: &WebSocketConnection, room: &str, event: &Value) {
    let Some(server) = ws.server() else { return };
    for member in server.publish(room, event.to_string()).refused {
        // This member does not read. Its handler reports the end.
        member.abort();
    }
}

/// Sends an event to one member.
fn send(ws: &WebSocketConnection, event: &Value) {
    // A connection that is closing or has failed ends by itself.
    if let Err(Error::WouldExceed(_)) = ws.send(event.to_string()) {
        ws.abort();
    }
}
