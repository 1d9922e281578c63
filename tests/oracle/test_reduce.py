#!/usr/bin/env python3
"""Small logs with the state that the specification says they have, worked out by hand from its text.

    python3 -m unittest discover -s tests/oracle

Every test names its rule.  `e(2, "step.started", step="a")` is an event two seconds after the start; `at(2)` its time.
"""

import hashlib
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import compare  # noqa: E402
import decode  # noqa: E402
import generate  # noqa: E402
import reduce  # noqa: E402


def at(seconds):
    whole, fraction = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"2026-01-01T{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{fraction:06}Z"


def e(seconds, name=None, **fields):
    record = {} if seconds is None else {"ts": at(seconds)}
    if name is not None:
        record["event"] = name
    return json.dumps({**record, **fields}).encode()


def dump(*lines, max_line=1000):
    """The entry of a run whose log has these lines (bytes, each ended by a newline)."""
    return reduce.dump_run("run-1", b"".join(line + b"\n" for line in lines), max_line)


def dump_bytes(data, max_line=1000):
    return reduce.dump_run("run-1", data, max_line)


class Case(unittest.TestCase):
    def has(self, value, **expected):
        """A dumped object has these values."""
        self.assertEqual({key: value[key] for key in expected}, expected)

    def run_has(self, lines, **expected):
        run = dump(*lines)["run"]
        self.has(run, **expected)
        return run

    def evidence(self, lines, **expected):
        self.has(dump(*lines)["run"]["evidence"], **expected)

    def spans(self, lines, *expected, keys="kind id status opened_line closed_line"):
        """The spans, in order, as tuples of some of their values."""
        found = [tuple(span[key] for key in keys.split()) for span in dump(*lines)["spans"]]
        self.assertEqual(found, list(expected))

    def markers(self, lines, *expected, keys="kind id resolution opened_line closed_line"):
        found = [tuple(marker[key] for key in keys.split()) for marker in dump(*lines)["markers"]]
        self.assertEqual(found, list(expected))


