//! How a run ends: the exit status, and one line on standard error.

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use ws_std::rustls::{self, CertificateError};
use ws_std::wsproto::{self, CloseCode, CloseInfo, Initiator, SessionError};
use ws_std::{Error, ProxyError};

use crate::terminal::{printable, tell};

/// The exit status of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// The run did its work; a connection ended with a Close from both ends.
    Clean = 0,
    /// There was no connection: refused, not found, not trusted.
    Refused = 1,
    /// The peer broke a rule, or reports that this end did.
    Protocol = 2,
    /// The connection ended without a Close from the peer, or before all messages came that were asked for; or the
    /// output could not be written.
    Lost = 3,
    /// A time limit has passed.
    Timeout = 4,
    /// The answers differ from the recording.
    Different = 5,
    /// Wrong arguments or input: `EX_USAGE` of `sysexits.h`.
    Usage = 64,
    /// Ctrl-C before there was a connection, or twice: 128 plus the number of SIGINT.
    Interrupted = 130,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Exit {
    pub(crate) status: Status,
    /// The line for standard error, without the name of the program; empty for none.
    pub(crate) line: String,
}

impl Exit {
    pub(crate) fn new(status: Status, line: impl Into<String>) -> Self {
        Self { status, line: line.into() }
    }

    /// Returns a clean end without a line.
    pub(crate) fn clean() -> Self {
        Self::new(Status::Clean, "")
    }

    pub(crate) fn usage(line: impl Into<String>) -> Self {
        Self::new(Status::Usage, line)
    }

    /// Describes an error before or during a connection.
    pub(crate) fn from_error(error: &Error) -> Self {
        let line = match error {
            Error::Http(response) => match response.status() {
                status @ 300..400 => {
                    format!("refused with status {status}, a redirect; --redirects COUNT follows it")
                }
                status => format!("refused with status {status}"),
            },
            Error::Proxy(ProxyError::Refused(response)) if response.status() == 407 => {
                format!("{error}: --proxy http://NAME:PASSWORD@HOST:PORT has credentials")
            }
            Error::Tls(tls) if is_untrusted(tls) => {
                "TLS: the server's certificate is not trusted, and neither is its issuer; --cacert FILE \
                trusts the certificates in a file"
                    .into()
            }
            Error::Session(SessionError::Protocol(violation))
                if violation.error() == wsproto::Error::MessageTooBig =>
            {
                format!("{error}; --max-message allows longer ones")
            }
            error => error.to_string(),
        };
        Self::new(status_of(error), line)
    }

    /// Describes the end of a connection: the code, the reason, and the end that began to close.
    pub(crate) fn from_close(info: &CloseInfo) -> Self {
        let by = match info.initiator {
            Initiator::Local => "by this end",
            Initiator::Remote => "by the peer",
        };
        let status = match info.code {
            // The peer reports that this end broke a rule.
            CloseCode::PROTOCOL_ERROR | CloseCode::INVALID_PAYLOAD => Status::Protocol,
            _ if info.was_clean => Status::Clean,
            _ => Status::Lost,
        };
        let line = match status {
            Status::Lost if info.code == CloseCode::ABNORMAL => {
                format!("lost: the connection ended without a Close ({})", info.code)
            }
            _ => format!("closed {by}: {info}"),
        };
        Self::new(status, line)
    }

    /// Describes output that could not be written; `None` if it was, or if only its reader has gone, as in `ws … | head`.
    pub(crate) fn from_output(written: io::Result<()>) -> Option<Self> {
        let error = written.err().filter(|error| error.kind() != ErrorKind::BrokenPipe)?;
        Some(Self::new(Status::Lost, format!("standard output: {error}")))
    }

    /// Prints the line, and returns the status.
    pub(crate) fn report(self) -> ExitCode {
        if !self.line.is_empty() {
            tell(&format!("ws: {}", printable(&self.line)));
        }
        ExitCode::from(self.status as u8)
    }
}

/// Returns whether no authority answers for a certificate: it is one of its owner, or of an unknown issuer.
fn is_untrusted(error: &io::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    // The outermost error may be a wrapper that gives advice to programmers.
    if let Some(inner) = error.get_ref() {
        source = Some(inner);
    }
    while let Some(error) = source {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return matches!(
                why,
                CertificateError::UnknownIssuer
                    | CertificateError::BadSignature
                    | CertificateError::Other(_)
            );
        }
        source = error.source();
    }
    false
}

fn status_of(error: &Error) -> Status {
    match error {
        Error::Url(_)
        | Error::Option { .. }
        | Error::Offer(_)
        | Error::TlsUnavailable
        | Error::Close(_)
        | Error::ClientCode(_) => Status::Usage,
        Error::Connect { error, .. } if error.kind() == ErrorKind::TimedOut => Status::Timeout,
        Error::Connect { .. }
        | Error::Tls(_)
        | Error::Proxy(_)
        | Error::Http(_)
        | Error::ClientCertificate { .. } => Status::Refused,
        Error::InvalidAnswer { .. } => Status::Protocol,
        Error::Session(error) => match error {
            SessionError::Protocol(_) | SessionError::Request(_) | SessionError::Response(_) => {
                Status::Protocol
            }
            SessionError::HandshakeTimeout
            | SessionError::KeepAliveTimeout
            | SessionError::WriteTimeout
            | SessionError::CloseTimeout => Status::Timeout,
            SessionError::Abandoned => Status::Interrupted,
            _ => Status::Lost,
        },
        _ => Status::Lost,
    }
}

#[cfg(test)]
mod tests {
    use ws_std::wsproto::handshake::Response;

    use super::*;

    fn end(code: u16, was_clean: bool, initiator: Initiator) -> Exit {
        let mut info = CloseInfo::abnormal(initiator);
        (info.code, info.was_clean) = (CloseCode::new(code), was_clean);
        info.sent = was_clean.then_some(info.code);
        Exit::from_close(&info)
    }

    #[test]
    fn ends_are_told_in_one_line() {
        let exit = end(1000, true, Initiator::Local);
        assert_eq!(exit, Exit::new(Status::Clean, "closed by this end: 1000 Normal Closure"));
        let exit = end(1001, true, Initiator::Remote);
        assert_eq!(exit, Exit::new(Status::Clean, "closed by the peer: 1001 Going Away"));
        assert_eq!(end(1002, true, Initiator::Remote).status, Status::Protocol);
        assert_eq!(end(1007, true, Initiator::Remote).status, Status::Protocol);
        assert_eq!(end(1000, false, Initiator::Remote).status, Status::Lost);
        let exit = end(1006, false, Initiator::Remote);
        assert!(exit.line.starts_with("lost: "), "{}", exit.line);
    }

    #[test]
    fn errors_have_a_status() {
        let connect = |kind: ErrorKind| Error::Connect { to: "host:1".into(), error: kind.into() };
        let cases: [(Error, Status); 8] = [
            (connect(ErrorKind::ConnectionRefused), Status::Refused),
            (connect(ErrorKind::TimedOut), Status::Timeout),
            (Error::Http(Box::new(Response::new(403))), Status::Refused),
            (SessionError::EndOfInput.into(), Status::Lost),
            (SessionError::HandshakeTimeout.into(), Status::Timeout),
            (SessionError::KeepAliveTimeout.into(), Status::Timeout),
            (SessionError::Abandoned.into(), Status::Interrupted),
            (Error::Io(ErrorKind::ConnectionReset.into()), Status::Lost),
        ];
        for (error, status) in cases {
            assert_eq!(Exit::from_error(&error).status, status, "{error}");
        }
    }
}
