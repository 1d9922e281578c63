#!/usr/bin/env python3
"""Random run logs for comparing two reducers: hostile but plausible, the same bytes for the same seed.

    generate.py --seed N --runs M --out DIR [--realistic]

Ids come from small pools so that events hit each other.  `--realistic` plays coherent harness sessions instead.
"""

import argparse
import datetime
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from decode import CONTAINERS, RANKS, STATUSES, VERB_WORDS  # noqa: E402

SUBJECT_WORDS = {}
for _rank in RANKS:
    for _word, _subject in _rank.items():
        SUBJECT_WORDS.setdefault(_subject, []).append(_word)
VERB_LISTS = {verb: words.split() for verb, words in VERB_WORDS.items()}
ALL_WORDS = sorted({word for words in [*SUBJECT_WORDS.values(), *VERB_LISTS.values()] for word in words}) + (
    "call use output stop stopped timed out take the wheel needs human needed status state result HTTPServer Phase URL x".split()
)
START = datetime.datetime(2026, 3, 1, 9, 0, 0, tzinfo=datetime.timezone.utc)

WEIGHTS = {  # how often each subject comes; a profile multiplies some of them
    "phase": 10, "candidate": 4, "attempt": 5, "step": 14, "session": 7, "tool": 8, "span": 5, "run": 5, "handoff": 4,
    "question": 5, "approval": 5, "stuck": 4, "queue": 2, "heartbeat": 4, "usage": 3, "artifact": 3, "score": 2,
    "cancel": 1, "error": 2, "log": 1, None: 8,
}  # fmt: skip
PROFILES = [
    {},
    {"phase": 5, "attempt": 3, "candidate": 3},
    {"step": 4, "tool": 4, "session": 3, "span": 4},
    {"question": 4, "approval": 4, "handoff": 5, "stuck": 4, "queue": 4, "phase": 2},
    {"run": 5, None: 6},
    {"usage": 4, "step": 3, "session": 3},
    {"heartbeat": 8, "artifact": 4, "error": 3},
]
VERBS_OF = {
    "spans": {"started": 8, "finished": 6, "passed": 2, "failed": 3, "skipped": 2, "cancelled": 1, "timed_out": 1,
              "retried": 3, "queued": 1, "recorded": 1, None: 4, "raised": 1},
    "values": {"started": 7, "finished": 5, "passed": 1, "failed": 2, "skipped": 2, "cancelled": 1, "timed_out": 1,
               "queued": 2, "retried": 1, None: 4},
    "markers": {"raised": 8, "granted": 3, "denied": 2, "expired": 1, "cleared": 3, "finished": 2, "started": 2,
                "queued": 1, "failed": 1, "skipped": 1, "cancelled": 1, "passed": 1, None: 5, "recorded": 1},
    "run": {"queued": 4, "started": 5, "finished": 4, "passed": 1, "failed": 2, "cancelled": 1, "timed_out": 1, None: 5,
            "skipped": 1, "raised": 1},
    "other": {None: 6, "recorded": 2, "raised": 1, "finished": 1, "started": 1},
}  # fmt: skip
GROUP = {
    **dict.fromkeys(("step", "session", "tool", "span"), "spans"),
    **dict.fromkeys(("phase", "candidate", "attempt"), "values"),
    **dict.fromkeys(("handoff", "question", "approval", "stuck", "queue"), "markers"),
    "run": "run",
}


class Raw(str):
    """JSON text that is written as it is."""


