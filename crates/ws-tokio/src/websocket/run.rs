//! A connection with a handler.

use ws_common::ConnectionHandler;
use ws_common::adapter::Conversation;
use wsproto::CloseInfo;

use super::WebSocket;

/// Aborts the connection if it is dropped before it ends.
struct Abort<'s>(Option<&'s super::Sender>);

impl Drop for Abort<'_> {
    fn drop(&mut self) {
        if let Some(sender) = self.0 {
            sender.handle.abort();
        }
    }
}

impl WebSocket {
    /// Passes all events to a handler until the connection is closed, and returns how it ended. The connection's task
    /// calls the handler, except for [`on_open`](ConnectionHandler::on_open), which is called first. The handler
    /// type also fits a server's connections. A panic of the handler closes the connection with code 1011. If the
    /// connection is closed already, only [`on_terminate`](ConnectionHandler::on_terminate) is called.
    ///
    /// # Cancel safety
    ///
    /// If the future was polled and is dropped, the connection is aborted, and its handler called for the last time.
    pub async fn run(mut self, handler: impl ConnectionHandler) -> CloseInfo {
        if let Some(info) = self.close_info().cloned() {
            Conversation::only_end(handler, self.handle(), &info);
            return info;
        }
        let sender = self.sender.clone();
        let conversation = std::mem::replace(&mut self.conversation, Conversation::none());
        let input = std::mem::take(&mut self.input);
        sender.connection.hand_over(conversation, &sender.handle, input, Box::new(handler));
        let mut abort = Abort(Some(&sender));
        let info = sender.closed().await;
        abort.0 = None;
        info
    }
}
