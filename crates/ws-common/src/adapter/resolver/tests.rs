//! A resolver whose look-ups the tests control.

use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use super::*;

/// The time after which a test counts as hanging.
const LONG: Duration = Duration::from_secs(60);

/// Creates a resolver whose look-ups each wait for a message. Returns it with the names it has begun to look
/// up, and the sender of these messages.
fn held(most: usize, idle: Duration) -> (Resolver, Receiver<String>, mpsc::Sender<()>) {
    let (begun, names) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let resolver = Resolver::new(most, idle, move |host| {
        begun.send(host.to_owned()).expect("the test waits");
        let go = gate.lock().recv_timeout(LONG);
        go.map_err(|_| io::Error::other("never let go"))?;
        match host {
            "unknown" => Err(io::Error::new(io::ErrorKind::NotFound, "unknown")),
            "panic" => panic!("as asked"),
            _ => Ok(vec![([127, 0, 0, 1], 0).into()]),
        }
    });
    (resolver, names, go)
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        thread::yield_now();
    }
}

#[test]
fn many_names_need_few_threads_and_all_are_answered() {
    // L11
    let (resolver, names, go) = held(3, LONG);
    let (sender, results) = mpsc::channel();
    let lookups: Vec<_> = (0..600_u16)
        .map(|number| {
            let sender = sender.clone();
            let done = move |found| sender.send((number, found)).expect("the test waits");
            resolver.resolve(&format!("host-{number}"), number, done).expect("a thread")
        })
        .collect();
    assert_eq!((resolver.threads(), resolver.names()), (3, 600));
    for _ in 0..600 {
        go.send(()).expect("a thread waits");
    }
    for _ in 0..600 {
        let (number, found) = results.recv_timeout(LONG).expect("an answer");
        assert_eq!(found.expect("an address"), [([127, 0, 0, 1], number).into()]);
    }
    assert_eq!(names.try_iter().count(), 600);
    assert_eq!((resolver.threads(), resolver.names()), (3, 0));
    drop(lookups);
}

#[test]
fn one_slow_name_is_looked_up_once_at_a_time_and_holds_up_nobody() {
    // L11
    let (resolver, names, go) = held(2, LONG);
    let (sender, results) = mpsc::channel();
    let ask = |host: &'static str| {
        let sender = sender.clone();
        let done = move |found: Found| sender.send((host, found.is_ok())).expect("it waits");
        resolver.resolve(host, 80, done).expect("a thread")
    };
    let slow: Vec<_> = (0..100).map(|_| ask("slow")).collect();
    let unknown = ask("unknown");
    let mut begun = [names.recv_timeout(LONG), names.recv_timeout(LONG)].map(Result::unwrap);
    begun.sort_unstable();
    assert_eq!(begun, ["slow", "unknown"]);
    go.send(()).expect("a thread waits");
    go.send(()).expect("a thread waits");
    let all: Vec<_> = (0..101).map(|_| results.recv_timeout(LONG).expect("one")).collect();
    assert_eq!(all.iter().filter(|(host, ok)| *host == "slow" && *ok).count(), 100);
    assert!(all.contains(&("unknown", false)));
    assert!(names.try_recv().is_err());
    drop((slow, unknown));
}

#[test]
fn ports_of_one_name_share_a_look_up() {
    let (resolver, names, go) = held(2, LONG);
    let (sender, results) = mpsc::channel();
    let lookups: Vec<_> = [80_u16, 443]
        .map(|port| {
            let sender = sender.clone();
            let done = move |found: Found| sender.send((port, found)).expect("the test waits");
            resolver.resolve("name", port, done).expect("a thread")
        })
        .into();
    assert_eq!(resolver.names(), 1);
    go.send(()).expect("a thread waits");
    for _ in 0..2 {
        let (port, found) = results.recv_timeout(LONG).expect("an answer");
        assert_eq!(found.expect("an address"), [([127, 0, 0, 1], port).into()]);
    }
    assert_eq!(names.try_iter().count(), 1);
    drop(lookups);
}

