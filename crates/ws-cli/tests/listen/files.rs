//! A folder of files beside a socket.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use ws_std::socket2::{Domain, Socket, Type};

use crate::folder::Folder;
use crate::server::{LIMIT, Server};

/// A folder `served` beside a secret.
fn site() -> Folder {
    let folder = Folder::new();
    let served = folder.0.join("served");
    fs::create_dir_all(served.join("sub/.git")).expect("a folder");
    fs::create_dir(served.join("empty")).expect("a folder");
    for (name, text) in [
        ("secret", "secret"),
        ("served/index.html", "<p>front</p>"),
        ("served/a b.txt", "spaces"),
        ("served/data.bin", "\0\u{1}"),
        ("served/.hidden", "secret"),
        ("served/sub/index.html", "<p>sub</p>"),
        ("served/sub/.git/config", "secret"),
    ] {
        fs::write(folder.0.join(name), text).expect("written");
    }
    #[cfg(unix)]
    for (to, name) in [
        ("../secret", "served/out"),
        ("..", "served/up"),
        (".hidden", "served/seen"),
        ("sub", "served/in"),
    ] {
        std::os::unix::fs::symlink(to, folder.0.join(name)).expect("a link");
    }
    folder
}

fn serve(folder: &Folder) -> Server {
    Server::start(&["--static", &folder.0.join("served").display().to_string()])
}

/// Sends a request; returns the status, the head and the body.
fn request(server: &Server, method: &str, target: &str) -> (u16, String, Vec<u8>) {
    let mut tcp = TcpStream::connect(server.address()).expect("it listens");
    tcp.set_read_timeout(Some(LIMIT)).expect("a time");
    let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    tcp.write_all(head.as_bytes()).expect("it reads");
    let mut response = Vec::new();
    tcp.read_to_end(&mut response).expect("it ends");
    let end = response.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let body = response.split_off(end);
    let head = String::from_utf8(response).expect("ASCII");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head, body)
}

#[test]
fn files_are_served_with_their_types() {
    let folder = site();
    let server = serve(&folder);
    for (target, kind, body) in [
        ("/", "text/html; charset=utf-8", "<p>front</p>"),
        ("/index.html", "text/html; charset=utf-8", "<p>front</p>"),
        ("/?query", "text/html; charset=utf-8", "<p>front</p>"),
        ("http://localhost/a%20b.txt", "text/plain; charset=utf-8", "spaces"),
        ("/data.bin", "application/octet-stream", "\0\u{1}"),
        ("/sub/", "text/html; charset=utf-8", "<p>sub</p>"),
    ] {
        let (status, head, got) = request(&server, "GET", target);
        assert_eq!((status, &*got), (200, body.as_bytes()), "{target}");
        assert!(head.contains(&format!("\r\nContent-Type: {kind}\r\n")), "{head}");
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("\r\nX-Content-Type-Options: nosniff\r\n"), "{head}");
        let (status, same, got) = request(&server, "HEAD", target);
        assert_eq!((status, got.len()), (200, 0), "{target}");
        assert!(same.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{same}");
    }
    let (status, head, _) = request(&server, "GET", "/sub");
    assert!(status == 301 && head.contains("\r\nLocation: /sub/\r\n"), "{head}");
}

#[test]
fn nothing_else_is_served() {
    let folder = site();
    let server = serve(&folder);
    for target in [
        "/nothing",
        "/../secret",
        "/%2e%2e/secret",
        "/sub/../../secret",
        "/..%2fsecret",
        "/sub%2findex.html",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/..\\secret",
        "/.hidden",
        "/%2ehidden",
        "/sub/.git/config",
        "/./index.html",
        "/index.html/",
        "/index.html%00",
        "/%ff",
        "/empty/",
        "/out",
        "/up/secret",
        "/seen",
    ] {
        let (status, _, body) = request(&server, "GET", target);
        assert_eq!(status, 404, "{target}");
        assert_eq!(body, b"There is no such file\n", "{target}");
    }
    let (status, head, _) = request(&server, "POST", "/index.html");
    assert!(status == 405 && head.contains("\r\nAllow: GET, HEAD\r\n"), "{head}");
}

#[cfg(unix)]
#[test]
fn links_within_the_folder_are_followed_and_pipes_are_not_opened() {
    let folder = site();
    let pipe = folder.0.join("served/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let server = serve(&folder);
    assert_eq!(request(&server, "GET", "/in/").2, b"<p>sub</p>");
    assert_eq!(request(&server, "GET", "/pipe").0, 404);
    assert_eq!(request(&server, "GET", "/").0, 200);
}

#[test]
fn large_files_are_refused() {
    let folder = site();
    let file = |name: &str, len| {
        let file = File::create(folder.0.join("served").join(name)).expect("created");
        file.set_len(len).expect("the system has sparse files");
    };
    file("fits", 16 << 20);
    file("large", (16 << 20) + 1);
    let server = serve(&folder);
    let (status, _, body) = request(&server, "GET", "/fits");
    assert_eq!((status, body.len()), (200, 16 << 20));
    assert_eq!(request(&server, "GET", "/large").0, 500);
    let error = server.error();
    assert!(error.ends_with("large: it has more than 16 MiB"), "{error}");
}

#[test]
fn too_many_responses_wait() {
    let folder = site();
    let large = File::create(folder.0.join("served/large")).expect("created");
    large.set_len(16 << 20).expect("the system has sparse files");
    let server = serve(&folder);
    let get = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // Clients that read nothing.
    let waiting: Vec<_> = (0..24)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.set_recv_buffer_size(64 << 10).expect("a size");
            let address: SocketAddr = server.address().parse().expect("an address");
            socket.connect(&address.into()).expect("it listens");
            let mut tcp = TcpStream::from(socket);
            tcp.write_all(get).expect("it reads");
            tcp
        })
        .collect();
    let mut statuses = Vec::new();
    for mut tcp in waiting {
        let mut status = [0; 12];
        tcp.read_exact(&mut status).expect("a response");
        statuses.push(status);
    }
    let busy = statuses.iter().filter(|status| *status == b"HTTP/1.1 503").count();
    let served = statuses.iter().filter(|status| *status == b"HTTP/1.1 200").count();
    assert!(busy > 0 && busy + served == 24, "{busy} of 24 are refused");
    assert_eq!(request(&server, "GET", "/").0, 200);
}

#[test]
fn the_socket_beside_broadcasts() {
    let folder = site();
    let server = serve(&folder);
    let (mut anna, mut ben) = (server.connect(""), server.connect("anywhere"));
    anna.send("hi");
    assert_eq!(ben.text(), "hi");
    assert_eq!(request(&server, "GET", "/").0, 200);
    // Without files, a request has no answer but the hint.
    let server = Server::start(&["--echo"]);
    assert_eq!(request(&server, "GET", "/").0, 426);
}
