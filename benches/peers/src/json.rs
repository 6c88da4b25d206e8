//! Messages that compress as those of applications do.

/// A message like those of an application, exactly `size` bytes long; those of different seeds differ.
#[must_use]
pub fn json(seed: usize, size: usize) -> String {
    let mut text = String::new();
    let mut state = seed as u64 * 0x9E37_79B9 + 1;
    let mut next = |most: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    const NAMES: [&str; 8] =
        ["ada", "grace", "alan", "edsger", "barbara", "donald", "tony", "niklaus"];
    while text.len() < size {
        text.push_str(&format!(
            "{{\"type\":\"trade\",\"id\":{},\"user\":\"{}\",\"price\":{}.{:02},\"size\":{},\"at\":17{}}},",
            next(1_000_000),
            NAMES[next(8) as usize],
            next(500),
            next(100),
            next(1000),
            next(100_000_000),
        ));
    }
    text.truncate(size);
    text
}
