//! Faults to plant: changes of a module's meaning that a test of engines must notice.

use ir::Module;
use ir::module::{
    Atom, Comparison, Count, Field, FieldId, Operation, Order, Predicate, PredicateId, Quantity,
    Scalar, Test,
};

/// A change of meaning by name.
pub struct Fault {
    /// What goes wrong.
    pub name: &'static str,
    /// Makes it go wrong wherever it can.
    pub plant: fn(&mut Module),
}

/// Faults of the kinds that engines have.
pub const FAULTS: [Fault; 18] = [
    Fault {
        name: "`<` taken for `<=`",
        plant: |module| tests(module, |test| order(test, Order::Less, Order::LessEqual)),
    },
    Fault {
        name: "`>=` taken for `>`",
        plant: |module| tests(module, |test| order(test, Order::GreaterEqual, Order::Greater)),
    },
    Fault {
        name: "`>` taken for `<`",
        plant: |module| tests(module, |test| order(test, Order::Greater, Order::Less)),
    },
    Fault { name: "a test of a missing field holds", plant: missing_holds },
    Fault {
        name: "`not` forgotten",
        plant: |module| {
            predicates(module, |predicate| {
                if let Predicate::Not(inner) = predicate {
                    *predicate = Predicate::And([*inner].into());
                }
            });
        },
    },
    Fault {
        name: "`and` taken for `or`",
        plant: |module| {
            predicates(module, |predicate| {
                if let Predicate::And(parts) = predicate {
                    *predicate = Predicate::Or(parts.clone());
                }
            });
        },
    },
    Fault {
        name: "the last part of an `or` forgotten",
        plant: |module| {
            predicates(module, |predicate| {
                if let Predicate::Or(parts) = predicate
                    && parts.len() > 1
                {
                    *parts = parts[..parts.len() - 1].into();
                }
            });
        },
    },
    Fault {
        name: "the last constant of `in` forgotten",
        plant: |module| {
            tests(module, |test| {
                if let Test::In(constants) = test
                    && constants.len() > 1
                {
                    *constants = constants[..constants.len() - 1].into();
                }
            });
        },
    },
    Fault {
        name: "a prefix sought anywhere",
        plant: |module| {
            tests(module, |test| {
                if let Test::StartsWith(part) = test {
                    *test = Test::Contains(part.clone());
                }
            });
        },
    },
    Fault {
        name: "a constant off by one",
        plant: |module| {
            tests(module, |test| {
                if let Test::Order(_, Scalar::Int(int)) = test {
                    *int = int.wrapping_add(1);
                }
            });
        },
    },
    Fault {
        name: "equal fields taken for present ones",
        plant: |module| {
            tests(module, |test| {
                if let Test::EqualField(_) = test {
                    *test = Test::Exists;
                }
            });
        },
    },
    Fault {
        name: "the resource forgotten",
        plant: |module| {
            for field in &mut module.fields {
                if let Field::Any(key) = field {
                    *field = Field::Span(key.clone());
                }
            }
        },
    },
    Fault {
        name: "the span's own value forgotten",
        plant: |module| {
            for field in &mut module.fields {
                if let Field::Any(key) = field {
                    *field = Field::Resource(key.clone());
                }
            }
        },
    },
    Fault {
        name: "repeated values counted",
        plant: |module| counts(module, |count| count.distinct = None),
    },
    Fault {
        name: "groups counted together",
        plant: |module| counts(module, |count| count.by = None),
    },
    Fault {
        name: "a window closed at its end",
        plant: |module| {
            counts(module, |count| {
                count.within = count.within.map(|within| within.saturating_add(1));
            });
        },
    },
    Fault {
        name: "counts `!=` taken for `==`",
        plant: |module| {
            for atom in &mut module.atoms {
                if let Atom::Compare(_, comparison @ Comparison::NotEqual, _) = atom {
                    *comparison = Comparison::Equal;
                }
            }
        },
    },
    Fault {
        name: "a wildcard's end not anchored",
        plant: |module| {
            for operation in &mut module.operations {
                if let Operation::Wildcard(pieces) = operation
                    && let Some(last) = pieces.last_mut()
                {
                    *last = "".into();
                } else if let Operation::Named(name) = operation {
                    *operation = Operation::Wildcard([name.clone(), "".into()].into());
                }
            }
        },
    },
];

fn predicates(module: &mut Module, change: impl FnMut(&mut Predicate)) {
    module.predicates.iter_mut().for_each(change);
}

fn tests(module: &mut Module, mut change: impl FnMut(&mut Test)) {
    predicates(module, |predicate| {
        if let Predicate::Test(_, test) = predicate {
            change(test);
        }
    });
}

fn order(test: &mut Test, from: Order, to: Order) {
    if let Test::Order(order, _) | Test::OrderField(order, _) = test
        && *order == from
    {
        *order = to;
    }
}

fn counts(module: &mut Module, mut change: impl FnMut(&mut Count)) {
    for atom in &mut module.atoms {
        let Atom::Compare(left, _, right) = atom else { continue };
        for quantity in [left, right] {
            if let Quantity::Count(count) = quantity {
                change(count);
            }
        }
    }
}

/// Puts `not exists(field) or` before every test; entries move, so their handles are mapped.
fn missing_holds(module: &mut Module) {
    let mut moved: Vec<PredicateId> = Vec::new();
    let mut table: Vec<Predicate> = Vec::new();
    let add = |table: &mut Vec<Predicate>, predicate| {
        table.push(predicate);
        PredicateId::new(table.len() - 1)
    };
    for predicate in std::mem::take(&mut module.predicates) {
        let at = |id: &PredicateId| moved[id.index()];
        let id = match predicate {
            Predicate::Const(_) => add(&mut table, predicate),
            Predicate::Not(inner) => add(&mut table, Predicate::Not(at(&inner))),
            Predicate::And(parts) => {
                add(&mut table, Predicate::And(parts.iter().map(at).collect()))
            }
            Predicate::Or(parts) => add(&mut table, Predicate::Or(parts.iter().map(at).collect())),
            Predicate::Test(field, test) => {
                let exists = add(&mut table, exists(field));
                let missing = add(&mut table, Predicate::Not(exists));
                let test = add(&mut table, Predicate::Test(field, test));
                add(&mut table, Predicate::Or([missing, test].into()))
            }
        };
        moved.push(id);
    }
    module.predicates = table;
    module.sets.iter_mut().for_each(|set| set.predicate = moved[set.predicate.index()]);
}

fn exists(field: FieldId) -> Predicate {
    Predicate::Test(field, Test::Exists)
}