class Files(Case):
    """1.1"""

    def keys(self, paths, log_name="run.log"):
        with tempfile.TemporaryDirectory() as home:
            for path in paths:
                full = os.path.join(os.fsencode(home), path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                open(full, "wb").close()
            return [run["key"] for run in reduce.dump_directory(home, log_name)["runs"]]

    def test_1_1_a_run_is_a_directory_at_most_four_deep(self):
        self.assertEqual(self.keys([b"a/run.log", b"a/b/c/d/run.log", b"a/b/c/d/e/run.log"]), ["a", "a/b/c/d"])

    def test_1_1_keys_escape_every_other_byte(self):
        self.assertEqual(self.keys([b"a b%/run.log", "ü~".encode() + b"/x/run.log"]), ["%C3%BC~/x", "a%20b%25"])

    def test_1_1_the_state_directory_itself_is_a_run(self):
        with tempfile.TemporaryDirectory() as home:
            root = os.path.join(home, "my state")
            os.mkdir(root)
            open(os.path.join(root, "run.log"), "wb").close()
            run = reduce.dump_directory(root)["runs"][0]
        self.assertEqual((run["key"], run["run"]["title"], run["run"]["status"]), (".", "my state", None))

    def test_1_1_hidden_directories_are_walked_and_some_are_not(self):
        self.assertEqual(self.keys([b".ralph/run.log", b".git/run.log", b"node_modules/x/run.log", b"target/run.log"]), [".ralph"])

    def test_1_1_with_a_glob_each_file_is_a_run_and_equal_keys_keep_the_extension(self):
        self.assertEqual(
            self.keys([b"a/x.jsonl", b"a/y.log", b"a/y.jsonl", b"z.txt"], "*.[jl]*"), ["a/x", "a/y.jsonl", "a/y.log"]
        )

    def test_1_1_siblings_and_links_are_no_runs(self):
        with tempfile.TemporaryDirectory() as home:
            for name in ("run.log.1", "run.log~", ".run.log.swp"):
                open(os.path.join(home, name), "wb").close()
            os.makedirs(os.path.join(home, "d", "run.log"))
            os.mkdir(os.path.join(home, "l"))
            os.symlink("/dev/zero", os.path.join(home, "l", "run.log"))
            self.assertEqual(reduce.dump_directory(home)["runs"], [])


class Lines(Case):
    """1.2"""

    def kinds(self, *lines, **options):
        """How many lines of each class there are, without those of which there is none."""
        return {kind: n for kind, n in dump(*lines, **options)["lines"].items() if n}

    def test_1_2_each_class(self):
        for line, kind in [
            (b"{}", "event"), (b"  {}\t", "event"), (b"{}{}", "event"), (b"{} \t{}", "event"), (b"\0\0{}", "event"),
            (b"", "blank"), (b" \t", "blank"), (b"\0 \0", "blank"), (b"\x0c", "blank"),
            (b"null", "text"), (b"[{}]", "text"), (b'"{}"', "text"), (b"# c", "text"), (b"\xff", "text"), (b" \0{}", "text"),
            (b"{", "malformed"), (b" {", "malformed"), (b"{}x", "malformed"), (b"{}[]", "malformed"), (b"{}\x0c{}", "malformed"),
            (b'{"a":NaN}', "malformed"), (b'{"a":1e999}', "malformed"), (b'{"a":-1e999}', "malformed"), (b'{"a":1e-999}', "event"),
            (b'{"a":"\xff"}', "malformed"), (b'{"a":"\xed\xa0\x80"}', "malformed"), (b'{"a":"\t"}', "malformed"),
            (b'{"a":1,}', "malformed"), (b"{'a':1}", "malformed"), (b'{"a":01}', "malformed"), (b'{"a":"\\ud800"}', "event"),
            (b'{"a":' + b"9" * 400 + b"}", "malformed"), (b'{"a":"\x7f"}', "event"), (b"{}\0", "malformed"),
        ]:  # fmt: skip
            with self.subTest(line=line[:40]):
                self.assertEqual(self.kinds(line), {kind: 1})

    def test_1_2_depth_128_is_allowed_and_129_is_not(self):
        for depth, kind in ((127, "event"), (128, "malformed")):  # the object itself is 1
            with self.subTest(depth=depth):
                self.assertEqual(self.kinds(b'{"a":' + b"[" * depth + b"]" * depth + b"}"), {kind: 1})
                self.assertEqual(self.kinds(b'{"a":' * depth + b"{}" + b"}" * depth), {kind: 1})

    def test_1_2_oversized_counts_content_only_and_comes_first(self):
        self.assertEqual(self.kinds(b" " * 10, max_line=10), {"blank": 1})
        self.assertEqual(self.kinds(b" " * 11, max_line=10), {"oversized": 1})
        self.assertEqual(self.kinds(b"\0" * 50 + b"{}", max_line=10), {"event": 1})
        data = b"\xef\xbb\xbf" + b"a" * 10 + b"\r\n" + b"a" * 11 + b"\r\n"
        self.assertEqual(dump_bytes(data, 10)["lines"], {"blank": 0, "event": 0, "malformed": 0, "oversized": 1, "text": 1})

    def rows(self, data, *rows):
        text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        self.assertEqual(dump_bytes(data)["events_sha256"], hashlib.sha256(text.encode()).hexdigest())

    def test_1_2_offsets_and_lengths(self):
        none = [None] * 5
        self.rows(b"{}\r\nab\n", [1, 0, 2, "event", *none], [2, 4, 2, "text", *none])
        self.rows(b"\xef\xbb\xbf\0 {} \n", [1, 4, 4, "event", *none])  # without mark and NULs, with white space
        self.rows(b"\n\0\0{} {} \n", [2, 3, 2, "event", *none], [2, 6, 2, "event", *none])  # of the object where glued
        self.rows('{"é":1}{}\n'.encode(), [1, 0, 8, "event", *none], [1, 8, 2, "event", *none])
        self.rows(b"{}\r\r\n", [1, 0, 3, "event", *none])  # one \r

    def test_1_2_a_mark_counts_at_the_start_of_the_file_only(self):
        self.assertEqual(self.kinds(b"\xef\xbb\xbf{}", b"\xef\xbb\xbf{}"), {"event": 1, "text": 1})

    def test_1_2_the_last_of_equal_keys_wins(self):
        self.run_has([b'{"phase":"a","phase":"b","ph\\u0061se":"c"}'], phase="c")

    def test_1_2_a_lone_surrogate_is_u_fffd(self):
        self.run_has([b'{"title":"a\\ud800b\\udc00\\ud83c\\udf89\\ud800\\ud83c\\udf89"}'], title="a\ufffdb\ufffd\U0001f389\ufffd\U0001f389")

    def test_1_2_the_unterminated_tail(self):
        for tail, kind, pending in [
            (b"{}", "event", 0), (b"{} {}\r", "event", 0), (b"{", None, 1), (b"text", None, 4), (b"  ", None, 2),
            (b"{}x", None, 3), (b"\0\0", None, 2), (b"\0{}", "event", 0),
        ]:  # fmt: skip
            with self.subTest(tail=tail):
                found = dump_bytes(b"a\n" + tail)
                self.assertEqual(found["pending_bytes"], pending)
                self.assertEqual(found["lines"]["event"], 1 if kind else 0)
                self.assertEqual(found["lines"]["text"], 1)


class Decoding(Case):
    """1.3"""

    def event(self, **record):
        record = json.loads(json.dumps(record), parse_int=reduce.strictjson.Num, parse_float=reduce.strictjson.Num)
        return decode.Event(record, 1, 0, 0, "event")

    def test_1_3_place_by_place_then_name_by_name(self):
        self.assertEqual(self.event(stage="b", data={"phase": "a"}).phase, "b")
        self.assertEqual(self.event(payload={"phase": "p"}, data={"stage": "d"}).phase, "d")
        self.assertEqual(self.event(body={"payload": {"phase": "p"}}).phase, "p")
        self.assertIsNone(self.event(data={"data": {"phase": "p"}}).phase)
        self.assertEqual(self.event(data=[], payload={"phase": "p"}).phase, "p")

    def test_1_3_wrong_types_are_passed_over(self):
        self.assertEqual(self.event(phase=5, stage="b").phase, "b")
        self.assertEqual(self.event(phase=" \t", stage=None, data={"phase": "d"}).phase, "d")
        self.assertEqual(self.event(step={"id": 1}, step_id="x").step, "x")
        self.assertIsNone(self.event(score="0.5").score)

    def test_1_3_ids_and_counts(self):
        for value, ident in [("a", "a"), (7, "7"), (-7, "-7"), (2**64 - 1, str(2**64 - 1)), (2**64, None), ("", None), (True, None), (1.5, None)]:
            with self.subTest(value=value):
                self.assertEqual(self.event(step=value).step, ident)
        for value, count in [(2, 2), (2.0, 2), (-1, None), (1.5, None), (2**63 - 1, 2**63 - 1), (2**63, None), ("2", None)]:
            with self.subTest(value=value):
                self.assertEqual(self.event(input_tokens=value).usage["tokens_in"][0], count)
        for value, attempt in [("attempt-002", 2), ("3", 3), ("try", None), (4, 4), ("9" * 30, None)]:
            with self.subTest(value=value):
                self.assertEqual(self.event(attempt=value).attempt, attempt)

    def test_1_3_who(self):
        for value, who in [("ana", "ana"), ({"name": "ana", "id": 3}, "ana"), ({"id": 3}, "3"), ({"name": " "}, None), (3, None)]:
            with self.subTest(value=value):
                self.assertEqual(self.event(agent=value).agent, who)

    def test_1_3_event_name(self):
        self.assertEqual(self.event(event="two words", type="run.started").name, "run.started")
        self.assertEqual(self.event(type={"kind": "a.b"}).name, "a.b")
        self.assertEqual(self.event(attributes={"event.name": "x"}).name, "x")
        self.assertIsNone(self.event(data={"event": "x"}).name)
        self.assertIsNone(self.event(event="x" * 121).name)
        self.assertEqual(self.event(event="x" * 120).name, "x" * 120)
        self.assertEqual(self.event(event="two words").message, "two words")

    def test_1_3_levels(self):
        for value, level in [("WARNING", "warn"), ("panic", "error"), ("notice", "info"), (19, "trace"), (20, "debug"), (30, "info"),
                             (40, "warn"), (50, "error"), ("loud", None), ("30", None)]:  # fmt: skip
            with self.subTest(value=value):
                self.assertEqual(self.event(level=value).level, level)
        self.assertEqual(dump(b'{"level":"Err"}', b'{"severity":10}', b'{"severity":11}')["levels"], {"error": 1, "trace": 2})

    def test_1_3_outcome(self):
        for record, outcome in [
            ({"exit_code": 0}, None), ({"exit_code": -1}, "failed"), ({"success": True}, None), ({"ok": False}, "failed"),
            ({"success": True, "is_error": True}, "failed"), ({"outcome": "passed", "exit_code": 1}, "failed"),
            ({"outcome": "pending", "result": "Timed-Out"}, "timed_out"), ({"result": "shipped"}, "completed"), ({"outcome": "running"}, None),
        ]:  # fmt: skip
            with self.subTest(record=record):
                self.assertEqual(self.event(**record).outcome, outcome)

    def test_1_3_durations(self):
        for record, duration in [
            ({"duration_ms": 12.5}, 13), ({"duration_ms": 12.4}, 12), ({"duration_s": 1.5}, 1500), ({"duration_ms": -1, "elapsed_ms": 3}, 3),
            ({"duration_ms": 1e15}, None), ({"duration_ms": 0}, 0), ({"duration_s": 1e12, "data": {"duration_ms": 2}}, 2),
        ]:  # fmt: skip
            with self.subTest(record=record):
                self.assertEqual(self.event(**record).duration_ms, duration)

    def test_1_3_usage_and_claim_and_plan(self):
        event = self.event(usage={"input_tokens": 5, "total_cost_usd": 2}, data={"input_tokens": 7, "output_tokens": 1})
        self.assertEqual(event.usage, {"tokens_in": (5, None), "tokens_out": (1, None), "cost_usd": (None, 2)})
        self.assertEqual(self.event(host="h", pid=12).claim, "h:12")
        self.assertEqual(self.event(host="h", pid=12, data={"claimedBy": "me"}).claim, "me")
        self.assertEqual(self.event(steps=[1, 2, 3]).steps_total, 3)

    def test_1_3_approval_action_is_not_the_name(self):
        self.assertEqual(self.event(action="approval.requested", tool="push").approval["action"], "push")
        self.assertEqual(self.event(event="approval.requested", action="push").approval["action"], "push")

    def test_1_3_error_objects(self):
        self.assertEqual(self.event(error={"message": "m", "type": "T"}, stack="s").error, {"message": "m", "type": "T", "stack": "s"})
        self.assertEqual(self.event(error=True, exception="x").error, {"message": "x", "type": None, "stack": None})

    def test_1_3_names(self):
        for spelt, subject, verb in [
            ("phase.started", "phase", "started"), ("phase_start", "phase", "started"), ("PhaseStarted", "phase", "started"),
            ("PHASE-START", "phase", "started"), ("phases.starts", "phase", "started"), ("started_phase", "phase", "started"),
            ("HTTPRunStarted", "run", "started"), ("agent.step.done", "step", "finished"), ("run.heartbeat", "heartbeat", None),
            ("step.blocked", "stuck", None), ("step.unblocked", "stuck", "cleared"), ("tool_use", "tool", "started"),
            ("tool.output", "tool", "finished"), ("span.use", "span", None), ("run.stopped", "run", "cancelled"),
            ("session.stopped", "session", "finished"), ("step_timed_out", "step", "timed_out"), ("StepTimeout", "step", "timed_out"),
            ("run.cancel", "cancel", None), ("run.cancel_requested", "cancel", "raised"), ("cancel_run", "run", "cancelled"),
            ("step.error", "step", "failed"), ("log.error", "error", None), ("handoff", "handoff", None), ("hello.done", None, "finished"),
            ("start.step.end", "step", "finished"), ("step.started.end", "step", "finished"), ("queued", None, "queued"),
            ("approval_request_denied", "approval", "denied"), ("failure", "error", None),
        ]:  # fmt: skip
            with self.subTest(name=spelt):
                meaning = decode.Meaning(spelt)
                self.assertEqual((meaning.subject, meaning.verb), (subject, verb))

    def test_1_3_needs_human_words(self):
        for spelt, verb in [("take_the_wheel", "raised"), ("NeedsHuman", "raised"), ("agent.human-needed", "raised"),
                            ("needs_human.resolved", "cleared"), ("resolved.needs_human", "raised"), ("needs_human.started", "raised"),
                            ("needs_human.granted", "granted")]:  # fmt: skip
            with self.subTest(name=spelt):
                meaning = decode.Meaning(spelt)
                self.assertEqual((meaning.subject, meaning.verb, meaning.needs_human), ("handoff", verb, True))

    def test_1_4_times(self):
        for value, expected in [
            ("2026-01-01T00:00:02Z", at(2)), ("2026-01-01t02:00:02.5+02:00", at(2.5)), ("2026-01-01 00:00:02,1234567", at(2.123456)),
            ("2025-12-31T19:00:02-0500", at(2)), ("20260101T000002", at(2)), ("20260101-000002", at(2)), ("2026-01-01T00:00:60Z", at(59)),
            (1767225602, at(2)), (1767225602.5, at(2.5)), (1767225602500, at(2.5)), (1767225602000001, at(2.000001)),
            (1767225602000001499, at(2.000001)), (1767225602000001500, at(2.000002)), ("1767225602", at(2)), ("1767225602.25", at(2.25)),
            ("epoch:1767225602", at(2)), ("1989-12-31T23:59:59Z", None), ("2100-01-01T00:00:00Z", None), (5, None), ("soon", None),
            ("2026-02-30T00:00:00Z", None), ("2026-01-01", None), (True, None), ("", None),
        ]:  # fmt: skip
            with self.subTest(value=value):
                self.assertEqual(decode.rfc3339(self.event(ts=value).time), expected)

    def test_1_4_what_is_no_time_gives_way_to_the_next_name(self):
        self.assertEqual(decode.rfc3339(self.event(ts="probe", at=at(3)).time), at(3))
        self.assertEqual(decode.rfc3339(self.event(ts=0, data={"ts": at(3)}).time), at(3))


class Life(Case):
    """Rules 1 to 3"""

    def test_rule_1_counters(self):
        found = dump(e(None, "a"), e(5, "a"), e(3, "b"), b"text", b"", b"{")
        self.has(found, events=5, names={"a": 2, "b": 1}, levels={})
        self.assertEqual(found["lines"], {"blank": 1, "event": 3, "malformed": 1, "oversized": 0, "text": 1})
        self.has(found["run"], first_event_at=at(5))
        self.has(found["run"]["evidence"], first_event_at=2)

    def test_rule_1_names_after_256_are_other(self):
        found = dump(*(e(None, f"n{n}") for n in range(258)), e(None, "n0"))
        self.assertEqual((len(found["names"]), found["names"]["other"], found["names"]["n0"]), (257, 2, 2))

    def test_rule_2_life_never_goes_back(self):
        lines = [e(9), e(3), e(9)]
        self.run_has(lines, last_life_at=at(9))
        self.evidence(lines, last_life_at=1)

    def test_rule_2_heartbeats(self):
        lines = [e(t, "heartbeat") for t in (0, 10, 5, 65, 65, 75, 95)]  # positive: 10, 60, 10, 20
        self.run_has(lines, heartbeats=7, heartbeat_interval_ms=10_000, last_heartbeat_at=at(95))
        self.run_has(lines[:3], last_heartbeat_at=at(5))  # the newest line's, also when it is earlier
        self.run_has(lines[:1], heartbeats=1, heartbeat_interval_ms=None)

    def test_rule_2_only_the_last_64_intervals_count(self):
        times = [0]
        for n in range(100):
            times.append(times[-1] + (1 if n < 68 else 5))  # the last 64: 32 of 1 s, 32 of 5 s; the lower middle is 1 s
        self.run_has([e(t, "heartbeat") for t in times], heartbeat_interval_ms=1000)
        self.run_has([e(t, "heartbeat") for t in times + [times[-1] + 5]], heartbeat_interval_ms=5000)

    def test_rule_3_any_line_makes_it_running(self):
        self.run_has([e(1, "hello")], status="running", started_at=at(1), holder="agent")
        self.run_has([b"text", e(1)], status="running", started_at=None)
        self.run_has([b""], status=None, holder=None)

    def test_rule_3_a_later_queued_takes_the_implied_start_back(self):
        self.run_has([e(1, "hello"), e(2, "run.queued")], status="queued", started_at=None, queued_at=at(2), holder=None)
        self.run_has([e(1, "run.queued")], status="queued", started_at=None, queued_at=at(1), holder=None)
        self.run_has([e(1, "run.started"), e(2, "run.queued")], status="running", started_at=at(1), queued_at=None)

    def test_4_2_a_run_without_an_event(self):
        run = dump()["run"]
        self.has(run, status=None, title="run-1", heartbeats=0, tokens_in=None, evidence={}, steps_done=0)


class Fields(Case):
    """Rule 4"""

    def test_rule_4_whatever_the_event_is_called(self):
        self.run_has(
            [e(1, "hello", phase="x", candidate=3, attempt=2, max_attempts="5", steps_total=4, pass_threshold=8, retry_of="r", claimed_by="me",
               cancel_requested_at=at(9), score=7)],
            phase="x", candidate="3", attempt=2, max_attempts=5, steps_total=4, pass_threshold=8, retry_of="r", claimed_by="me",
            cancel_requested_at=at(9), score=7,
        )  # fmt: skip

    def test_rule_4_title_and_workflow(self):
        lines = [e(1, "hello", title="A", workflow="w"), e(2, "hello", title="B", workflow="v")]
        self.run_has(lines, title="A", workflow="w")
        self.run_has([*lines, e(3, "run.updated", title="C")], title="C", workflow="w")
        run = self.run_has([e(1, "hello", workflow="w")], title="w")
        self.assertNotIn("title", run["evidence"])

    def test_rule_4_attempt_is_not_the_runs_on_span_events(self):
        for name in ("step.x", "session.x", "tool.x", "span.x"):
            with self.subTest(name=name):
                self.run_has([e(1, name, attempt=2, max_attempts=3, score=5)], attempt=None, max_attempts=None, score=None)

    def test_rule_4_deadline_belongs_to_run_or_span(self):
        self.run_has([e(1, "run.started", deadline=at(9), expected_s=2)], deadline=at(9), expected_ms=2000)
        self.run_has([e(1, "hello", expected_ms=-1, expected_s=2)], expected_ms=2000)
        found = dump(e(1, "step.started", step="a", deadline=at(9), expected_ms=5), e(2, "approval.requested", deadline=at(8)))
        self.has(found["run"], deadline=None, expected_ms=None)
        self.has(found["spans"][0], deadline=at(9), expected_ms=5)

    def test_rule_4_inputs_on_run_events_only(self):
        self.run_has([e(1, "run.started", inputs={"b": [1.0, None]}), e(2, "step.started", inputs=5)], inputs={"b": [1.0, None]})

    def test_rule_4_phase_words(self):
        for written, phase in [(" Harden ", "hardening"), ("building", "build"), ("verifying", "verify"), ("VERIFICATION", "verify"), ("Ship It", "ship it")]:
            with self.subTest(written=written):
                self.run_has([e(1, phase=written)], phase=phase, status="running")
        self.run_has([e(1, phase="complete")], phase="done", status="completed")

    def test_rule_4_a_fact_moves_its_line_only_when_it_changes(self):
        self.evidence([e(1, phase="a"), e(2, phase="a"), e(3, phase="b"), e(4, phase="B")], phase=3)

    def test_rule_4_usage_is_added_and_totals_replace(self):
        lines = [e(1, "step.started", step="a", input_tokens=5), e(2, "step.x", step="a", input_tokens=2), e(3, "hello", input_tokens=1)]
        found = dump(*lines)
        self.assertEqual((found["run"]["tokens_in"], found["spans"][0]["tokens_in"]), (8, 7))
        found = dump(*lines, e(4, "step.done", step="a", total_input_tokens=10))
        self.assertEqual((found["run"]["tokens_in"], found["spans"][0]["tokens_in"]), (11, 10))  # the run's by the difference
        found = dump(*lines, e(4, "run.x", step="a", total_input_tokens=10))
        self.assertEqual((found["run"]["tokens_in"], found["spans"][0]["tokens_in"]), (10, 7))  # on a run event the run's
        found = dump(*lines, e(4, "hello", total_input_tokens=3))
        self.assertEqual((found["run"]["tokens_in"], found["spans"][0]["tokens_in"]), (3, 7))  # it names no span

    def test_2_7_usage_of_other_events_finds_its_span(self):
        lines = [e(1, "step.started", step="a"), e(2, "tool.call", span_id="t"), e(3, "session.started", session="z"), e(4, "tool.done", span_id="t")]
        for fields, index in [({"span_id": "t", "step": "a"}, 1), ({"step": "a", "session": "z"}, 0), ({"session": "z"}, 2), ({"span_id": "no", "step": "a"}, 0)]:
            with self.subTest(fields=fields):
                spans = dump(*lines, e(5, "usage", cost_usd=0.5, **fields))["spans"]
                self.assertEqual([span["cost_usd"] for span in spans], [0.5 if n == index else None for n in range(3)])

    def test_2_7_usage_on_retried_goes_to_the_one_it_opens(self):
        spans = dump(e(1, "step.started", step="a"), e(2, "step.retried", step="a", input_tokens=4))["spans"]
        self.assertEqual([span["tokens_in"] for span in spans], [None, 4])


class Values(Case):
    """Rule 5"""

    def test_rule_5_a_different_value_closes_and_opens(self):
        lines = [e(1, phase="a"), e(3, phase="b"), e(4, phase="a")]
        self.spans(lines, ("phase", "a", "completed", 2000, 1), ("phase", "b", "completed", 1000, 1), ("phase", "a", "open", None, 2),
                   keys="kind id status duration_ms attempt")  # fmt: skip
        self.spans([e(1, candidate="x"), e(2, candidate="y")], ("candidate", "x", "superseded", 1, 2), ("candidate", "y", "open", 2, None))
        self.spans([e(1, attempt=1), e(2, attempt=2)], ("attempt", "1", "superseded", 1, 2), ("attempt", "2", "open", 2, None))

    def test_rule_5_started_with_the_same_value_opens_one_when_none_is_open(self):
        lines = [e(1, "phase.started", phase="a"), e(2, "phase.started", phase="a")]
        self.spans(lines, ("phase", "a", "open", 1, None))
        lines += [e(3, "phase.done", phase="a"), e(4, "hello", phase="a"), e(5, "phase.started", phase="a")]
        self.spans(lines, ("phase", "a", "completed", 1, 3), ("phase", "a", "open", 5, None))

    def test_rule_5_an_end_leaves_the_runs_value(self):
        lines = [e(1, "phase.started", phase="a"), e(5, "phase.failed", phase="b", duration_ms=1500)]
        self.run_has(lines, phase="a")
        self.spans(lines, ("phase", "a", "open", at(1), None), ("phase", "b", "failed", at(3.5), at(5)), keys="kind id status started_at ended_at")

    def test_rule_5_a_second_end_opens_nothing(self):
        lines = [e(1, "phase.started", phase="a"), e(2, "phase.done", phase="a"), e(3, "phase.failed", phase="a", score=4)]
        self.spans(lines, ("phase", "a", "completed", 2, 4), keys="kind id status closed_line score")
        lines = [e(1, "phase.done", phase="a"), e(2, "phase.done", phase="a"), e(3, "phase.failed", phase="a")]
        self.spans(lines, ("phase", "a", "completed", 1, 1), ("phase", "a", "completed", 2, 2))  # no start, same verb: another one

    def test_rule_5_a_span_that_was_left_has_had_no_end(self):
        lines = [e(1, phase="a"), e(2, phase="b"), e(3, "phase.done", phase="a")]
        self.spans(lines, ("phase", "a", "completed", 1, 2), ("phase", "b", "open", 2, None), ("phase", "a", "completed", 3, 3))

    def test_rule_5_skipped(self):
        self.spans([e(1, "phase.skipped", phase="a")], ("phase", "a", "skipped", 1, 1))
        self.run_has([e(1, "phase.skipped", phase="a")], phase=None)
        self.spans([e(1, phase="a"), e(2, "phase.skipped", phase="a")], ("phase", "a", "skipped", 1, 2))

    def test_2_7_skipped_again(self):
        self.spans([e(1, "phase.done", phase="a"), e(2, "phase.skipped", phase="a")], ("phase", "a", "completed", 1, 1), ("phase", "a", "skipped", 2, 2))
        self.spans([e(1, "phase.skipped", phase="a"), e(2, "phase.done", phase="a")], ("phase", "a", "skipped", 1, 1))

    def test_rule_5_queued_does_not_set_the_value(self):
        self.run_has([e(1, "phase.queued", phase="a")], phase=None)
        self.spans([e(1, "phase.queued", phase="a")])

    def test_rule_5_done_opens_no_span_and_ends_the_run(self):
        lines = [e(1, phase="a"), e(2, "step.started", step="s", phase="done")]
        self.spans(lines, ("phase", "a", "completed", 1, 2), ("step", "s", "unfinished", 2, 2))
        self.run_has(lines, status="completed", ended_at=at(2), phase="done")

    def test_2_7_phase_finished_done_does_nothing(self):
        lines = [e(1, phase="a"), e(2, "phase.finished", phase="done")]
        self.spans(lines, ("phase", "a", "open", 1, None))
        self.run_has(lines, status="running", phase="a")

    def test_2_7_ends_without_a_value_close_the_open_span(self):
        self.spans([e(1, attempt=1), e(2, "attempt.failed")], ("attempt", "1", "failed", 1, 2))
        self.spans([e(1, "attempt.failed")])

    def test_2_7_a_finished_with_a_status(self):
        for status, expected in [("skip", "skipped"), ("Skipped", "skipped"), ("running", "completed"), ("abort", "cancelled"), ("timeout", "timed_out")]:
            with self.subTest(status=status):
                self.spans([e(1, "phase.finished", phase="a", status=status)], ("a", expected), keys="id status")

    def test_2_7_particulars_come_from_its_own_subject(self):
        lines = [e(1, "step.started", step="s", phase="a", agent="x", score=1), e(2, "phase.progress", phase="a", agent="y", score=2)]
        self.spans(lines[:1], ("phase", None, None), ("step", "x", 1), keys="kind agent score")
        self.spans(lines, ("phase", "y", 2), ("step", "x", 1), keys="kind agent score")
        self.run_has(lines, score=2)

    def test_2_7_attempt_of_a_phase_stays_how_often_it_was_opened(self):
        self.spans([e(1, "phase.started", phase="a", attempt=7)], ("phase", "a", 1), ("attempt", "7", 1), keys="kind id attempt")


class Spans(Case):
    """Rule 6"""

    def test_rule_6_ids(self):
        for name, fields, ident in [
            ("step.started", {"step": "a", "span_id": "b"}, "a"), ("step.started", {"span_id": "b", "step_name": "n"}, "b"),
            ("step.started", {"step_name": "n"}, "n"), ("session.started", {"session": "z", "agent": "x"}, "z"),
            ("session.started", {"agent": "x"}, "x"), ("tool.call", {"id": "i", "tool": "Bash"}, "i"),
            ("tool.call", {"id": "i", "span_id": "b"}, "b"), ("tool.call", {"tool": "Bash"}, "Bash"), ("span.started", {"id": "i"}, None),
        ]:  # fmt: skip
            with self.subTest(name=name, fields=fields):
                self.spans([e(1, name, **fields)], (ident,), keys="id")

    def test_rule_6_start_and_end(self):
        lines = [e(1, "step.started", step="a", step_name="Lint"), e(3.0005, "step.finished", step="a", output=5)]
        self.spans(lines, ("a", "Lint", "completed", 2001, 2, None), keys="id name status duration_ms output_line input_line")
        self.run_has(lines, steps_done=1)

    def test_rule_6_the_logs_duration_wins_and_a_negative_one_is_unknown(self):
        self.spans([e(1, "step.started", step="a"), e(3, "step.done", step="a", duration_ms=5)], (5,), keys="duration_ms")
        self.spans([e(3, "step.started", step="a"), e(1, "step.done", step="a")], (None,), keys="duration_ms")

    def test_rule_6_a_start_under_an_open_id_supersedes(self):
        lines = [e(1, "step.started", step="a"), e(2, "step.started", step="a"), e(3, "step.done", step="a"), e(4, "step.started", step="a")]
        self.spans(lines, ("superseded", 1), ("completed", 2), ("open", 3), keys="status attempt")
        self.run_has(lines, steps_done=0)

    def test_rule_6_without_an_id(self):
        lines = [e(1, "step.started"), e(2, "step.started"), e(3, "step.done")]
        self.spans(lines, ("step", None, "open", 1, None), ("step", None, "completed", 2, 3))
        self.run_has(lines, steps_done=0)
        self.spans([e(1, "step.started", step="a"), e(2, "tool.done"), e(3, "step.done")], ("step", "a", "completed", 1, 3), ("tool", None, "completed", 2, 2))

    def test_rule_6_an_end_with_only_a_name(self):
        lines = [e(1, "tool.call", span_id="t1", tool="Bash"), e(2, "tool.call", span_id="t2", tool="Read"), e(3, "tool.done", tool="Bash")]
        self.spans(lines, ("tool", "t1", "completed", 1, 3), ("tool", "t2", "open", 2, None))

    def test_rule_6_with_only_a_name_open_comes_before_closed(self):
        lines = [e(1, "step.started", span_id="s", step_name="n"), e(2, "step.started", step="s"), e(3, "step.retried", step_name="n"), e(4, "step.done", step="s"),
                 e(5, "step.failed", step_name="s")]  # fmt: skip
        # the name `n` means the first, closed one: nothing is open under it, so its next attempt opens beside the second
        self.spans(lines, ("superseded", 2), ("failed", 5), ("completed", 4), keys="status closed_line")

    def test_rule_6_verbs_and_words_of_an_end(self):
        for verb, fields, status in [
            ("finished", {}, "completed"), ("finished", {"error": "x"}, "failed"), ("finished", {"is_error": True}, "failed"),
            ("finished", {"status": "completed", "error": "x"}, "completed"), ("finished", {"status": "killed"}, "cancelled"),
            ("passed", {"error": "x"}, "completed"), ("failed", {"status": "done"}, "failed"), ("timeout", {}, "timed_out"),
            ("skipped", {}, "skipped"), ("cancelled", {}, "cancelled"), ("finished", {"outcome": "timeout"}, "timed_out"),
        ]:  # fmt: skip
            with self.subTest(verb=verb, fields=fields):
                self.spans([e(1, "step.started", step="a"), e(2, f"step.{verb}", step="a", **fields)], (status,), keys="status")

    def test_rule_6_a_second_end_renews_particulars(self):
        lines = [e(1, "step.started", step="a"), e(2, "step.done", step="a"), e(3, "step.failed", step="a", agent="x", error="e", attempt=4, duration_ms=9)]
        self.spans(lines, ("completed", at(2), 1000, "x", 4, 2), keys="status ended_at duration_ms agent attempt closed_line")
        self.has(dump(*lines)["spans"][0], error={"message": "e", "type": None, "stack": None})

    def test_rule_6_an_end_without_a_start(self):
        self.spans([e(10, "step.done", step="a", duration_s=2)], ("a", at(8), at(10), 2000), keys="id started_at ended_at duration_ms")
        self.spans([e(10, "step.done", step="a")], (None, None), keys="started_at duration_ms")
        lines = [e(1, "step.done", step="a"), e(2, "step.done", step="a"), e(3, "step.failed", step="a")]
        self.spans(lines, ("completed", 1, 1), ("completed", 2, 2), keys="status attempt closed_line")

    def test_2_7_a_computed_start_before_1990_is_unknown(self):
        line = b'{"ts":"1990-01-02T00:00:00Z","event":"step.done","step":"a","duration_s":%d}'
        self.spans([line % 86400], ("1990-01-01T00:00:00.000000Z",), keys="started_at")
        self.spans([line % 86401], (None,), keys="started_at")

    def test_rule_6_retried(self):
        lines = [e(1, "step.started", step="a"), e(2, "step.retry", step="a", error="e", score=3, agent="x")]
        self.spans(lines, ("failed", 1, 3, "x", 2), ("open", 2, None, "x", None), keys="status attempt score agent closed_line")

    def test_2_7_the_attempt_of_retried_is_that_of_the_one_that_closes(self):
        self.spans([e(1, "step.started", step="a"), e(2, "step.retry", step="a", attempt=4)], ("failed", 4), ("open", 5), keys="status attempt")

    def test_2_7_retried_when_nothing_is_open(self):
        lines = [e(1, "step.started", step="a"), e(2, "step.failed", step="a"), e(3, "step.retry", step="a", error="e")]
        self.spans(lines, ("failed", 1, 2, None), ("open", 2, None, None), keys="status attempt closed_line error")

    def test_2_7_particulars_of_a_closed_span_stay(self):
        lines = [e(1, "step.started", step="a"), e(2, "step.progress", step="a", model="m"), e(3, "step.done", step="a"), e(4, "step.progress", step="a", model="n")]
        self.spans(lines, ("m",), keys="model")

    def test_2_7_parent_of_a_session_is_the_parent_session_first(self):
        self.spans([e(1, "session.started", session="z", parent_id="p", parent_session="q")], ("q",), keys="parent")
        self.spans([e(1, "tool.call", span_id="z", parent_id="p", parent_session="q")], ("p",), keys="parent")

    def test_rule_6_other_verbs_open_nothing(self):
        for name in ("step.queued", "step", "step.recorded", "step.asked"):
            with self.subTest(name=name):
                self.assertEqual(dump(e(1, name, step="a"))["spans"], [])


class Markers(Case):
    """Rule 7"""

    def test_rule_7_what_opens(self):
        for name, kinds in [
            ("handoff.requested", ["handoff"]), ("handoff", []), ("handoff.started", []), ("handoff.queued", []), ("stuck", ["stuck"]),
            ("agent.stuck", ["stuck"]), ("question", ["question"]), ("my.question", []), ("question.asked", ["question"]), ("gate", ["approval"]),
            ("approval.pending", ["approval"]), ("approval.state", []), ("queue.added", ["queue"]), ("queue", []), ("needs_human", ["handoff"]),
        ]:  # fmt: skip
            with self.subTest(name=name):
                self.assertEqual([marker["kind"] for marker in dump(e(1, name))["markers"]], kinds)

    def test_rule_7_raised_again_renews_reason_and_parameters(self):
        lines = [e(1, "approval.requested", id="a", reason="r", params={"x": 1}, risk="low"), e(2, "approval.requested", id="a", params={"x": 2})]
        self.markers(lines, ("approval", "a", "r", {"x": 2}, "low", 1, at(1)), keys="kind id reason params risk opened_line opened_at")

    def test_rule_7_what_closes(self):
        for verb, resolution in [("granted", "granted"), ("approved", "granted"), ("rejected", "denied"), ("expired", "expired"), ("resolved", "cleared"),
                                 ("done", "finished"), ("succeeded", "passed"), ("failed", "failed"), ("aborted", "cancelled"), ("timed_out", "timed_out"),
                                 ("skipped", "skipped"), ("retried", None), ("recorded", None)]:  # fmt: skip
            with self.subTest(verb=verb):
                lines = [e(1, "approval.requested", id="a"), e(2, f"approval.{verb}", id="a")]
                self.markers(lines, ("approval", "a", resolution, 1, 2 if resolution else None))

    def test_rule_7_which_one_closes(self):
        raised = [e(1, "approval.requested", id="a"), e(2, "approval.requested", id="b")]
        self.markers([*raised, e(3, "approval.granted")], ("a", None), ("b", None), keys="id resolution")  # two are open, neither is `-`
        self.markers([*raised[:1], e(3, "approval.granted")], ("a", "granted"), keys="id resolution")  # the only open one
        self.markers([*raised[:1], e(3, "approval.granted", id="z")], ("a", "granted"), keys="id resolution")
        answered = [*raised, e(3, "approval.granted", id="a"), e(4, "approval.granted", id="a")]
        self.markers(answered, ("a", "granted"), ("b", None), keys="id resolution")  # an answer repeated
        self.markers([e(1, "approval.requested"), *raised, e(3, "approval.granted")], ("-", "granted"), ("a", None), ("b", None), keys="id resolution")

    def test_rule_7_superseded_by_the_next_phase_attempt_or_run_start(self):
        raised = [e(1, phase="a"), e(2, "question.asked", id="q"), e(3, "stuck"), e(4, "stuck", id="x"), e(5, "approval.requested")]
        for line in (e(6, "phase.started", phase="b"), e(6, "attempt.started", attempt=1), e(6, "run.started"), e(6, "hello", phase="b")):
            with self.subTest(line=line):
                self.markers([*raised, line], ("question", "superseded"), ("stuck", "superseded"), ("stuck", None), ("approval", None), keys="kind resolution")
        self.markers([*raised, e(6, "step.started", step="a")], *[(None,)] * 4, keys="resolution")

    def test_rule_7_needs_human(self):
        raised = [e(1, "run.started"), e(2, "needs_human", reason="captcha", holder="x")]
        self.run_has(raised, status="needs_human", status_reason="captcha", holder="agent")
        lines = [*raised, e(3, "question.asked"), e(4, "needs_human.resolved")]
        self.run_has(lines, status="needs_human")  # a question is open
        self.run_has([*lines, e(5, "question.answered", reason="ok")], status="running", status_reason="ok", started_at=at(1))
        self.run_has([e(1, "run.started"), e(2, "handoff.requested")], status="running")

    def test_rule_7_granted_keeps_a_handoff_open(self):
        raised = [e(1, "handoff.requested"), e(2, "handoff.granted", holder={"name": "ana"})]
        self.run_has(raised, holder="ana")
        self.run_has([raised[0], e(2, "handoff.granted")], holder="human")
        self.markers(raised, ("handoff", "-", None, 1, None))
        self.run_has([*raised, e(3, "wheel.released")], holder="agent")
        self.run_has([e(1, "hello"), e(2, "handoff.granted")], holder="agent")  # only an event

    def test_rule_7_holder_is_nobody_after_the_end(self):
        self.run_has([e(1, "handoff.requested"), e(2, "handoff.granted"), e(3, "run.done")], holder=None)

    def test_rule_7_the_last_closed_makes_a_run_with_a_waiting_status_running(self):
        self.run_has([e(1, "question.asked"), e(2, status="blocked"), e(3, phase="b")], status="running")
        self.run_has([e(1, "stuck"), e(2, status="blocked"), e(3, "unblocked")], status="needs_human")

    def test_2_7_the_span_of_a_marker(self):
        for fields, span in [({"span_id": "t", "step": "a"}, "t"), ({"step": "a", "session": "z"}, "a"), ({"session": "z"}, "z"), ({}, None)]:
            with self.subTest(fields=fields):
                self.markers([e(1, "stuck", message="m", **fields)], (span, None), keys="span reason")


class ArtifactsAndErrors(Case):
    """Rules 8 and 9"""

    def test_rule_8_artifacts(self):
        lines = [e(1, "hello", attempt=2, artifact="a.md", artifacts=["b", {"path": "c", "mime": "x/y"}], step=1), e(2, "hello", artifact="a.md", mime="t/p")]
        found = [tuple(entry.values()) for entry in dump(*lines)["artifacts"]]
        self.assertEqual(found, [("b", None, 2, "1", 1), ("c", "x/y", 2, "1", 1), ("a.md", "t/p", 2, None, 2)])

    def test_1_3_path_counts_on_artifact_events_only(self):
        self.assertEqual([len(dump(e(1, name, path="p"))["artifacts"]) for name in ("artifact.written", "report", "hello")], [1, 1, 0])

    def test_rule_9_what_sets_the_error(self):
        for line, message in [
            (e(1, "hello", error="boom"), "boom"), (e(1, "error", message="m", reason="r"), "m"), (e(1, "error", reason="r"), "r"), (e(1, "error"), "error"),
            (e(1, "hello", level="fatal", message="m"), "m"), (e(1, "step.failed", message="m"), None),
        ]:  # fmt: skip
            with self.subTest(line=line):
                error = dump(line)["run"]["error"]
                self.assertEqual(error and error["message"], message)

    def test_rule_9_the_newest_wins_also_after_the_end(self):
        lines = [e(1, "hello", error="a"), e(2, "run.done"), e(3, "hello", error={"message": "b", "stack": "s"})]
        self.run_has(lines, error={"message": "b", "type": None, "stack": "s"}, status="completed")


class RunStatus(Case):
    """Rules 10 and 11"""

    def test_rule_10_verbs(self):
        for name, status in [("run.passed", "completed"), ("run.failed", "failed"), ("run.abort", "cancelled"), ("loop.stop", "cancelled"), ("run.timeout", "timed_out"),
                             ("workflow.completed", "completed"), ("run.skipped", "running"), ("loop.terminate", "completed")]:  # fmt: skip
            with self.subTest(name=name):
                self.run_has([e(1), e(2, name, reason="r")], status=status)

    def test_rule_10_finished(self):
        for fields, status in [
            ({}, "completed"), ({"status": "Timed-Out", "error": "x"}, "timed_out"), ({"status": "running"}, "completed"), ({"exit_code": 1}, "failed"),
            ({"outcome": "aborted"}, "cancelled"), ({"error": "x"}, "failed"), ({"score": 7}, "failed"), ({"score": 8}, "completed"),
            ({"outcome": "ok", "error": "x", "score": 1}, "completed"),
        ]:  # fmt: skip
            with self.subTest(fields=fields):
                self.run_has([e(1, "hello", pass_threshold=8), e(2, "run.finished", **fields)], status=status)

    def test_rule_10_where_the_status_field_counts(self):
        for line, status in [
            (e(2, "run.updated", status="blocked"), "needs_human"), (e(2, "run.recorded", status="blocked"), "running"), (e(2, "job.status", status="done"), "completed"),
            (e(2, "hello", status="done"), "running"), (e(2, status="done"), "completed"), (e(2, status="done", id=5), "running"), (e(2, status="waiting", id=5), "needs_human"),
            (e(2, status="done", run_id="r"), "running"), (e(2, status="done", id=None), "completed"), (e(2, status="done", step="a"), "running"),
            (e(2, status="done", session="a"), "running"), (e(2, "state.changed", status="done", id=5), "completed"), (e(2, "step.state", status="done"), "running"),
            (e(2, status="IN PROGRESS"), "running"), (e(2, status="weird"), "running"), (e(2, status="needs-input"), "needs_human"), (e(2, "my.states", status="fail"), "failed"),
            (e(2, status="done", data={"id": 5}), "completed"),
        ]:  # fmt: skip
            with self.subTest(line=line):
                self.run_has([e(1, "hello"), line], status=status)

    def test_rule_10_a_queued_or_waiting_run_that_starts_something_is_running(self):
        for name, status in [("step.started", "running"), ("phase.started", "running"), ("session.started", "running"), ("tool.started", "queued"), ("hello", "queued")]:
            with self.subTest(name=name):
                self.run_has([e(1, "run.queued"), e(2, name, step="a", session="b", phase=None if name[0] != "p" else "x")], status=status, holder="agent" if status == "running" else None,
                             started_at=at(2) if status == "running" else None)  # fmt: skip
        waiting = [e(1, "run.started"), e(2, status="waiting"), e(3, "approval.requested")]
        self.run_has([*waiting, e(4, "step.started", step="a")], status="needs_human")
        self.run_has([*waiting[:2], e(4, "step.started", step="a")], status="running", started_at=at(1))

    def test_rule_10_cancel(self):
        self.run_has([e(1, "run.cancel_requested")], cancel_requested_at=at(1), status="running")
        self.run_has([e(1, "cancel", cancel_requested_at=at(9)), e(2, "cancel")], cancel_requested_at=at(2))

    def test_2_7_status_reason(self):
        self.run_has([e(1, "run.started", reason="a"), e(2, "hello", reason="b")], status_reason="a")
        self.run_has([e(1, "run.started", reason="a"), e(2, "run.started", reason="b"), e(3, "run.started")], status_reason="b")
        self.run_has([e(1, "run.started", reason="a"), e(2, status="blocked")], status="needs_human", status_reason=None)

    def test_2_7_a_status_word_sets_the_times_when_they_are_empty(self):
        self.run_has([b"text", e(2, status="active")], started_at=at(2))
        self.run_has([e(1, "hello"), e(2, status="pending")], status="queued", queued_at=at(2), started_at=None)
        self.run_has([e(1, "run.queued"), e(2, status="pending")], queued_at=at(1))

    def test_rule_11_an_end_closes_everything(self):
        found = dump(e(1, phase="a"), e(2, "step.started", step="s"), e(3, "stuck"), e(4, "run.failed"))
        self.has(found["run"], status="failed", ended_at=at(4), holder=None)
        self.assertEqual([(s["status"], s["ended_at"]) for s in found["spans"]], [("unfinished", at(4))] * 2)
        self.has(found["markers"][0], resolution="run_ended", closed_line=4, closed_at=at(4))

    def test_rule_11_rule_10_wins_over_done(self):
        self.run_has([e(1, "run.failed", phase="done")], status="failed", phase="done")
        self.run_has([e(1, "run.started", phase="done")], status="running", phase="done")

    def test_rule_11_after_the_end_only_some_rules_apply(self):
        lines = [e(1, phase="a"), e(2, "run.done", reason="r"), e(3, "run.failed", reason="z"), e(4, "hello", phase="b", title="t", artifact="x", input_tokens=3), e(5, "question.asked"),
                 e(6, "tool.started", span_id="t"), e(7, "run.queued"), e(8, status="active"), e(9, "heartbeat")]  # fmt: skip
        found = dump(*lines)
        self.has(found["run"], status="completed", ended_at=at(2), status_reason="r", phase="a", title="run-1", tokens_in=3, last_life_at=at(9), heartbeats=1,
                 last_progress_at=at(2))  # fmt: skip
        self.assertEqual((len(found["spans"]), found["markers"], len(found["artifacts"])), (1, [], 1))

    def test_rule_11_what_opens_the_run_again(self):
        for name, fields, again in [
            ("run.started", {}, True), ("phase.started", {"phase": "b"}, True), ("phase.started", {"phase": "complete"}, False), ("candidate.started", {"candidate": 1}, True),
            ("attempt.started", {"attempt": 1}, True), ("step.started", {"step": 1}, True), ("session.started", {"session": 1}, True), ("tool.started", {"id": 1}, False),
            ("span.started", {"span_id": 1}, False), ("step.retried", {"step": 1}, False), ("run.queued", {}, False), ("hello", {"phase": "b"}, False),
        ]:  # fmt: skip
            with self.subTest(name=name, fields=fields):
                status, ended = ("running", None) if again else ("failed", at(2))
                self.run_has([e(1, "hello"), e(2, "run.failed"), e(3, name, **fields)], status=status, ended_at=ended, holder="agent" if again else None)

    def test_rule_11_reopened_by_the_same_phase(self):
        lines = [e(1, "phase.started", phase="a"), e(2, "run.failed"), e(3, "phase.started", phase="a")]
        self.spans(lines, ("a", "unfinished", 1), ("a", "open", 2), keys="id status attempt")
        self.run_has(lines, started_at=at(1))


class Progress(Case):
    """Rule 12"""

    def progress(self, lines):
        return dump(*lines)["run"]["last_progress_at"]

    def test_rule_12_what_is_progress(self):
        before = [e(1, "run.started", phase="a", artifact="x"), e(2, "step.started", step="s"), e(3, "approval.requested", id="m")]
        for line, moved in [
            (e(9, "step.done", step="s"), True), (e(9, "hello", phase="b"), True), (e(9, "hello", candidate=1), True), (e(9, "hello", attempt=1), True),
            (e(9, "hello", score=1), True), (e(9, "hello", steps_total=1), True), (e(9, "hello", artifact="y"), True), (e(9, "approval.granted"), True),
            (e(9, status="blocked"), True), (e(9, "hello", artifact="x"), False), (e(9, "hello", error="x"), False), (e(9, "heartbeat"), False),
            (e(9, "usage", input_tokens=1), False), (e(9, "approval.requested", id="m", reason="r"), False), (e(9, "run.started", reason="r"), False),
            (e(9, "hello", phase="a"), False), (e(9, "hello", max_attempts=4), False), (e(9, "step.progress", step="s", score=4), False),
        ]:  # fmt: skip
            with self.subTest(line=line):
                self.assertEqual(self.progress([*before, line]), at(9) if moved else at(3))

    def test_rule_12_never_back_and_without_a_time(self):
        self.assertEqual(self.progress([e(9, phase="a"), e(3, phase="b")]), at(9))
        self.assertEqual(self.progress([e(1, phase="a"), e(5, "hello"), e(None, phase="b")]), at(5))

    def test_2_7_the_first_line_is_progress_even_a_heartbeat(self):
        self.assertEqual(self.progress([e(1, "heartbeat"), e(2, "heartbeat")]), at(1))

    def test_rule_12_a_second_end_is_none(self):
        self.assertEqual(self.progress([e(1, "step.started", step="a"), e(2, "step.done", step="a"), e(3, "step.failed", step="a")]), at(2))


class Tools(Case):
    """The generator and the comparer themselves"""

    def test_the_same_seed_gives_the_same_bytes(self):
        for realistic in (False, True):
            self.assertEqual(generate.make_log(5, 1, realistic), generate.make_log(5, 1, realistic))
            self.assertNotEqual(generate.make_log(5, 1, realistic), generate.make_log(5, 2, realistic))

    def test_2_3_every_generated_log_keeps_the_sum_of_its_lines_and_glued_lines_in_order(self):
        for index in range(60):
            log = generate.make_log(3, index)
            found = dump_bytes(log, reduce.MAX_LINE)
            whole = log.count(b"\n") + (1 if not log.endswith(b"\n") and log and not found["pending_bytes"] else 0)
            self.assertEqual(sum(found["lines"].values()), whole)
            ended = found["run"]["status"] in decode.ENDS
            self.assertFalse(ended and any(span["status"] == "open" for span in found["spans"]))
            self.assertFalse(ended and any(marker["closed_line"] is None for marker in found["markers"]))

    def test_differences_name_the_path(self):
        self.assertEqual(compare.differences({"a": [1, {"b": 2.0}]}, {"a": [1, {"b": 2}]}), [])
        self.assertEqual(compare.differences({"a": [1, True]}, {"a": [1, 1]}), [("a[1]", True, 1)])


if __name__ == "__main__":
    unittest.main()
