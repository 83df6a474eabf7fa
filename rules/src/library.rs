//! The rule library: the files of `playbooks`, `templates` and `cases`, embedded, and how parts of it
//! are named.
//!
//! Where rule files are named, `library:all`, `library:` with a domain or a category, and `library:`
//! with a rule's id name rules of the library.

use std::path::Path;

use crate::model::Rule;

/// What names of rules of the library begin with where rule files are named.
pub const LIBRARY: &str = "library:";

macro_rules! files {
    ($($path:literal)*) => {
        &[$(($path, include_str!(concat!("../", $path)))),*]
    };
}

/// The files by their path in this folder, with what they hold.
pub(crate) const FILES: &[(&str, &str)] = files![
    "playbooks/sre.yaml"
    "playbooks/security.yaml"
    "playbooks/compliance.yaml"
    "playbooks/ai-safety.yaml"
    "playbooks/ecommerce.yaml"
    "playbooks/financial.yaml"
    "templates/authentication.yaml"
    "templates/data-access.yaml"
    "templates/payment.yaml"
    "templates/tenancy.yaml"
    "templates/audit.yaml"
    "templates/ai-agents.yaml"
    "templates/resources.yaml"
    "templates/errors.yaml"
    "cases/case-studies.yaml"
    "cases/examples.yaml"
];

/// What a path names of the library, if it names any of it: the text behind [`LIBRARY`].
pub fn library_part(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix(LIBRARY)
}

impl Rule {
    /// Whether it is of a part of the library: `all`, a domain, a category or its own id.
    pub fn is_of(&self, part: &str) -> bool {
        let listed = |label| self.listed(label).any(|one| one == part);
        part == "all" || self.id == part || listed("domain") || listed("category")
    }

    /// The entries of a label that is a list, such as `domain: "sre, security"`.
    pub fn listed(&self, label: &str) -> impl Iterator<Item = &str> {
        let text = self.labels.get(label).map_or("", String::as_str);
        text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::set::{RuleSet, is_test_file};

    #[test]
    fn every_file_of_the_folders_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = BTreeSet::new();
        for folder in ["playbooks", "templates", "cases"] {
            for entry in walkdir::WalkDir::new(root.join(folder)) {
                let entry = entry.expect("an entry");
                let name = entry.path().strip_prefix(root).expect("it is below").display();
                if entry.file_type().is_file() && !is_test_file(entry.path()) {
                    found.insert(name.to_string());
                }
            }
        }
        let embedded: BTreeSet<_> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(embedded, found);
    }

    #[test]
    fn parts_are_named_by_domain_category_and_id() {
        let all = RuleSet::library();
        assert_eq!((all.errors(), all.diagnostics().count()), (0, 0), "{}", all.render(false));
        assert!(all.rules.len() > 150, "{} rules", all.rules.len());
        let of = |parts: &[&str]| {
            let names = parts.iter().map(|part| format!("{LIBRARY}{part}"));
            let set = RuleSet::from_paths(names).expect("the library is there");
            assert_eq!(set.errors(), 0, "{}", set.render(false));
            set.rules.len()
        };
        assert_eq!(of(&["all"]), all.rules.len());
        assert_eq!(of(&["ecommerce", "all", "payment"]), all.rules.len());
        assert_eq!(of(&["charge-needs-reservation"]), 1);
        let [shop, payment, both] =
            [&["ecommerce"][..], &["payment"], &["ecommerce", "payment"]].map(of);
        assert!(shop > 10 && payment > 10 && both < shop + payment, "{shop} {payment} {both}");
        let error = RuleSet::from_paths(["library:ecomerce"]).expect_err("there is no such part");
        assert!(error.to_string().contains("`ecomerce`"), "{error}");
        assert!(error.to_string().contains("ecommerce"), "{error}");
    }

    #[test]
    fn the_text_of_a_rule_is_a_rule_file() {
        let all = RuleSet::library();
        for rule in &all.rules {
            let text = format!("rules:\n{}\n", all.text_of(rule));
            let alone = RuleSet::from_text("alone.yaml", &text);
            assert_eq!(alone.diagnostics().count(), 0, "{}", alone.render(false));
            let [copy] = &alone.rules[..] else { panic!("{} rules of {text}", alone.rules.len()) };
            assert_eq!((&copy.id, &copy.statement), (&rule.id, &rule.statement));
            assert_eq!((&copy.params, &copy.annotations), (&rule.params, &rule.annotations));
        }
        let file = "rules:\n- id: a\n  severity: low\n\n  invariant: |\n    a\n   \n# Next.\n- id: b\n  \
            severity: low\n  invariant: b\nalerts:\n- rule_id: a\n";
        let set = RuleSet::from_text("two.yaml", file);
        let texts: Vec<_> = set.rules.iter().map(|rule| set.text_of(rule)).collect();
        let first = "- id: a\n  severity: low\n\n  invariant: |\n    a";
        assert_eq!(texts, [first, "- id: b\n  severity: low\n  invariant: b"]);
    }
}
