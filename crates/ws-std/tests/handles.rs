//! B3: the handle of a closed connection holds no descriptor. Alone in its binary, because it counts the
//! descriptors of the process.
#![cfg(target_os = "linux")]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use ws_std::wsproto::{CloseCode, ReadyState};
use ws_std::{
    Decision, Error, Message, ServerOptions, WebSocketConnection, WebSocketServer, connect,
};

const CONNECTIONS: usize = 200;

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Waits for a condition that must become true soon.
fn wait_until(happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_secs(30), "{} descriptors", descriptors());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn handles_of_closed_connections_keep_no_descriptors() -> Result<(), Error> {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?;
    let url = format!("ws://{}/", server.local_addr()?);
    let server = server.spawn(|_: &_, _: &_| {
        Decision::accept(|ws: &WebSocketConnection, message: Message| {
            ws.send(message).expect("open");
        })
    })?;
    let idle = descriptors();
    // The warden has two descriptors of its own.
    connect(&url)?.wait_closed_after_close()?;
    wait_until(|| descriptors() <= idle + 2);
    let before = descriptors();
    let mut handles = Vec::new();
    for number in 0..CONNECTIONS {
        let mut ws = connect(&url)?;
        ws.send("sync")?;
        ws.recv()?;
        handles.push(ws.handle());
        handles.extend(server.handle().connections());
        match number % 3 {
            0 => ws.wait_closed_after_close()?,
            1 => ws.handle().abort(),
            _ => drop(ws),
        }
    }
    // A transport may linger for two seconds.
    wait_until(|| descriptors() <= before);
    for handle in handles {
        // The handler's last call may still run.
        wait_until(|| handle.close_info().is_some());
        assert_eq!(handle.ready_state(), ReadyState::Closed);
        let code = handle.close_info().expect("it is known how").code;
        assert!([CloseCode::NO_STATUS, CloseCode::ABNORMAL].contains(&code), "{code}");
        assert!(handle.peer_addr().is_some());
    }
    server.handle().terminate(None);
    server.join();
    Ok(())
}

trait Close {
    fn wait_closed_after_close(self) -> Result<(), Error>;
}

impl Close for ws_std::WebSocket {
    fn wait_closed_after_close(mut self) -> Result<(), Error> {
        self.close(None)?;
        assert!(self.wait_closed()?.was_clean);
        Ok(())
    }
}
