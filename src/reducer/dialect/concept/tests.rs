use super::*;

#[test]
fn every_name_is_found_and_belongs_to_its_concepts() {
    for (concept, names) in NAMES {
        assert_eq!(concept.keys().len(), names.len());
        for (name, key) in names.iter().zip(concept.keys()) {
            assert_eq!(Key::of(name.as_bytes(), name.as_bytes()), Some(*key), "{name}");
            assert_eq!(Key::named(name), *key);
            assert!(key.concepts().has(concept), "{name}");
        }
    }
}

#[test]
fn what_stands_behind_a_key_does_not_matter() {
    for (_, names) in NAMES {
        for name in names {
            for behind in ["\"", "\":1}", "\":\"0123456789\"", "xxxxxxxxxxxxxxxx"] {
                let on = format!("{name}{behind}");
                assert_eq!(Key::of(name.as_bytes(), on.as_bytes()), Some(Key::named(name)), "{on}");
            }
        }
    }
}

#[test]
fn a_name_that_is_almost_one_is_none() {
    for (_, names) in NAMES {
        for name in names {
            let (cut, _) = name.split_at(name.len() - 1);
            let near =
                [format!("{name}\0"), format!("{name}_"), format!("_{name}"), name.to_uppercase(), cut.to_owned()];
            for near in near.iter().filter(|near| !NAMES.iter().any(|(_, names)| names.contains(&near.as_str()))) {
                assert_eq!(Key::of(near.as_bytes(), near.as_bytes()), None, "{near}");
            }
        }
    }
    for unknown in ["", "x", "unknown", "total_in_and_out_tokens", "parent_spam_id"] {
        assert_eq!(Key::of(unknown.as_bytes(), unknown.as_bytes()), None, "{unknown}");
    }
}
