//! A connection of the feed, in a loop of any kind: a function of an endpoint, an event and the time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use wsproto::handshake::{Accept, Request, Response};
use wsproto::{CloseFrame, Endpoint, Event, Server, SessionEvent};

use super::protocol::{Feed, Id, Order};

/// The token that clients have to show.
pub(crate) const TOKEN: &str = "members-only";

/// Answers a request: only members may connect.
pub(crate) fn answer(request: &Request) -> Result<Accept, Response> {
    match request.bearer() {
        Some(TOKEN) => Ok(Accept::new()),
        _ => Err(Response::text(401, "Members only\n")),
    }
}

/// Returns the application of a client's connection.
pub(crate) fn app(
    feed: &Rc<RefCell<Feed>>,
    id: Id,
) -> impl FnMut(&mut Endpoint<Server>, Option<&SessionEvent<Event<'_>>>, Duration) + 'static {
    let feed = Rc::clone(feed);
    move |ws, event, now| {
        let mut feed = feed.borrow_mut();
        match event {
            Some(SessionEvent::Open) => feed.opened(id, now),
            Some(SessionEvent::Received(Event::Text(line))) => feed.received(id, line),
            Some(SessionEvent::Closed(_)) => feed.closed(id),
            Some(_) => {}
            None => feed.expire(id, now),
        }
        for order in feed.take(id) {
            // A connection that is closing accepts nothing more.
            let _ = match order {
                Order::Send(line) => ws.send_text(line),
                Order::Close(code, reason) => {
                    ws.close(CloseFrame::new(code, reason).ok().as_ref(), now)
                }
            };
        }
    }
}
