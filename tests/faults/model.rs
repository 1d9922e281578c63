//! The model test: random histories of everything that happens to logs, the cache and the process, against what the bytes
//! on disk say after each look.
//!
//! A seed is one history. `WHEELWATCH_MODEL_SEEDS=1000..2000` runs others than the few of every day.

use std::ops::Range;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::house::House;
use crate::size;
use crate::support::model::{self, Act};

fn seeds() -> Range<u64> {
    let Ok(given) = std::env::var("WHEELWATCH_MODEL_SEEDS") else { return 0..size(3, 3_000) };
    let (from, to) = given.split_once("..").expect("WHEELWATCH_MODEL_SEEDS is FROM..TO");
    from.parse().expect("a number")..to.parse().expect("a number")
}

/// With a stranger some logs are unreadable for a while, which root would not notice.
fn play(history: &[Act], with_a_stranger: bool) {
    let mut house = House::new();
    if with_a_stranger {
        house = house.with_a_stranger();
    }
    house.start();
    for act in history {
        model::apply(&house.state, act);
        match act {
            Act::Restart => {
                house.stop();
                house.start();
            }
            Act::Kill => {
                house.kill();
                house.start();
            }
            Act::LoseCache => {
                house.kill();
                house.forget_the_cache();
                house.start();
            }
            Act::Look => drop(house.converge(10)),
            _ => {}
        }
    }
    house.check(10);
}

#[test]
fn t95_whatever_happens_the_dump_says_what_the_bytes_say() {
    for seed in seeds() {
        let config = Config {
            cases: 1,
            max_shrink_iters: 40,
            max_shrink_time: 120_000,
            failure_persistence: None,
            ..Config::default()
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let histories = proptest::collection::vec(model::act(), 10..40);
        let played = TestRunner::new_with_rng(config, rng).run(&histories, |history| {
            play(&history, seed % 2 == 1);
            Ok(())
        });
        played.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}
