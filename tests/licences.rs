//! Every dependency's licence, for every platform, is one of those that this project accepts.

use std::path::Path;

use cargo_metadata::{CargoOpt, MetadataCommand, Package};

/// Permissive licences only. A crate under a choice (`MIT OR GPL-3.0`) needs one of these, under several (`AND`) all.
const ACCEPTED: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "NCSA",
    "Unicode-3.0",
    "Zlib",
];

/// The crate, and the workspace of its fuzz targets.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// Crates under MPL-2.0 that ammonia brings: used as they are published, which that licence asks nothing more for.
/// Named one by one, so that no other comes in beside them.
const AS_PUBLISHED: [&str; 2] = ["cssparser", "dtoa-short"];

/// Whether an SPDX expression can be fulfilled with the accepted licences alone; the error says why not.
fn check(licence: Option<&str>) -> Result<(), String> {
    let written = licence.ok_or("no licence is named")?;
    // Old manifests write `MIT/Apache-2.0`, which Cargo's documentation says means OR.
    let expression = written.replace('/', " OR ");
    let expression = spdx::Expression::parse(&expression).map_err(|error| format!("{written:?}: {}", error.reason))?;
    let accepted = |name: &str| ACCEPTED.contains(&name);
    let fulfilled = expression.evaluate(|requirement| match &requirement.license {
        // An exception only ever allows more (`Apache-2.0 WITH LLVM-exception`).
        spdx::LicenseItem::Spdx { id, .. } => accepted(id.name),
        spdx::LicenseItem::Other { .. } => false,
    });
    if fulfilled { Ok(()) } else { Err(format!("{written:?} is not on the list")) }
}

fn packages_of(manifest: &str) -> Vec<Package> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
    let ask = |options: &[&str]| {
        let options = options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>();
        MetadataCommand::new().manifest_path(&manifest).features(CargoOpt::AllFeatures).other_options(options).exec()
    };
    let metadata = ask(&["--locked", "--offline"]).or_else(|_| ask(&["--locked"]));
    metadata.expect("cargo metadata lists all dependencies").packages
}

#[test]
fn every_dependency_has_an_accepted_licence() {
    let packages = MANIFESTS.iter().flat_map(|manifest| packages_of(manifest));
    let packages: Vec<Package> = packages.collect();
    assert!(packages.len() > 50, "only {} packages", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter_map(|package: &Package| {
            let excepted =
                AS_PUBLISHED.contains(&package.name.as_str()) && package.license.as_deref() == Some("MPL-2.0");
            let reason = check(package.license.as_deref()).err().filter(|_| !excepted)?;
            Some(format!("{} {}: {reason}", package.name, package.version))
        })
        .collect();
    assert!(refused.is_empty(), "licences:\n  {}", refused.join("\n  "));
}

#[test]
fn a_choice_needs_one_and_a_sum_needs_all() {
    let cases = [
        (Some("MIT"), true),
        (Some("MIT OR GPL-3.0-only"), true),
        (Some("MIT AND GPL-3.0-only"), false),
        (Some("MIT/Apache-2.0"), true),
        (Some("(MIT OR Apache-2.0) AND Unicode-3.0"), true),
        (Some("(GPL-2.0-only OR AGPL-3.0-only) AND MIT"), false),
        (Some("Apache-2.0 WITH LLVM-exception"), true),
        (Some("GPL-3.0-only"), false),
        (Some("LicenseRef-own"), false),
        (Some("no licence at all"), false),
        (None, false),
    ];
    for (licence, expected) in cases {
        assert_eq!(check(licence).is_ok(), expected, "{licence:?}");
    }
}