def encode(value, ascii_only=True, colon=":", comma=","):
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        value = list(value.items())
        return encode_pairs(value, ascii_only, colon, comma)
    if isinstance(value, Pairs):
        return encode_pairs(value, ascii_only, colon, comma)
    if isinstance(value, list):
        return "[" + comma.join(encode(item, ascii_only, colon, comma) for item in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


class Pairs(list):
    """An object with its keys in order, also equal ones."""


def encode_pairs(pairs, ascii_only, colon, comma):
    key = lambda k: str(k) if isinstance(k, Raw) else json.dumps(k, ensure_ascii=ascii_only)  # noqa: E731
    return "{" + comma.join(key(k) + colon + encode(v, ascii_only, colon, comma) for k, v in pairs) + "}"


class Hostile:
    """One random log."""

    def __init__(self, rng):
        self.rng = rng
        self.now = START + datetime.timedelta(seconds=rng.randrange(86400))
        self.ids = ["s1", "s2", "s3"] if rng.random() < 0.7 else [1, 2, "3", 2.0]
        self.profile = rng.choice(PROFILES)
        self.tidy = rng.random() < 0.4  # few wrong types, so that states get deep
        self.ends_often = rng.random() < 0.3

    # ---- small choices

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, *values):
        return self.rng.choice(values)

    def weighted(self, table):
        return self.rng.choices(list(table), list(table.values()))[0]

    # ---- values

    def moment(self):
        """A time in one of the forms of 1.4; the clock mostly goes on."""
        rng = self.rng
        step = rng.choice([0, 0.25, 1, 1, 2, 5, 30, 61.5, 400, 4000, 0.000001])
        if self.chance(0.07):
            step = -rng.choice([1, 60, 7200])
        self.now += datetime.timedelta(seconds=step)
        return self.spelt(self.now)

    def spelt(self, at):
        rng = self.rng
        seconds = (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)
        naive = at.replace(tzinfo=None)
        form = rng.randrange(26) if self.chance(0.5) else 0
        if form <= 4:
            return naive.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if form == 5:
            return naive.strftime("%Y-%m-%dT%H:%M:%SZ")
        if form == 6:
            return naive.strftime("%Y-%m-%d %H:%M:%S")
        if form == 7:
            return naive.strftime("%Y-%m-%dt%H:%M:%S,%f") + "987"
        if form == 8:
            return (naive + datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.%f+02:00")
        if form == 9:
            return (naive - datetime.timedelta(hours=7, minutes=30)).strftime("%Y-%m-%dT%H:%M:%S-0730")
        if form == 10:
            return naive.strftime("%Y%m%dT%H%M%S")
        if form == 11:
            return naive.strftime("%Y%m%d-%H%M%S")
        if form == 12:
            return seconds // 1_000_000
        if form == 13:
            return Raw(f"{seconds // 1_000_000}.{seconds % 1_000_000:06d}")
        if form == 14:
            return seconds // 1000
        if form == 15:
            return seconds
        if form == 16:
            return seconds * 1000 + rng.choice([0, 499, 500, 501, 999])
        if form == 17:
            return str(seconds // 1000)
        if form == 18:
            return f"{seconds // 1_000_000}.{seconds % 1_000_000 // 1000:03d}"
        if form == 19:
            return f"epoch:{seconds // 1_000_000}"
        if form == 20:
            return f"epoch:{seconds // 1000}.5"
        if form == 21:
            return naive.strftime("%Y-%m-%dT%H:%M:60Z")
        if form == 22:
            return naive.strftime("%Y-%m-%dT%H:%M:%S.5z")
        if form == 23:
            return rng.choice(
                ["probe", "", "1969-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "2099-12-31T23:59:59.999999999Z", 0, -5, 12,
                 "1990-01-01T00:00:00Z", "1989-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-01-01", "now", 4e12,
                 "2026-01-01T24:00:00Z", "2026-01-01T10:00Z", "2026-01-01T10:00:00+25:00", True, None, [1], {"t": 1},
                 "2026-01-01T10:00:00.Z", "2026-1-1T10:00:00Z", " 2026-01-01T10:00:00Z", "20260101T100000Z", "9" * 25]
            )  # fmt: skip
        if form == 24:
            return Raw(f"{seconds / 1e6:.7e}")
        return seconds / 1e6

    def word(self):
        return self.pick("a", "boom", "needs work", "Zürich", "日本", "x" * 60, "\u202eevil", "tab\there", "nul\x00", "emoji 🎉")

    def wrong(self):
        """A value that most concepts cannot take."""
        return self.pick(None, True, False, "", "   ", "\u3000", [], {}, [1, "a"], {"a": 1}, 1.5, -1, 0, 2.0, "text", 10**20,
                         Raw("1e3"), Raw("-0"), Raw("1E400") if self.chance(0.02) else 3, 2**63, 2**63 - 1, Raw('"\\ud800"'),
                         Raw("1.0e2"), Raw('"\\ud83c\\udf89"'), Raw('"a\\udfffb"'), -(2**63))  # fmt: skip

    def id_value(self):
        return self.rng.choice(self.ids)

    def status(self):
        word = self.rng.choice(list(STATUSES)) if self.chance(0.6) else self.pick("running", "completed", "failed", "queued")
        if self.chance(0.3):
            word = word.replace("_", self.pick("-", " ", "_"))
        if self.chance(0.2):
            word = self.pick(word.upper(), word.title())
        if self.chance(0.02):
            word = self.pick(f" {word}", f"{word} ", f"{word}\n", f"{word}s")
        return word if self.chance(0.92) else self.pick("skipped", "skip", "weird", "Skipped", "")

    def phase(self):
        usual = ("build", "hardening", "verify", "build", "hardening")
        if self.chance(0.12):
            return self.pick("done", "complete", "completed", "Done ")
        return self.rng.choice(usual) if self.chance(0.75) else self.pick(
            "harden", " Building", "VERIFY", "verification", "verifying", "ship it", "BUILD\n", "Prüfung")  # fmt: skip

    def count(self):
        return self.pick(1, 2, 3, 2.0, 0, 1, 2, 3)

    def attempt(self):
        return self.count() if self.chance(0.7) else self.pick("2", "attempt-002", "try 3", "03", "x", "1/3", "-1", "")

    def cost(self):
        return self.pick(0.25, 0.5, 1, 2.75, 0, 0.125) if self.chance(0.95) else self.pick(0.1, -0.5, 1e-7)

    def tokens(self):
        return self.pick(10, 100, 7, 0, 5.0, 1000)

    def duration(self):
        return self.pick(1500, 0, 12.5, 1234.5, 0.4, 2.5e3, 60000) if self.chance(0.9) else self.pick(-1, 1e15, 999999999999999, 1e300)

    def json_value(self):
        return self.pick({"b": 1, "a": [1, {"z": None}]}, [1, 2], "plain", 5, 1.5, True, {"ä": "ö"}, {}, [], False, 0, "", None,
                         Raw('{"k":1,"k":2}'), Raw('{ "s" : "\\ud800" }'), Raw('[1.0, 1e2, 12345678901234567890]'))  # fmt: skip

    def who(self):
        return self.pick("coder", "reviewer", {"name": "coder"}, {"id": 7}, {"name": "", "id": "r2"}, {"name": 5}, "", {"x": 1})

    def error(self):
        return self.pick("boom", "bang", {"message": "boom", "type": "E", "stack": "at x"}, {"type": "E"}, {"stack": "s"}, {},
                         {"message": ""}, True, None, ["e"], "", {"message": "bang", "stack": 4})  # fmt: skip

    def artifacts(self):
        return self.pick(["out.md", "b.txt"], [{"path": "out.md", "mime": "text/x"}, {"path": "c"}], [], [5, "d"], ["", {"path": ""}],
                         [{"path": "b.txt", "media_type": "a/b"}], "out.md", [5])  # fmt: skip

    # ---- fields: (aliases, value)

    def menu(self):
        """Everything an event may carry: (how often, names, value)."""
        return [
            (6, "phase stage", self.phase),
            (3, "candidate candidate_id candidateId feature_id featureId", lambda: self.pick("c1", "c2", 3, 3.0)),
            (4, "attempt iteration round cycle", self.attempt),
            (2, "max_attempts maxAttempts max_iterations", self.attempt),
            (3, "score final_score finalScore", lambda: self.pick(0.5, 0.9, 8, 1e2, -1)),
            (2, "pass_threshold passThreshold", lambda: self.pick(0.7, 8, 0.5)),
            (6, "step step_id stepId", self.id_value),
            (2, "skill skill_id skillId", lambda: self.pick("lint", "test", 4)),
            (3, "step_name stepName", lambda: self.pick("s1", "Lint", "Test")),
            (5, "span_id spanId tool_use_id tool_call_id", self.id_value),
            (2, "parent_span_id parentSpanId parent_tool_use_id parent_id parent", self.id_value),
            (3, "tool_name toolName tool", lambda: self.pick("Bash", "Read", "s1", "git push")),
            (5, "session session_id sessionId thread_id worker_id workerId", lambda: self.pick("s1", "w2", 2)),
            (1, "parent_session parent_session_id", lambda: self.pick("s1", "w2")),
            (3, "agent agent_name agentName role actor hat", self.who),
            (1, "model", self.who),
            (2, "repo repository", self.who),
            (1, "holder owner", lambda: self.pick("ana", {"name": "bo"}, "agent", 5)),
            (5, "status", self.status),
            (2, "exit_code exitCode", lambda: self.pick(0, 1, -9, 0.0, 1.5, "1", 2.0)),
            (2, "success ok passed", lambda: self.pick(True, False, True, 1, "false")),
            (2, "is_error isError", lambda: self.pick(True, False, "true")),
            (2, "outcome result", self.status),
            (4, "reason status_reason cause", lambda: self.pick("why", "because", "x")),
            (2, "error error_message errorMessage exception", self.error),
            (1, "stack stack_trace stacktrace traceback", lambda: "Traceback\n at y"),
            (4, "duration_ms durationMs elapsed_ms duration_s duration_sec", self.duration),
            (1, "cache", lambda: self.pick("hit", "miss", "HIT", True)),
            (1, "cache_hit cacheHit", lambda: self.pick(True, False, "hit")),
            (2, "input inputs trigger_payload triggerPayload", self.json_value),
            (2, "output outputs", self.json_value),
            (2, "artifact artifact_path report_path path", lambda: self.pick("out.md", "b.txt", " spaced", "ü")),
            (1, "artifacts artifact_paths", self.artifacts),
            (1, "media_type mime", lambda: self.pick("text/plain", "image/png")),
            (4, "item item_id approval_id approvalId interaction_id invocation_id invocationId id", lambda: self.pick("m1", "m2", 1, "s1")),
            (1, "integration", lambda: self.pick("github", "mail")),
            (1, "action", lambda: self.pick("deploy", "phase.started", "merge it")),
            (1, "risk risk_level riskLevel", lambda: self.pick("high", "low", 3)),
            (1, "params", self.json_value),
            (1, "expires_at expiresAt", lambda: self.spelt(self.now + datetime.timedelta(minutes=5))),
            (4, "input_tokens output_tokens total_input_tokens total_output_tokens", self.tokens),
            (2, "cost_usd total_cost_usd", self.cost),
            (2, "usage", lambda: {self.pick("input_tokens", "total_output_tokens", "output_tokens"): self.tokens(), "cost_usd": self.cost()}),
            (1, "claimed_by claimedBy", lambda: self.pick("me", "you")),
            (1, "host", lambda: "box"),
            (1, "pid", lambda: self.pick(12, "13", 1.5)),
            (1, "steps_total stepsTotal", self.count),
            (1, "steps", lambda: self.pick([], [1, 2], "x", {"a": 1})),
            (2, "deadline", lambda: self.spelt(self.now + datetime.timedelta(minutes=self.rng.randrange(60)))),
            (2, "expected_ms expected_s", self.duration),
            (1, "retry_of retryOf", lambda: self.pick("run-1", 5)),
            (1, "cancel_requested_at cancelRequestedAt", lambda: self.spelt(self.now)),
            (2, "message msg summary text description detail", self.word),
            (3, "level severity severityText severity_text", lambda: self.pick(
                "info", "WARN", "error", "Err", "notice", "fatal", "panic", "debug", "trace", "critical", "warning", 10, 20, 29.5, 30,
                40, 50, 60, "verbose", "30", True)),
            (1, "workflow workflow_name workflowName pipeline", lambda: self.pick("wf", "other")),
            (1, "title campaign campaign_name", lambda: self.pick("T", "U", "Ü")),
            (1, "task run_id runId task_id taskId", lambda: self.pick("x", 1, None)),
        ]  # fmt: skip

    def put(self, fields, names, value, always=False):
        """Puts a field under one of its names, sometimes in a container, sometimes with a wrong type before it."""
        key = self.rng.choice(names.split())
        if not self.tidy and not always and self.chance(0.08):
            value = self.wrong()
        if self.chance(0.12):
            container = self.rng.choice(CONTAINERS)
            inner = fields.setdefault(container, {})
            if isinstance(inner, dict):
                if container == "body" and self.chance(0.5):
                    inner = inner.setdefault("payload", {})
                if isinstance(inner, dict):
                    inner[key] = value
            return
        fields[key] = value

    def own_fields(self, fields, subject, verb):
        """The fields that an event of this subject usually has; ids are sometimes left out."""
        if self.chance(0.15):
            return
        if subject == "phase":
            self.put(fields, "phase stage", self.phase())
        elif subject == "candidate":
            self.put(fields, "candidate candidate_id featureId", self.pick("c1", "c2", 3))
        elif subject == "attempt":
            self.put(fields, "attempt iteration", self.attempt())
        elif subject == "step":
            self.put(fields, *self.pick(("step step_id", self.id_value()), ("step", self.id_value()), ("step_name", self.pick("Lint", "s1"))))
        elif subject == "session":
            self.put(fields, *self.pick(("session session_id", self.id_value()), ("agent role", self.who()), ("session", "w2")))
        elif subject == "tool":
            self.put(fields, *self.pick(("span_id tool_use_id", self.id_value()), ("id", self.id_value()), ("tool tool_name", self.pick("Bash", "s1"))))
        elif subject == "span":
            self.put(fields, "span_id spanId", self.id_value())
        elif GROUP.get(subject) == "markers" and self.chance(0.5):
            self.put(fields, "id item approval_id", self.pick("m1", "m2", "m1"))
        elif subject == "artifact":
            self.put(fields, "path artifact", self.pick("out.md", "b.txt"))

    def name(self, subject, verb):
        """A name in some spelling, or a false friend."""
        rng = self.rng
        if self.chance(0.08):  # any words, and what rank, plural and place make of them
            words = [rng.choice(ALL_WORDS) for _ in range(rng.choice([1, 2, 2, 3, 4, 6]))]
            words = [word + self.pick("", "", "", "s", "S", "2") for word in words]
            return "".join(word + self.pick(".", "_", "-", ":", "/", "", "__") for word in words)[:120]
        if subject == "handoff" and self.chance(0.4):
            words = list(rng.choice([["take", "the", "wheel"], ["needs", "human"], ["human", "needed"]]))
            if self.chance(0.3):
                words.insert(0, self.pick("agent", "step", "approval", "resolved"))
        elif subject is None:
            words = self.pick(["status"], ["state", "changed"], ["result"], ["hello"], ["ping", "pong"], ["my", "states"],
                              ["status", "done"], ["x"], ["job", "status"])  # fmt: skip
        else:
            words = [rng.choice(SUBJECT_WORDS[subject])]
        if subject is not None and self.chance(0.1):
            words.insert(0, self.pick("agent", "my", "run", "tool", "x2", "HTTP", "step", "log"))
        if self.chance(0.06) and words:
            words[-1] += "s"
        if verb is not None:
            word = rng.choice(VERB_LISTS[verb])
            if subject == "tool" and self.chance(0.3):
                word = self.pick("call", "use", "output", "result")
            if subject == "run" and verb == "cancelled" and self.chance(0.3):
                word = self.pick("stop", "stopped")
            pair = ["timed", "out"] if verb == "timed_out" and self.chance(0.5) else [word]
            words = words + pair if self.chance(0.85) else pair + words
        if self.chance(0.04):
            words.append(self.pick("v2", "event", "out", "step", "now"))
        style = rng.randrange(9)
        if style == 5:
            return "".join(word.capitalize() for word in words)
        if style == 6:
            return words[0] + "".join(word.capitalize() for word in words[1:])
        if style == 7:
            return "-".join(words).upper()
        return {0: ".", 1: "_", 2: "-", 3: ":", 4: "/", 8: "."}[style].join(words)

    # ---- lines

    def event(self):
        rng = self.rng
        table = {subject: weight * self.profile.get(subject, 1) for subject, weight in WEIGHTS.items()}
        subject = self.weighted(table)
        verbs = dict(VERBS_OF[GROUP.get(subject, "other")])
        if subject == "run" and not self.ends_often:
            for verb in ("finished", "passed", "failed", "cancelled", "timed_out"):
                verbs[verb] *= 0.15
        verb = self.weighted(verbs)
        fields = {}
        if self.chance(0.93):
            key = self.pick("ts", "timestamp", "time", "at", "ts_ms", "created_at", "createdAt", "Time", "finished_at", "started_at")
            self.put(fields, "ts" if self.tidy else key, self.moment(), always=True)
        if subject is None and self.chance(0.3):
            pass
        else:
            key = "event" if self.chance(0.5) else self.pick(
                "event_type", "eventType", "type", "kind", "topic", "action", "Action", "name", "state")  # fmt: skip
            value = self.name(subject, verb)
            if self.chance(0.03):
                value = {self.pick("type", "kind"): value}
            if self.chance(0.02):
                fields["attributes"] = {"event.name": value}
            elif self.chance(0.02):
                fields["event"], fields["type"] = "a message with spaces", value
            else:
                fields[key] = value
        self.own_fields(fields, subject, verb)
        menu = self.menu()
        how_many = rng.choice([0, 0, 1, 1, 2, 2, 3, 4, 6]) if self.tidy else rng.choice([0, 1, 2, 3, 3, 4, 6, 12])
        for _, names, value in rng.choices(menu, [row[0] for row in menu], k=how_many):
            if not self.ends_often and names == "status" and self.chance(0.5):
                self.put(fields, names, self.pick("running", "active", "waiting", "blocked", "queued"))
                continue
            self.put(fields, names, value())
        if self.chance(0.03):  # one level, no deeper; and places that are no object
            inner = {key: value for key, value in fields.items() if self.chance(0.3)}
            fields[rng.choice(CONTAINERS)] = self.pick(
                {rng.choice(CONTAINERS): inner}, {"payload": {"payload": inner}}, [inner], {"usage": inner}, json.dumps(inner), None)  # fmt: skip
        if subject is None and self.chance(0.6):
            fields["status"] = self.status() if self.ends_often else self.pick("running", "waiting", "pending", "needs-input")
        return fields

    def written(self, fields):
        """An object as text, with the liberties that writers take."""
        rng = self.rng
        pairs = Pairs(fields.items())
        if self.chance(0.3):
            rng.shuffle(pairs)
        if pairs and self.chance(0.04):
            pairs.append((rng.choice(pairs)[0], rng.choice([self.wrong(), rng.choice(pairs)[1]])))
        if self.chance(0.01):
            pairs.append((self.pick("data", "body", "usage", "attributes"), self.pick({}, {"phase": "verify"}, {"payload": {"step": "s1"}}, None)))
        if self.chance(0.01):
            pairs.append((Raw('"\\u0070hase"'), "verify"))
        if self.chance(0.01):
            depth = rng.choice([126, 127, 128, 200, 3])
            pairs.append(("deep", Raw("[" * depth + "]" * depth)))
        colon, comma = self.pick((":", ","), (": ", ", "), (" :\t", " , "))
        return encode(pairs, ascii_only=self.chance(0.6), colon=colon, comma=comma)

    def line(self):
        """The bytes of one line, without its end."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.90:
            body = self.written(self.event()).encode("utf-8", "surrogatepass")
        elif kind < 0.93:  # glued
            white = self.pick("", " ", "\t ", "\r")
            body = white.join(self.written(self.event()) for _ in range(rng.choice([2, 2, 3]))).encode()
        elif kind < 0.95:  # torn, spliced, not JSON
            whole = self.written(self.event()).encode()
            cut = rng.randrange(1, max(2, len(whole)))
            body = self.pick(
                whole[:cut], whole[:cut] + whole, whole + b"x", whole + b"[]", whole[:-1] + b",}", b"{'a':1}", b'{"a":NaN}',
                b'{"a":Infinity}', b'{"a":1e999}', b'{"a":01}', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\x01"}', b'{"a":tru}',
                b'{"a":1}\x0c{"b":2}', b'{"a":1}\x00', b"{", b'{"a":.5}', b'{"a":"\\x"}', b'{"a":"\\u12"}', b'{"a":-}', b'{"a" 1}',
                b'{"ts":"2026-03-02T00:00:00Z","event":"step.started","step":"\xc3\x28"}', b"{}{", b'{"a":1}\xef\xbb\xbf', b'{"a":+1}',
            )  # fmt: skip
        elif kind < 0.965:
            body = self.pick(b"", b"   ", b"\t", b"\x00\x00", b" \x00 ", b"\x0c", b"\x0b", b"\r", b"\x00 \r")
        elif kind < 0.99:
            body = self.pick(b"plain text", b"Traceback (most recent call last):", b"# comment", b"[1,2]", b"null", b'"string"', b"42",
                             "Zürich 🎉".encode(), b"\xff\xfe broken", b"\xef\xbb\xbf{}", b"-", b"step.started {\"step\":1}", b" \x00{}",
                             b"\xe2\x80\xa8{}", b"\xc2\xa0{}")  # fmt: skip
        else:
            body = self.pick(b"{}", b"  {}", b'{"":0}', b'{"event":""}', b'\t{"event":"ping"} ', b'{"event":"' + b"x" * 120 + b'"}',
                             b'{"event":"' + b"x" * 121 + b'"}', b'{"type":{"kind":"phase.started"},"phase":"build"}')  # fmt: skip
        if self.chance(0.02):
            body = b"\x00" * rng.randrange(1, 40) + body
        if self.chance(0.02):
            body = self.pick(b" ", b"\t", b"\r", b"  ") + body + self.pick(b"", b" ", b"\t")
        return body

    def log(self):
        rng = self.rng
        ending = self.pick(b"\n", b"\n", b"\n", b"\r\n")
        parts = [b"\xef\xbb\xbf"] if self.chance(0.04) else []
        if self.chance(0.01):  # more names and heartbeats than are kept
            for number in range(rng.choice([255, 256, 257, 300])):
                parts.append(b'{"event":"name.%d"}\n{"event":"heartbeat","ts":%d.%d}\n' % (number, 1780000000 + number * number % 977, number % 7))
                if self.chance(0.05):
                    parts.append(b'{"event":"other"}\n')
        for _ in range(rng.choice([5, 8, 12, 20, 40, 80, 120]) if self.chance(0.8) else rng.randrange(0, 6)):
            parts.append(self.line())
            parts.append(ending if self.chance(0.97) else self.pick(b"\n", b"\r\n", b"\r\r\n"))
        if parts and self.chance(0.25):
            tail = self.written(self.event()).encode()
            parts.append(self.pick(tail, tail + b" ", tail + b"\r", tail[: len(tail) // 2], b"half a text", b"  ", b"\x00\x00", b"{", tail + tail,
                                   b"\x00" + tail, tail + b"x"))  # fmt: skip
        return b"".join(parts)


class Realistic:
    """A coherent session of some harness: runs, phases, attempts, steps with tools, questions, approvals, an end or none."""

    def __init__(self, rng):
        self.rng = rng
        self.now = START + datetime.timedelta(seconds=rng.randrange(10**6))
        self.style = rng.choice(["dot", "snake", "camel", "kebab", "upper"])
        self.key = rng.choice(["event", "type", "kind", "topic"])
        self.clock = rng.choice(["iso", "iso", "s", "ms", "naive", "offset"])
        self.inside = rng.choice([None, None, "data", "payload", "attributes"])
        self.camel_keys = self.style == "camel"
        self.out = []
        self.number = 0

    def say(self, name, **fields):
        self.now += datetime.timedelta(seconds=self.rng.choice([0, 0.5, 1, 3, 20, 90]))
        record = {}
        stamp = self.now.timestamp()
        record[{"s": "time", "ms": "ts_ms"}.get(self.clock, "ts")] = {
            "iso": self.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "s": stamp,
            "ms": int(stamp * 1000),
            "naive": self.now.strftime("%Y-%m-%d %H:%M:%S"),
            "offset": (self.now + datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00"),
        }[self.clock]
        words = name.split(".")
        record[self.key] = {
            "dot": name,
            "snake": "_".join(words),
            "camel": "".join(word.capitalize() for word in name.replace("_", ".").split(".")),
            "kebab": "-".join(words),
            "upper": "_".join(words).upper(),
        }[self.style]
        fields = {key: value for key, value in fields.items() if value is not None}
        if self.inside and fields:
            record[self.inside] = fields
        else:
            record.update(fields)
        self.out.append(json.dumps(record, ensure_ascii=self.rng.random() < 0.5).encode())

    def chance(self, p):
        return self.rng.random() < p

    def usage(self):
        return {"input_tokens": self.rng.randrange(5000), "output_tokens": self.rng.randrange(900), "cost_usd": self.rng.randrange(64) / 64}

    def step(self, phase, attempt):
        rng = self.rng
        self.number += 1
        step = f"step-{self.number}"
        self.say("step.started", step=step, step_name=rng.choice(["Lint", "Test", "Edit"]), skill=rng.choice([None, "tdd"]), phase=phase)
        for call in range(rng.choice([0, 1, 2])):
            tool = f"toolu_{self.number}_{call}"
            self.say("tool.call", tool_use_id=tool, tool_name=rng.choice(["Bash", "Read"]), input={"n": call}, parent_id=step)
            if self.chance(0.95):
                self.say("tool.result", tool_use_id=tool, is_error=self.chance(0.1), duration_ms=rng.randrange(4000))
        if self.chance(0.15):
            self.out.append(rng.choice([b"npm WARN deprecated", b"", b"    at Object.<anonymous> (x.js:1:1)", b"{\"ts\":"]))
        if self.chance(0.2):
            self.say("usage", step=step, usage=self.usage())
        if self.chance(0.1):
            self.say("step.retry", step=step, reason="flaky")
        end = rng.choice(["finished", "completed", "passed", "failed", "skipped", None])
        if end:
            error = "assertion failed" if end == "failed" else None
            self.say(f"step.{end}", step=step, error=error, cache_hit=rng.choice([None, True, False]), **self.usage())
        if self.chance(0.2):
            self.say("artifact.written", path=rng.choice(["out.md", "report.json"]), step=step)

    def interlude(self):
        kind = self.rng.randrange(7)
        if kind == 0:
            self.say("question.asked", id="q1", reason="which one?")
            if self.chance(0.7):
                self.say("question.answered", id="q1")
        elif kind == 1:
            self.say("approval.requested", approval_id="ap1", integration="github", action="push", risk="high", params={"branch": "main"})
            if self.chance(0.8):
                self.say(self.rng.choice(["approval.granted", "approval.denied"]), approval_id="ap1")
        elif kind == 2:
            self.say("needs_human", reason="captcha")
            if self.chance(0.8):
                self.say("handoff.granted", holder=self.rng.choice([None, "ana"]))
            if self.chance(0.8):
                self.say("needs_human.resolved")
        elif kind == 3:
            self.say("agent.stuck", reason="looping")
            if self.chance(0.5):
                self.say("agent.unblocked")
        elif kind == 4:
            for _ in range(self.rng.randrange(1, 5)):
                self.now += datetime.timedelta(seconds=30)
                self.say("heartbeat")
        elif kind == 5:
            self.say("queue.added", item="it-1", repo="web", reason="review")
            if self.chance(0.5):
                self.say("queue.removed", item="it-1")
        else:
            self.say("handoff", to="reviewer")

    def log(self):
        rng = self.rng
        if self.chance(0.5):
            self.say("run.queued", workflow="ship", title=rng.choice([None, "Ship it"]))
        if self.chance(0.9):
            self.say("run.started", workflow="ship", inputs={"issue": 7}, max_attempts=3, claimed_by="box:12", pass_threshold=8)
        self.say("session.started", session_id="sess-1", agent="coder", model="m-1")
        for attempt in range(1, rng.choice([2, 2, 3, 4])):
            if self.chance(0.7):
                self.say("iteration.started", iteration=attempt)
            for phase in ("build", "hardening", "verify"):
                explicit = self.chance(0.6)
                if explicit:
                    self.say("phase.started", phase=phase, expected_s=rng.choice([None, 300]))
                for _ in range(rng.choice([0, 1, 2, 3])):
                    self.step(phase if self.chance(0.6) or not explicit else None, attempt)
                if self.chance(0.3):
                    self.interlude()
                if explicit and self.chance(0.8):
                    self.say(rng.choice(["phase.finished", "phase.completed", "phase.failed"]), phase=phase, duration_ms=rng.choice([None, 61000]))
            if self.chance(0.5):
                self.say("score.recorded", score=rng.choice([7, 8.5, 9]))
        if self.chance(0.6):
            self.say("session.ended", session_id="sess-1", total_input_tokens=rng.randrange(10**5), total_cost_usd=rng.randrange(640) / 64)
        end = rng.choice(["run.finished", "run.completed", "run.failed", "run.cancelled", "done", None])
        if end == "done":
            self.say("phase.started", phase="done")
        elif end:
            self.say(end, reason=rng.choice([None, "all green"]), exit_code=rng.choice([None, 0, 1]))
        if end and self.chance(0.3):
            self.say("heartbeat")
            self.say("run.resumed")
            self.step("verify", 9)
        return b"\n".join(self.out) + (b"\n" if self.chance(0.9) else b"")


def make_log(seed, index, realistic=False):
    """The bytes of one log: a function of its arguments."""
    rng = random.Random(f"{seed}/{index}/{realistic}")
    return (Realistic if realistic else Hostile)(rng).log()


def make_key(seed, index):
    """A run directory, now and then a strange one, as bytes."""
    strange = [b"with space", "ünï".encode(), b"a%41&b", b"-dash", b"nested/deep/er", b".ralph", b"\xff\xfe", b"~tilde", b"line\nbreak", b"q'uo\"te"]
    plain = b"run-%04d-%05d" % (seed, index)
    return plain + strange[index // 50 % len(strange)] if index % 50 == 49 else plain


def generate(seed, runs, out, realistic=False):
    """Writes `runs` logs below `out`; says which directory is which: {relative path: bytes}."""
    logs = {}
    for index in range(runs):
        relative = make_key(seed, index)
        logs[relative] = make_log(seed, index, realistic)
        folder = os.path.join(os.fsencode(out), relative)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, b"run.log"), "wb") as log:
            log.write(logs[relative])
    return logs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--out", required=True)
    parser.add_argument("--realistic", action="store_true")
    given = parser.parse_args()
    generate(given.seed, given.runs, given.out, given.realistic)


if __name__ == "__main__":
    main()