/// Names without an answer hold up others only if there is one for each thread; then the others wait.
#[test]
fn slow_names_hold_up_others_at_the_bound() {
    // L11
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let resolver = Resolver::new(MOST_THREADS, LONG, move |host| {
        if host.starts_with("slow") {
            gate.lock().recv_timeout(LONG).expect("let go");
        }
        Ok(Vec::new())
    });
    let (sender, results) = mpsc::channel();
    let ask = |host: String| {
        let (sender, name) = (sender.clone(), host.clone());
        let done = move |_| sender.send(name).expect("the test waits");
        resolver.resolve(&host, 80, done).expect("a thread")
    };
    let mut slow: Vec<_> = (1..MOST_THREADS).map(|number| ask(format!("slow-{number}"))).collect();
    let quick = ask("quick".into());
    assert_eq!(results.recv_timeout(LONG).as_deref(), Ok("quick"));
    slow.push(ask("slow-0".into()));
    let late = ask("late".into());
    assert_eq!((resolver.threads(), resolver.names()), (MOST_THREADS, MOST_THREADS + 1));
    go.send(()).expect("a thread waits");
    let next = || results.recv_timeout(LONG).expect("an answer");
    assert!(next().starts_with("slow"));
    assert_eq!(next(), "late");
    (1..MOST_THREADS).for_each(|_| go.send(()).expect("a thread waits"));
    wait_until("all are answered", || resolver.names() == 0);
    drop((slow, quick, late));
}

#[test]
fn who_gives_up_leaves_nothing_behind() {
    // L11
    let (resolver, names, go) = held(1, LONG);
    let nobody = |_| panic!("given up");
    let mark = Arc::new(());
    let first = resolver.resolve("first", 80, nobody).expect("a thread");
    assert_eq!(names.recv_timeout(LONG).as_deref(), Ok("first"));
    let kept = Arc::clone(&mark);
    let second = resolver.resolve("second", 80, move |_| drop(kept)).expect("a thread");
    assert_eq!(resolver.names(), 2);
    drop(second);
    assert_eq!((resolver.names(), Arc::strong_count(&mark)), (1, 1));
    // The first name is being looked up, and no callback is called.
    drop(first);
    go.send(()).expect("a thread waits");
    wait_until("nothing is looked up", || resolver.names() == 0);
    assert!(names.try_recv().is_err());
}

#[test]
fn idle_threads_end_and_others_are_started() {
    // L11
    let (resolver, _names, go) = held(2, Duration::from_millis(1));
    for _ in 0..2 {
        let (sender, results) = mpsc::channel();
        let done = move |found: Found| drop(sender.send(found));
        let lookup = resolver.resolve("name", 80, done).expect("a thread");
        go.send(()).expect("a thread waits");
        assert!(results.recv_timeout(LONG).expect("an answer").is_ok());
        wait_until("no threads", || resolver.threads() == 0);
        drop(lookup);
    }
}

#[test]
fn a_panic_costs_no_thread() {
    let (resolver, _names, go) = held(1, LONG);
    let (sender, results) = mpsc::channel();
    for host in ["panic", "name"] {
        let sender = sender.clone();
        let done = move |found: Found| {
            sender.send(found.is_ok()).expect("the test waits");
            panic!("as the look-up");
        };
        let lookup = resolver.resolve(host, 80, done).expect("a thread");
        go.send(()).expect("a thread waits");
        assert_eq!(results.recv_timeout(LONG), Ok(host == "name"));
        drop(lookup);
    }
    assert_eq!(resolver.threads(), 1);
}

#[test]
fn the_system_knows_localhost() {
    let (sender, results) = mpsc::channel();
    let done = move |found| drop(sender.send(found));
    let _lookup = Resolver::shared().resolve("localhost", 9, done).expect("a thread");
    let found = results.recv_timeout(LONG).expect("an answer").expect("an address");
    assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 9));
}
