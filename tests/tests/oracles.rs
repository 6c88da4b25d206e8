//! Compares the engine with other implementations, in memory. `./check oracles` runs more cases, and
//! implementations in other languages.

use std::env;

use conformance::engine;
use conformance::model::{Limits, Role};
use conformance::oracle::{self, Difference, Verdict, compare};
use proptest::collection::vec;
use proptest::prelude::*;
use wsproto_testing::{KEY, Part, part};

/// Returns the number of cases of each comparison: `ORACLE_CASES`, or a few.
fn config() -> ProptestConfig {
    let cases = env::var("ORACLE_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases.unwrap_or(2000))
    }
}

/// Generates whole frames, valid and invalid.
fn parts() -> impl Strategy<Value = Vec<Part>> {
    let whole = part().prop_filter("whole frames", |part| !matches!(part, Part::Noise(_)));
    vec(whole, 0..8)
}

fn check(
    parts: &[Part],
    implementation: fn(Role, &[u8]) -> Verdict,
    known: &[Difference],
) -> Result<(), TestCaseError> {
    // The last run has the wrong masking.
    for (role, key) in [
        (Role::Server, Some(KEY)),
        (Role::Client, None),
        (Role::Server, None),
        (Role::Client, Some(KEY)),
    ] {
        let frames: Vec<u8> = parts.iter().flat_map(|part| part.encode(key)).collect();
        let ours = engine::run(role, &Limits::default(), [&frames[..]]);
        compare(&ours, &implementation(role, &frames), known).map_err(TestCaseError::fail)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn tungstenite_agrees(parts in parts()) {
        check(&parts, oracle::tungstenite, oracle::TUNGSTENITE)?;
    }

    #[test]
    fn tokio_websockets_agrees(parts in parts()) {
        check(&parts, oracle::tokio_websockets, oracle::TOKIO_WEBSOCKETS)?;
    }
}
