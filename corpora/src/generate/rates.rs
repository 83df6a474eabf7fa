//! How often the rules are broken.

use super::random::Fault;

/// How often each rule of `rules/omnicart.yaml` is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rates {
    /// As in the incident: each rule at a small rate of its own, but every retried charge from the deploy on.
    #[default]
    Incident,
    /// Each rule by this many of a million traces, all the time: the deploy breaks nothing.
    Each(u32),
}

impl Rates {
    /// A fault that strikes once in `usual` opportunities in the incident; of a million traces, `chances` have an
    /// opportunity.
    pub(super) fn fault(self, usual: u64, chances: u64) -> Fault {
        match self {
            Self::Incident => Fault::every(usual),
            Self::Each(0) => Fault::every(u64::MAX),
            Self::Each(rate) => Fault::every((chances / u64::from(rate)).max(1)),
        }
    }

    /// The fault that charges twice, where it is not the deploy that does; `chances` as above.
    pub(super) fn instead_of_deploy(self, chances: u64) -> Option<Fault> {
        (self != Self::Incident).then(|| self.fault(1, chances))
    }
}
