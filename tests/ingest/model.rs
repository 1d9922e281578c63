//! Random histories of what happens to logs, and after each of them the cache says what the bytes say (spec 2.3, 5.4).

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::support::model::{self, Act};
use super::*;

fn do_act(bench: &mut Bench, act: &Act) {
    model::apply(&bench.state, act);
    match act {
        Act::Restart | Act::Kill => bench.restart(),
        Act::LoseCache => {
            bench.ingest = None;
            bench.store = None;
            fs::remove_dir_all(bench.home.path().join("cache")).expect("rm -r");
            bench.start();
        }
        Act::Look => bench.wait_for_the_truth(),
        _ => {}
    }
}

fn check_model(how: How, cases: u32, acts: usize) {
    let config = Config { cases, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
    let histories = proptest::collection::vec(model::act(), 1..acts);
    let result = TestRunner::new(config).run(&histories, |history| {
        let mut bench = Bench::started(how);
        for act in &history {
            do_act(&mut bench, act);
        }
        bench.wait_for_the_truth();
        // Stop, delete the cache, start: the same (spec 5.4, I3).
        let mut anew = Bench::new(how);
        anew.state.clone_from(&bench.state);
        anew.build(Stage::All);
        prop_assert_eq!(anew.reduced(), Some(truth(&bench.state)));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn whatever_happens_to_logs_the_cache_says_what_the_bytes_say() {
    check_model(How::Watch, 20, 40);
}

#[test]
fn so_it_does_without_a_watcher() {
    check_model(How::Poll, 2, 16);
}
