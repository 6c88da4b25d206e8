//! Verdicts.

/// Whether a server obeys a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Wrong,
    /// Allowed, though most servers do something else.
    Unusual,
    Ok,
    NotApplicable,
}

impl Verdict {
    /// Returns the name in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::Unusual => "unusual",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// A verdict, and a description of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) got: String,
}

impl Judgement {
    pub(super) fn ok(got: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, got: got.into() }
    }

    pub(super) fn unusual(got: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unusual, got: got.into() }
    }

    pub(super) fn wrong(got: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, got: got.into() }
    }

    pub(super) fn not_applicable(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotApplicable, got: why.into() }
    }
}
