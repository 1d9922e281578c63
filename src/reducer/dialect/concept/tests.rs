use super::*;

#[test]
fn every_name_is_found_and_belongs_to_its_concepts() {
    for (concept, names) in NAMES {
        assert_eq!(concept.keys().len(), names.len());
        for (name, key) in names.iter().zip(concept.keys()) {
            assert_eq!(Key::at(name.as_bytes(), 0, name.len()), Some(*key), "{name}");
            assert_eq!(Key::named(name), *key);
            assert!(key.roles().iter().flatten().any(|role| role.concept == concept), "{name}");
        }
    }
}

#[test]
fn what_stands_behind_a_key_does_not_matter() {
    for (_, names) in NAMES {
        for name in names {
            for behind in ["\"", "\":1}", "\":\"0123456789\"", "xxxxxxxxxxxxxxxx"] {
                let on = format!("{{\"{name}{behind}");
                assert_eq!(Key::at(on.as_bytes(), 2, 2 + name.len()), Some(Key::named(name)), "{on}");
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
                assert_eq!(Key::at(near.as_bytes(), 0, near.len()), None, "{near}");
            }
        }
    }
    for unknown in ["", "x", "unknown", "total_in_and_out_tokens", "parent_spam_id"] {
        assert_eq!(Key::at(unknown.as_bytes(), 0, unknown.len()), None, "{unknown}");
    }
}
