//! Dialects as data (spec 1.5): every fixture is its own dialect and no other, and the logs that real tools wrote give
//! their facts.

mod support;

use wheelwatch::reducer::dialect::Reading;
use wheelwatch::reducer::reduce::Reducer;
use wheelwatch::reducer::run::RunState;

fn reduce(log: &[u8]) -> RunState {
    let mut reducer = Reducer::new(Reading::default());
    reducer.push(log, &mut |_| {});
    match reducer.tail() {
        wheelwatch::reducer::reduce::Tail::Provisional(state, _) => *state,
        _ => reducer.state().clone(),
    }
}

#[test]
fn look() {
    let Some(root) = support::real_logs() else { return };
    let mut files = Vec::new();
    fn walk(d: &std::path::Path, files: &mut Vec<std::path::PathBuf>) { for e in std::fs::read_dir(d).unwrap() { let p = e.unwrap().path(); if p.is_dir() { walk(&p, files) } else { files.push(p) } } }
    walk(&root, &mut files);
    files.sort();
    for file in files {
        let state = reduce(&std::fs::read(&file).unwrap());
        println!("{}", file.strip_prefix(&root).unwrap().display());
        println!("   {:?}", state.health.dialects);
        let r = &state.run;
        println!("   status {:?} reason {:?} phase {:?} in {:?} out {:?} cost {:?}", r.status.as_ref().map(|k|&k.value), r.status_reason.as_ref().map(|k|&k.value), r.phase.as_ref().map(|k|&k.value), r.tokens_in.as_ref().map(|k|&k.value), r.tokens_out.as_ref().map(|k|&k.value), r.cost_usd.as_ref().map(|k|&k.value));
        let mut kinds = std::collections::BTreeMap::new();
        for s in &state.spans { *kinds.entry(format!("{:?} {:?}", s.kind, s.status)).or_insert(0) += 1; }
        println!("   spans {kinds:?}");
        println!("   markers {:?}", state.markers.iter().map(|m| format!("{:?} {:?} {:?}", m.kind, m.resolution, m.reason.as_deref().map(|r| r.chars().take(40).collect::<String>()))).take(8).collect::<Vec<_>>());
        println!("   health wrong {:?} badtimes {:?} unknown {:?} untimed {:?}", state.health.wrong_types, state.health.bad_times, state.health.unknown_names, state.health.untimed);
        if std::env::var("NAMES").is_ok() { println!("   names {:?}", state.counters.names); }
    }
}
