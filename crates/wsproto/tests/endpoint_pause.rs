//! M14: an application that pauses what it is given.

use core::time::Duration;

use wsproto::{Advice, Client, Config, Event, KeepAlive, Server, SessionEvent};
use wsproto_testing::{Cuts, End, Node};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Returns how many messages were received.
fn received<R: End>(node: &Node<R>) -> usize {
    node.log.iter().filter(|event| matches!(event, SessionEvent::Received(_))).count()
}

#[test]
fn nothing_is_given_while_it_pauses_and_nothing_is_lost() {
    fn check<R: End>() {
        let mut node = Node::<R>::open(Config::new(), Cuts::every(1 << 20));
        // Pauses at the first of three messages of one read.
        node.app = Box::new(|ws, event, _| {
            if let Some(SessionEvent::Received(Event::Text(text))) = event
                && text == "1"
            {
                ws.pause();
            }
        });
        let mut input = ["1", "2", "3"].map(|text| R::from_peer(0x81, text.as_bytes())).concat();
        node.read(&mut input, ms(1));
        assert_eq!(received(&node), 1);
        assert!(node.endpoint.is_paused() && !node.endpoint.wants_read());
        assert!(!node.endpoint.has_input(), "a loop must not spin");
        assert!(node.endpoint.reclaim().is_none(), "the state is kept");
        // Sending goes on.
        node.endpoint.send_text("meanwhile").expect("open");
        assert!(!node.endpoint.pending().is_empty());
        node.endpoint.resume(ms(2));
        assert!(node.endpoint.has_input());
        node.read(&mut [], ms(2));
        assert_eq!(received(&node), 3);
        assert!(node.endpoint.wants_read() && !node.endpoint.is_paused());
    }
    check::<Server>();
    check::<Client>();
}

#[test]
fn its_memory_can_be_lent_to_others_meanwhile() {
    fn check<R: End>() {
        let open = || Node::<R>::open(Config::new(), Cuts::every(1 << 20));
        let (mut node, mut other) = (open(), open());
        let text = "m".repeat(5000);
        node.endpoint.send_text(&*text).expect("open");
        node.endpoint.pause();
        assert!(node.endpoint.reclaim().is_none(), "the message is unwritten");
        while node.endpoint.unwritten() > 0 {
            let len = node.endpoint.pending().len();
            node.endpoint.wrote(len, ms(1));
        }
        let mut memory = node.endpoint.reclaim();
        assert!(memory.as_ref().is_some_and(|memory| memory.memory() > text.len()));
        assert!(node.endpoint.reclaim().is_none(), "there is no more");
        assert!(node.endpoint.is_paused(), "the state is kept");
        drop(other.endpoint.reclaim());
        other.endpoint.lend(&mut memory);
        assert!(memory.is_none() && !other.endpoint.is_paused());
        node.endpoint.resume(ms(2));
        assert!(node.endpoint.reclaim().is_some(), "there is no state either");
    }
    check::<Server>();
    check::<Client>();
}

#[test]
fn a_keep_alive_does_not_end_it_meanwhile() {
    let keep_alive = KeepAlive::new(ms(500), ms(1000));
    let config = Config::new().keep_alive(Some(keep_alive));
    let mut node = Node::<Server>::open(config, Cuts::every(1 << 20));
    node.endpoint.pause();
    for now in (0..60_000).step_by(100).map(ms) {
        node.endpoint.handle_timeout(now);
        let len = node.endpoint.pending().len();
        node.endpoint.wrote(len, now);
        node.read(&mut [], now);
    }
    assert_eq!(node.closed(), None);
    // The Pong has the full patience once reading goes on.
    node.endpoint.resume(ms(60_000));
    assert_eq!(node.endpoint.deadline(), Some(ms(61_000)));
    node.endpoint.handle_timeout(ms(61_000));
    node.read(&mut [], ms(61_000));
    assert!(node.closed().is_some(), "it never came");
}

#[test]
fn a_close_ends_the_pause() {
    let mut node = Node::<Server>::open(Config::new(), Cuts::every(1 << 20));
    node.endpoint.pause();
    node.read(&mut Server::from_peer(0x81, b"late"), ms(1));
    node.endpoint.close(None, ms(2)).expect("always allowed");
    assert!(node.endpoint.wants_read() || node.endpoint.has_input());
    node.read(&mut Server::from_peer(0x88, b""), ms(3));
    node.endpoint.wrote(usize::MAX, ms(3));
    node.read(&mut [], ms(3));
    assert!(node.closed().is_some_and(|info| info.was_clean));
}

#[test]
fn an_end_behind_the_pause_is_told_after_the_messages() {
    let mut node = Node::<Client>::open(Config::new(), Cuts::every(1 << 20));
    node.endpoint.pause();
    node.read(&mut Client::from_peer(0x81, b"last"), ms(1));
    node.endpoint.end_of_input(ms(2));
    node.read(&mut [], ms(2));
    assert_eq!(node.closed(), None);
    node.endpoint.resume(ms(3));
    node.read(&mut [], ms(3));
    assert_eq!(received(&node), 1);
    assert!(node.closed().is_some());
    assert!(matches!(node.endpoint.advice(), Advice::Drop | Advice::Flush));
}
