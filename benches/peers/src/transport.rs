//! The common part of transports in memory.

/// The source of the input of a transport in memory.
pub(crate) trait Source {
    /// Gives what one read gives to a buffer of `most` bytes: nothing at the end, and `None` if more
    /// may come after something was written.
    fn next(&mut self, most: usize) -> Option<&[u8]>;

    /// Keeps whom to wake when that was written.
    fn wait(&mut self, _: &std::task::Waker) {}
}

/// Implements reading and writing, as the standard library, tokio and futures have it, for a type that
/// is a [`Source`] and `Write`.
macro_rules! transport {
    ($type:ty) => {
        impl std::io::Read for $type {
            #[inline]
            fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
                let bytes = self.next(to.len()).ok_or(std::io::ErrorKind::WouldBlock)?;
                to[..bytes.len()].copy_from_slice(bytes);
                Ok(bytes.len())
            }
        }

        impl tokio::io::AsyncRead for $type {
            #[inline]
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                to: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let Some(bytes) = self.next(to.remaining()) else {
                    self.wait(context.waker());
                    return std::task::Poll::Pending;
                };
                to.put_slice(bytes);
                std::task::Poll::Ready(Ok(()))
            }
        }

        impl futures::io::AsyncRead for $type {
            #[inline]
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                to: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let Some(bytes) = self.next(to.len()) else {
                    self.wait(context.waker());
                    return std::task::Poll::Pending;
                };
                to[..bytes.len()].copy_from_slice(bytes);
                std::task::Poll::Ready(Ok(bytes.len()))
            }
        }

        impl tokio::io::AsyncWrite for $type {
            $crate::transport::writes_at_once!();

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }
        }

        impl futures::io::AsyncWrite for $type {
            $crate::transport::writes_at_once!();

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }
        }
    };
}

/// The common part of the two traits of writing.
macro_rules! writes_at_once {
    () => {
        #[inline]
        fn poll_write(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            bytes: &[u8],
        ) -> std::task::Poll<std::io::Result<usize>> {
            std::task::Poll::Ready(std::io::Write::write(&mut *self, bytes))
        }

        #[inline]
        fn poll_write_vectored(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            parts: &[std::io::IoSlice<'_>],
        ) -> std::task::Poll<std::io::Result<usize>> {
            std::task::Poll::Ready(std::io::Write::write_vectored(&mut *self, parts))
        }

        fn poll_flush(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Ok(()))
        }
    };
}

pub(crate) use {transport, writes_at_once};
