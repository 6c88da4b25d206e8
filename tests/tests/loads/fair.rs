//! Peers that put load on others.

use std::time::{Duration, Instant};

use conformance::adapters::Adapter;
use conformance::load::{Floods, median_echo};
use ws_common::{RunningServer, ServerOptions};

use crate::support::{Peer, address, echo, end, serve, wait_until};

const SUBSCRIBERS: usize = 1000;
const ROUNDS: usize = 21;

/// Returns the least time from publishing to receipt by all peers: other load on the machine hardly changes it.
fn least_publish(server: &RunningServer, peers: &mut [Peer]) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        assert_eq!(server.handle().publish("news", "it rains").sent, peers.len());
        for peer in &mut *peers {
            assert_eq!(peer.frame(), (0x81, b"it rains".to_vec()));
        }
        begun.elapsed()
    });
    times.min().expect("some rounds")
}

// L3: at most 1.5 times as long, for noise; a wait for the stuck peer would take the whole patience of 10 s.
pub(crate) fn a_stuck_subscriber_costs_others_nothing<S: Adapter>() {
    let server = serve::<S, _>(ServerOptions::new(), || |_: &_, _| {});
    let mut peers: Vec<_> = (0..SUBSCRIBERS).map(|_| Peer::open(address(&server))).collect();
    wait_until("all are open", || server.handle().connections().len() == SUBSCRIBERS);
    for ws in server.handle().connections() {
        ws.subscribe("news").expect("open");
    }
    let without = least_publish(&server, &mut peers);
    let _stuck = Peer::open(address(&server));
    wait_until("all are open", || server.handle().connections().len() == SUBSCRIBERS + 1);
    let stuck = server.handle().connections().pop().expect("the newest");
    stuck.subscribe("news").expect("open");
    stuck.send(vec![7; 32 << 20]).expect("nothing waits yet");
    let with = least_publish(&server, &mut peers);
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    println!("a publish to {SUBSCRIBERS}: {without:?}, with a stuck one {with:?}: {ratio:.2}");
    assert!(ratio < 1.5, "{ratio}");
    end(server);
}

// L5: with three flooding peers, the median echo of others takes at most ten times as long as without.
pub(crate) fn floods_leave_others_their_turn<S: Adapter>() {
    let server = echo::<S>(ServerOptions::new());
    let to = address(&server);
    let idle = median_echo(to, 1000).expect("echoes");
    let floods = Floods::start(to, 3).expect("they are let in");
    wait_until("it floods", || floods.sent() > 10 << 20);
    let flooded = median_echo(to, 1000).expect("echoes");
    let ratio = flooded.as_secs_f64() / idle.as_secs_f64();
    println!("an echo: {idle:?}, with three floods {flooded:?}: {ratio:.1}");
    assert!(ratio <= 10.0, "{ratio}");
    drop(floods);
    end(server);
}
