//! The corpus against the model, and the format against its documentation.

use super::load;
use super::parse::parse;
use crate::model::{RULES, Role, Seen, run};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
const KEYS: [[u8; 4]; 2] = [[0; 4], [0x9C, 0x27, 0xE1, 0x5B]];

#[test]
fn the_model_agrees_with_every_case() {
    let mut disagreements = Vec::new();
    for case in load(CORPUS) {
        for &role in &case.roles {
            for key in KEYS {
                let outcome = run(role, &case.limits, &case.input(role, key));
                if outcome.events != case.events || outcome.out != case.out {
                    disagreements
                        .push(format!("{}: {} ({role:?}, key {key:02X?})", case.place, case.name));
                }
            }
        }
    }
    assert!(disagreements.is_empty(), "\n{}", disagreements.join("\n"));
}

/// Later bytes do not change earlier events or output.
#[test]
fn every_prefix_of_a_case_has_a_prefix_of_its_outcome() {
    for case in load(CORPUS) {
        for &role in &case.roles {
            let input = case.input(role, KEYS[1]);
            if input.len() > 300 {
                continue;
            }
            for end in 0..input.len() {
                let outcome = run(role, &case.limits, &input[..end]);
                assert!(
                    case.events.starts_with(&outcome.events),
                    "{}: after {end} bytes",
                    case.place
                );
                assert!(case.out.starts_with(&outcome.out), "{}: after {end} bytes", case.place);
            }
        }
    }
}

#[test]
fn every_rule_is_broken_and_no_case_continues_after_the_end() {
    let mut unbroken: Vec<_> = RULES.into_iter().map(|(rule, _)| rule).collect();
    for case in load(CORPUS) {
        let Some((last, before)) = case.events.split_last() else { continue };
        assert!(
            !before.iter().any(|seen| matches!(seen, Seen::Close(_) | Seen::Error { .. })),
            "{}",
            case.place
        );
        if let Seen::Error { rule, .. } = last {
            unbroken.retain(|name| name != rule);
        }
    }
    assert!(unbroken.is_empty(), "no case breaks {unbroken:?}");
}

#[test]
fn every_case_lists_its_rules() {
    let cases = load(CORPUS);
    for case in &cases {
        assert!(!case.proves.is_empty(), "{}", case.place);
        for proof in &case.proves {
            let number = ["R6455-", "AB", "A", "E", "F", "X"]
                .iter()
                .find_map(|list| proof.strip_prefix(list));
            let known =
                number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()));
            assert!(known, "{}: `{proof}`", case.place);
        }
    }
    // The rows of the abuse list that bytes alone can show.
    for row in 1..=34 {
        let row = format!("A{row}");
        assert!(cases.iter().any(|case| case.proves.contains(&row)), "no case proves {row}");
    }
}

#[test]
fn a_case_parses_as_documented() {
    let text = r#"
        # A comment.
        name: one of each
        proves: R6455-5.3-4 A6
        role: both
        limit: message 128
        in: 81 m05 M "a\"\\" FF*2 | 89 m00 M # two frames
        in*2: 8A m00 M
        event: text "a\"\\" "b"*3
        event: text hex E282AC
        event: close 1000 "bye"
        event: close none
        event: error NonMinimalLength 1002
        out*2: 8A 00
    "#;
    let cases = parse("example.txt", text);
    let [case] = cases.as_slice() else { panic!("one case") };
    assert_eq!(case.place, "example.txt:3");
    assert_eq!(case.proves, ["R6455-5.3-4", "A6"]);
    assert_eq!(case.limits.max_message_size, 128);
    assert_eq!(
        case.input(Role::Client, KEYS[1]),
        [0x81, 5, b'a', b'"', b'\\', 0xFF, 0xFF, 0x89, 0, 0x8A, 0, 0x8A, 0]
    );
    assert_eq!(
        case.input(Role::Server, [1, 2, 3, 4])[..17],
        [
            0x81,
            0x85,
            1,
            2,
            3,
            4,
            b'a' ^ 1,
            b'"' ^ 2,
            b'\\' ^ 3,
            0xFF ^ 4,
            0xFF ^ 1,
            0x89,
            0x80,
            1,
            2,
            3,
            4
        ]
    );
    assert_eq!(
        case.events,
        [
            Seen::Text("a\"\\bbb".to_owned()),
            Seen::Text("\u{20AC}".to_owned()),
            Seen::Close(Some((1000, "bye".to_owned()))),
            Seen::Close(None),
            Seen::Error { rule: "NonMinimalLength", close_code: 1002 },
        ]
    );
    assert_eq!(case.out, [0x8A, 0, 0x8A, 0]);
}

#[test]
fn a_malformed_case_is_refused_with_its_location() {
    let whole = "name: n\nproves: A1\nrole: both\n";
    for (line, why) in [
        ("in: 8", "`8` is not hex bytes"),
        ("in: mFF", "`mFF` is not a length byte: the MASK bit is added to 00 to 7F"),
        ("in: \"a", "the quotation does not end"),
        ("in: \"\u{E9}\"", "'\u{E9}' is not printable ASCII: write it in hex"),
        ("in: \"a\"00", "expected a space before `00`"),
        ("in: 00*x", "`x` is not a number in range"),
        ("event: ping M", "`mNN`, `M` and `|` belong in `in:` lines"),
        ("event: error Nothing 1002", "unknown rule `Nothing`"),
        ("limit: depth 3", "unknown limit `depth`"),
        ("role: both", "the field is there twice (is a blank line missing?)"),
        ("nonsense", "expected `field: value`"),
    ] {
        let text = format!("{whole}{line}\n");
        let panic = std::panic::catch_unwind(|| parse("bad.txt", &text)).expect_err(line);
        assert_eq!(panic.downcast_ref::<String>(), Some(&format!("bad.txt:4: {why}")), "{line}");
    }
}
