//! Receiving messages: one within a time, and all of them in a loop.

use std::time::Duration;

use ws_common::adapter::Step;
use wsproto::{Client, ReadyState, Role, SendError};

use crate::clock::CallTimeout;
use crate::{Error, Message, WebSocket};

impl<R: Role> WebSocket<R> {
    /// Waits for the next message as [`recv`](Self::recv) does, but with `limit` in place of the limit of
    /// [`set_recv_timeout`](Self::set_recv_timeout). With a limit of zero, a call takes only input that has
    /// already arrived, at most 64 KiB of it, or of a large binary message as much as earlier calls have taken of it: a
    /// longer message needs several calls.
    ///
    /// ```
    /// # use std::net::{TcpListener, TcpStream};
    /// # use std::time::Duration;
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let address = listener.local_addr()?;
    /// # let server = std::thread::spawn(move || ws_std::accept(listener.accept()?.0));
    /// let mut ws = ws_std::connect(&format!("ws://{address}/"))?;
    /// match ws.recv_timeout(Duration::from_millis(10)) {
    ///     Ok(Some(message)) => println!("{message:?}"),
    ///     Ok(None) => println!("closed: {:?}", ws.close_info()),
    ///     Err(error) if error.is_timeout() => println!("nothing yet"), // call again
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), ws_std::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv). When the time is over, an error for which
    /// [`is_timeout`](Error::is_timeout) is true; the connection continues.
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<Option<Message>, Error> {
        self.recv_within(Some(limit))
    }

    pub(super) fn recv_within(
        &mut self,
        limit: Option<Duration>,
    ) -> Result<Option<Message>, Error> {
        if self.ready_state() == ReadyState::Connecting {
            return Err(SendError::NotOpen.into());
        }
        let mut timeout = CallTimeout::new(limit);
        loop {
            match self.step(&mut timeout)? {
                Some(Step::Message(message)) => return Ok(Some(message)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }
}

/// The messages of a connection until it is closed; see [`WebSocket`]'s `IntoIterator`.
#[derive(Debug)]
pub struct Messages<'a, R: Role = Client>(&'a mut WebSocket<R>);

/// [`WebSocket::recv`] in a loop, which ends when the connection is closed. An error is an item; after one that
/// [`is_timeout`](Error::is_timeout), the iteration can continue.
///
/// ```
/// # use std::net::TcpListener;
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let address = listener.local_addr()?;
/// # let server = std::thread::spawn(move || -> Result<(), ws_std::Error> {
/// #     let mut ws = ws_std::accept(listener.accept()?.0)?;
/// #     ws.send("Hello")?;
/// #     ws.close(None)
/// # });
/// let mut ws = ws_std::connect(&format!("ws://{address}/"))?;
/// for message in &mut ws {
///     println!("{:?}", message?);
/// }
/// println!("{:?}", ws.close_info());
/// # server.join().unwrap()?;
/// # Ok::<(), ws_std::Error>(())
/// ```
impl<'a, R: Role> IntoIterator for &'a mut WebSocket<R> {
    type Item = Result<Message, Error>;
    type IntoIter = Messages<'a, R>;

    fn into_iter(self) -> Messages<'a, R> {
        Messages(self)
    }
}

impl<R: Role> Iterator for Messages<'_, R> {
    type Item = Result<Message, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.recv().transpose()
    }
}
