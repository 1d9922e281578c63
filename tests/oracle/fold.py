"""The reduction: what events do to a run (spec 2.1, 2.2, 2.7).  One method per rule, in the order of the rules."""

import json

import strictjson
from decode import ENDS, FIRST, MAX_COUNT, SECOND, WHITE_SPACE, plain_word, status_word
from readings import ON

FOUR = ("step", "session", "tool", "span")  # rule 6
VALUES = ("phase", "candidate", "attempt")  # rule 5
MARKERS = ("handoff", "question", "approval", "stuck", "queue")  # rule 7
WAITING = ("handoff", "question", "approval")  # rule 7: their last close makes needs_human running
END_VERBS = ("finished", "passed", "failed", "cancelled", "timed_out")  # rule 5, rule 10
SPAN_END_VERBS = END_VERBS + ("skipped",)  # rule 6
CLOSING = ("granted", "denied", "expired", "cleared") + SPAN_END_VERBS  # rule 7
PHASE_WORDS = {  # rule 4
    "harden": "hardening", "building": "build", "verifying": "verify", "verification": "verify",
    "complete": "done", "completed": "done",
}  # fmt: skip
MAX_NAMES = 256  # 2.1
HEARTBEAT_WINDOW = 64  # 2.1


def half_up_ms(micros):
    """2.7: durations rounded, halves up."""
    return (micros + 500) // 1000


def bounded(name, amount):
    """A sum of tokens is a count, so never below 0 (reading)."""
    if name == "cost_usd":
        return amount
    return max(amount, 0) if ON["sums_are_unbounded"] else min(max(amount, 0), MAX_COUNT)


class Facts:
    """The run's values, each with the line where it last changed (2 "Every fact knows its line")."""

    def __init__(self):
        self.values, self.lines = {}, {}

    def get(self, name):
        return self.values.get(name)

    def set(self, name, value, line):
        """Says whether the value changed."""
        if self.same(name, value):
            return False
        self.values[name], self.lines[name] = value, line
        return True

    def same(self, name, value):
        old = self.values.get(name)
        if name == "inputs":
            return json.dumps(strictjson.plain(old), sort_keys=True) == json.dumps(
                strictjson.plain(value), sort_keys=True
            )
        return old == value


def one_more(attempt):
    """The next attempt; a count ends at 2^63-1 (1.3), the last attempt stays there."""
    return min(attempt + 1, MAX_COUNT)


class Span:
    """2.1 span."""

    def __init__(self, kind, ident, attempt, line):
        self.kind, self.id, self.attempt, self.opened_line = kind, ident, attempt, line
        self.parent = self.name = self.skill = self.cache = self.agent = self.model = self.repo = None
        self.status, self.closed_line = "open", None
        self.started_at = self.ended_at = self.duration_ms = None
        self.score = self.error = None
        self.tokens_in = self.tokens_out = self.cost_usd = None
        self.deadline = self.expected_ms = self.input_line = self.output_line = None
        self.startless = False  # rule 6: "that span had no start"
        self.closed_by = None  # rule 6: the verb of the end that closed it; None when closed otherwise

    @property
    def open(self):
        return self.status == "open"


class Marker:
    """2.1 marker."""

    def __init__(self, event):
        self.kind = event.subject
        self.id = event.marker_id if event.marker_id is not None else "-"
        self.reason = event.reason
        # 2.7: its span is the span id, else step, else session
        self.span = first(event.span, event.step, event.session)
        self.repo = event.repo
        self.opened_line, self.opened_at = event.line, event.time
        self.closed_line = self.closed_at = self.resolution = None
        self.approval = dict.fromkeys(event.approval)
        if self.kind == "approval":  # 2.1: "approvals also ..."
            self.approval = dict(event.approval)

    @property
    def open(self):
        return self.closed_line is None


def first(*values):
    return next((value for value in values if value is not None), None)


class Run:
    """The state of a run after some line."""

    def __init__(self):
        self.facts = Facts()
        self.lines = dict.fromkeys(("blank", "event", "malformed", "oversized", "text"), 0)
        self.levels, self.names, self.events = {}, {}, 0
        self.spans, self.markers, self.artifacts = [], [], []
        self.start_seen = False  # 2.7: a *run started*
        self.intervals = []  # positive heartbeat intervals, microseconds

    @property
    def status(self):
        return self.facts.get("status")

    @property
    def ended(self):
        return self.status in ENDS

    # ---------------------------------------------------------------- 2.2, one event

    def apply(self, event):
        """2.2: "Rules, in this order, for each event"."""
        self.event, self.line, self.time = event, event.line, event.time
        self.progress = False
        self.status_set = False  # rule 10: whether this event sets a status
        self.done = False  # rule 5: whether this event says phase `done`
        self.status_before = self.status
        self.opened = set()  # kinds of the spans that this event opened
        self.own = None  # the span that this event opened, closed or names
        self.rule_1_line()
        self.rule_2_life()
        if self.ended:
            if not self.reopens():
                self.usage()
                self.rule_8_artifacts()
                self.rule_9_errors()
                return
            self.reopen()
        self.rule_3_running()
        self.rule_4_fields()
        self.rule_5_values()
        self.rule_6_spans()
        self.particulars()
        self.usage()
        self.rule_7_markers()
        self.rule_8_artifacts()
        self.rule_9_errors()
        self.rule_10_run()
        self.rule_11_end()
        self.rule_12_progress()

    # ---------------------------------------------------------------- rules 1 to 3

    def rule_1_line(self):
        """Rule 1: count class, level, name (the class is counted per line); first_event_at is set once."""
        self.events += 1
        if self.event.level is not None:
            self.levels[self.event.level] = self.levels.get(self.event.level, 0) + 1
        name = self.event.name
        if name is not None:
            if name not in self.names and len(self.names) >= MAX_NAMES:
                name = "other"  # 2.1: 256 names; the rest under `other`
            self.names[name] = self.names.get(name, 0) + 1
        if self.facts.get("first_event_at") is None and self.time is not None:
            self.facts.set("first_event_at", self.time, self.line)

    def rule_2_life(self):
        """Rule 2: last_life_at is the later of itself and the event's time.  A heartbeat is counted and sets
        last_heartbeat_at; 2.7: the newest heartbeat line's time, also when it is earlier."""
        if self.time is not None:
            last = self.facts.get("last_life_at")
            self.facts.set("last_life_at", self.time if last is None else max(last, self.time), self.line)
        if self.event.subject != "heartbeat":
            return
        self.facts.set("heartbeats", (self.facts.get("heartbeats") or 0) + 1, self.line)
        if self.time is None:
            return
        last = self.facts.get("last_heartbeat_at")
        self.facts.set("last_heartbeat_at", self.time, self.line)
        if last is not None and self.time > last:  # 2.1: the last 64 positive ones, lower middle
            self.intervals = (self.intervals + [self.time - last])[-HEARTBEAT_WINDOW:]
            middle = sorted(self.intervals)[(len(self.intervals) - 1) // 2]
            self.facts.set("heartbeat_interval_ms", half_up_ms(middle), self.line)

    def rule_3_running(self):
        """Rule 3: any event makes a run without a status running, with started_at = its time."""
        if self.status is None:
            self.set_status("running")
            self.facts.set("started_at", self.time, self.line)

    def set_status(self, status):
        """2.7 status_reason: the reason of the event that changed the status; an event that sets the same status renews
        it when it has a reason.  Rule 7: holder is `agent` from the line that makes the run running."""
        changed = self.facts.set("status", status, self.line)
        if changed or self.event.reason is not None:
            self.facts.set("status_reason", self.event.reason, self.line)
        if changed:
            self.progress = True  # rule 12
        if status == "running" and self.facts.get("holder") is None:
            self.facts.set("holder", "agent", self.line)

    # ---------------------------------------------------------------- rule 4

    def set_when(self, name, value):
        """Sets a fact when the value is present; says whether it changed."""
        return value is not None and self.facts.set(name, value, self.line)

    def rule_4_fields(self):
        """Rule 4, without phase, candidate and attempt, which rule 5 sets."""
        event = self.event
        if self.set_when("steps_total", event.steps_total):
            self.progress = True
        self.set_when("pass_threshold", event.pass_threshold)
        self.set_when("retry_of", event.retry_of)
        self.set_when("claimed_by", event.claim)
        self.set_when("cancel_requested_at", event.cancel_requested_at)
        for name, value in (("title", event.title), ("workflow", event.workflow)):
            if event.subject == "run" or self.facts.get(name) is None:  # run events always, others only while empty
                self.set_when(name, value)
        if event.subject not in FOUR:
            self.set_when("max_attempts", event.max_attempts)
            if self.set_when("score", event.score):  # the run's, except on span events
                self.progress = True
        if event.subject in ("run", None):  # deadline and expected only on run events and events without subject
            self.set_when("deadline", event.deadline)
            self.set_when("expected_ms", event.expected_ms)
        if event.subject == "run":
            self.set_when("inputs", event.input)

    # ---------------------------------------------------------------- rule 5

    def phase_value(self):
        """Rule 4: phase is trimmed and lower-cased, and some words mean another."""
        if self.event.phase is None:
            return None
        phase = self.event.phase.strip(WHITE_SPACE).lower()
        return PHASE_WORDS.get(phase, phase)

    def rule_5_values(self):
        """Rule 5: phase, candidate, attempt, in this order."""
        self.value_of("phase", self.phase_value())
        self.value_of("candidate", self.event.candidate)
        if self.event.subject not in FOUR:  # rule 4: attempt is the run's except on these
            self.value_of("attempt", self.event.attempt)

    def value_of(self, kind, value):
        event = self.event
        own = event.subject == kind
        if own and self.end_verb() in END_VERBS:
            self.end_value(kind, value)
            return
        if own and self.end_verb() == "skipped":
            self.skip_value(kind, value)
            return
        if value is None:
            return
        if own and event.verb == "queued":  # queued and skipped do not set the value
            if ON["queued_names"]:
                self.name_value(kind, value)
            return
        if kind == "phase" and value == "done":
            self.done = True
        running = next((span for span in self.spans if span.kind == kind and span.open), None)
        if value != self.facts.get(kind):
            # a value that differs closes the open span of that kind (phase: completed, else superseded), opens a new one
            if running:
                self.close(running, "completed" if kind == "phase" else "superseded")
            self.facts.set(kind, value, self.line)
            self.progress = True
            self.open_value(kind, value)
        elif own and event.verb == "started" and running is None:
            self.open_value(kind, value)  # *started* with the same value opens one when none is open
        if own:
            self.name_value(kind, value)

    def name_value(self, kind, value):
        """2.7: the event of a span's own subject names it while it is open."""
        span = self.newest(kind, lambda s: s.id == str(value) and s.open)
        self.own = span if span is not None else self.own

    def open_value(self, kind, value):
        if kind == "phase" and value == "done":
            return  # `done` opens no span
        self.open(kind, str(value), self.nth(kind, value))

    def nth(self, kind, value):
        """2.7 span attempt: how often that value has been opened."""
        return 1 + len([s for s in self.spans if s.kind == kind and s.id == str(value)])

    def end_value(self, kind, value):
        """Rule 5: an end closes the newest open span of that value, or makes one, and leaves the run's value; 2.7: without
        a value it closes the open span of that kind; `phase.finished {phase: done}` makes no span."""
        if value is None:
            span = self.newest(kind, lambda s: s.open)
            if span is not None:
                self.end(span)
            return
        if kind == "phase" and value == "done":
            return
        running = self.newest(kind, lambda s: s.id == str(value) and s.open)
        closed = self.newest(kind, lambda s: s.id == str(value))
        self.end_or_make(running, closed, lambda: self.make(kind, str(value), self.nth(kind, value)))

    def skip_value(self, kind, value):
        """Rule 5: skipped closes the open span of that value as skipped, or makes one; 2.7 skipped again: for a value that
        was already ended makes another span."""
        if value is None and not ON["skip_needs_value"]:
            self.end_value(kind, None)
        if value is None or (kind == "phase" and value == "done"):
            return
        running = self.newest(kind, lambda s: s.id == str(value) and s.open)
        self.end_or_make(running, None, lambda: self.make(kind, str(value), self.nth(kind, value)))

    # ---------------------------------------------------------------- rule 6

    def newest(self, kind, wanted):
        return next((span for span in reversed(self.spans) if span.kind == kind and wanted(span)), None)

    def span_name(self):
        """2.7: name (step name, tool name, a session's agent)."""
        event = self.event
        return {
            "step": event.step_name,
            "tool": event.tool_name,
            "session": event.agent,
            "span": first(event.step_name, event.tool_name) if ON["spans_have_names"] else None,
        }.get(event.subject)

    def span_id(self):
        """Rule 6: the subject's own id (step; session; tool: the span id, `id`), else the span id.  Without the name."""
        event = self.event
        own = {"step": event.step, "session": event.session, "tool": first(event.span, event.id)}.get(event.subject)
        return first(own, event.span)

    def meant(self):
        """The open span that an end of this event would close, and the newest one that it means: (open, newest).

        Rule 6: by id; an end with only a name means the newest one with that id or name, open before closed; without an
        id an end closes the newest open span of that kind.
        """
        kind, ident, name = self.event.subject, self.span_id(), self.span_name()
        if ident is not None:
            wanted = lambda s: s.id == ident  # noqa: E731
        elif name is not None:
            wanted = lambda s: name in (s.id, s.name)  # noqa: E731
        else:
            return self.newest(kind, lambda s: s.open), None
        return self.newest(kind, lambda s: wanted(s) and s.open), self.newest(kind, wanted)

    def rule_6_spans(self):
        """Rule 6: the subjects step, session, tool and span."""
        kind, verb = self.event.subject, self.event.verb
        if kind not in FOUR:
            return
        ident = first(self.span_id(), self.span_name())
        running, newest = self.meant()
        if verb == "started":
            self.start_span(kind, ident)
        elif verb in SPAN_END_VERBS:
            self.end_or_make(running, newest, lambda: self.make(kind, ident, self.next_attempt(kind, ident)))
        elif verb == "retried":
            self.retry_span(kind, ident, running, newest)
        elif ident is not None:
            self.own = first(running, newest)  # names it

    def next_attempt(self, kind, ident):
        """2.7: the event's own, else one more than the newest span of that kind and id, else 1."""
        if self.event.attempt is not None:
            return self.event.attempt
        before = self.newest(kind, lambda s: s.id == ident) if ident is not None else None
        return one_more(before.attempt) if before is not None else 1

    def start_span(self, kind, ident):
        """Rule 6: *started* opens a span; under an id that is open, the old one is superseded."""
        attempt = self.next_attempt(kind, ident)
        if ident is not None:
            old = self.newest(kind, lambda s: s.id == ident and s.open)
            if old is not None:
                self.close(old, "superseded")
        self.open(kind, ident, attempt)

    def retry_span(self, kind, ident, running, newest):
        """Rule 6: *retried* closes as failed and opens the next attempt.  2.7: the event's attempt is that of the span that
        closes, and the next has one more; error and score are those of the span that closes only, other particulars of
        both; when nothing is open it opens the next attempt of the span that it means and closes nothing."""
        meant = first(running, newest)
        if running is not None:
            self.give(running, keep_attempt=False)
            self.close(running, "failed", duration=self.event.duration_ms)
        if self.event.attempt is not None:
            attempt = one_more(self.event.attempt)
        else:
            attempt = one_more(meant.attempt) if meant is not None else 1
        self.open(kind, meant.id if meant is not None else ident, attempt)

    # ---------------------------------------------------------------- opening and closing

    def open(self, kind, ident, attempt):
        span = Span(kind, ident, attempt, self.line)
        span.started_at = self.time
        self.spans.append(span)
        self.opened.add(kind)
        self.progress = True  # rule 12
        if kind == self.event.subject:
            self.own = span

    def make(self, kind, ident, attempt):
        """Rule 6: an end without a start makes a span that starts at end minus duration, or unknown."""
        span = Span(kind, ident, attempt, self.line)
        span.startless = True
        if self.time is not None and self.event.duration_ms is not None:
            start = self.time - self.event.duration_ms * (SECOND // 1000)
            span.started_at = start if start >= FIRST else None  # 2.7 bounds
        self.spans.append(span)
        return span

    def end_or_make(self, running, newest, make):
        """Rule 6: an end closes the open span; a second end (the newest span was already closed by an end) renews its
        particulars and opens nothing, unless that span had no start and was closed by the same verb."""
        if running is not None:
            self.end(running)
        elif newest is not None and newest.closed_by is not None and not (
            newest.startless and newest.closed_by == self.end_verb()
        ):
            self.own = newest
        else:
            self.end(make())

    def end(self, span):
        span.closed_by = self.end_verb()
        self.close(span, self.end_status(), duration=self.event.duration_ms)
        self.own = span

    def end_verb(self):
        """The event's verb; whether *finished* with status `skipped` is one of `finished` or of `skipped` is a reading."""
        verb = self.event.verb
        if verb == "finished" and self.end_status() == "skipped" and not ON["skipped_status_is_an_end"]:
            return "skipped"
        return verb

    def end_status(self):
        """Rule 6: finished is completed unless status, outcome or error says otherwise, passed is completed.  2.7: a
        *finished* with status `skipped` or `skip` is skipped; of the other status words only end words count there."""
        event = self.event
        if event.verb == "passed":
            return "completed"
        if event.verb != "finished":
            return event.verb
        if event.status is not None and plain_word(event.status) in ("skipped", "skip"):
            return "skipped"
        if status_word(event.status) in ENDS:
            return status_word(event.status)
        if event.outcome is not None:
            return event.outcome
        return "failed" if event.error is not None else "completed"

    def close(self, span, status, duration=None):
        """Rule 6: duration_ms is the log's, else end minus start when both are known and not negative, else unknown."""
        span.status, span.closed_line, span.ended_at = status, self.line, self.time
        if duration is None and None not in (span.started_at, self.time) and self.time >= span.started_at:
            duration = half_up_ms(self.time - span.started_at)
        span.duration_ms = duration
        self.progress = True  # rule 12

    # ---------------------------------------------------------------- 2.7 particulars and usage

    def particulars(self):
        """2.7: they come from events of its own subject that open, end or, while it is open, name it."""
        if self.own is None:
            return
        opened_or_ended = self.own.kind in self.opened or self.event.verb in SPAN_END_VERBS
        if opened_or_ended or self.own.open:
            self.give(self.own, keep_attempt=self.event.verb == "retried")

    def give(self, span, keep_attempt):
        """Gives a span the event's particulars; on *retried* the one that closes gets all, the next not error and score."""
        event = self.event
        new = {
            "name": self.span_name(),
            "parent": first(event.parent_session, event.parent) if span.kind == "session" else event.parent,
            "skill": event.skill,
            "cache": event.cache,
            "agent": event.agent,
            "model": event.model,
            "repo": event.repo,
            "deadline": event.deadline,
            "expected_ms": event.expected_ms,
            "input_line": self.line if event.input is not None else None,
            "output_line": self.line if event.output is not None else None,
        }
        if not (event.verb == "retried" and span.open and keep_attempt):
            new["score"], new["error"] = event.score, event.error
        if span.kind in FOUR and not keep_attempt:  # 2.7: an attempt on a later event renews it, only on the four subjects
            new["attempt"] = event.attempt
        for key, value in new.items():
            if value is not None:
                setattr(span, key, value)

    def usage_span(self):
        """2.7 usage: on step, session, tool and span events the span that the event opened, closed or names (on *retried*
        the one it opens); on others the newest span of the four subjects with the span id, else the newest step span with
        its step, else the newest session span with its session."""
        event = self.event
        if event.subject in FOUR:
            if self.own is not None or not self.ended:
                return self.own
            if first(self.span_id(), self.span_name()) is None:
                return None
            return first(*self.meant())  # after the end rule 6 does not apply, the event still names one
        found = None
        if event.span is not None:
            found = next((s for s in reversed(self.spans) if s.kind in FOUR and s.id == event.span), None)
        if found is None and event.step is not None:
            found = self.newest("step", lambda s: s.id == event.step)
        if found is None and event.session is not None:
            found = self.newest("session", lambda s: s.id == event.session)
        return found

    def usage(self):
        """Rule 4: tokens and cost are added to the run and to the span; a total replaces the amount of what it names (a
        span's, and the run's by the difference; else the run's) and is never added.  2.7: on a run event it is the run's."""
        span = self.usage_span()
        for name, (more, total) in self.event.usage.items():
            if more is not None:
                self.add_to_run(name, more)
                if span is not None:
                    setattr(span, name, bounded(name, (getattr(span, name) or 0) + more))
            if total is not None and span is not None and self.event.subject != "run":
                self.add_to_run(name, total - (getattr(span, name) or 0))
                setattr(span, name, total)
            elif total is not None:
                self.facts.set(name, total, self.line)

    def add_to_run(self, name, more):
        self.facts.set(name, bounded(name, (self.facts.get(name) or 0) + more), self.line)

    # ---------------------------------------------------------------- rule 7

    def rule_7_markers(self):
        event = self.event
        run_started = event.subject == "run" and event.verb == "started"
        if run_started or "phase" in self.opened or "attempt" in self.opened:
            # a question, and a stuck marker without id, are superseded by the next phase, attempt or run start
            for marker in self.markers:
                if marker.open and (marker.kind == "question" or (marker.kind == "stuck" and marker.id == "-")):
                    self.close_marker(marker, "superseded")
        if event.subject not in MARKERS:
            return
        if self.raises():
            self.raise_marker()
        elif event.verb in CLOSING:
            self.answer_marker()

    def raises(self):
        """Rule 7: *raised, queued, started* open; handoff with *raised* only.  Without a verb stuck opens always, question
        and approval only when the name is that one word."""
        event = self.event
        if event.subject == "handoff":
            return event.verb == "raised"
        if event.verb is None:
            return event.subject == "stuck" or (event.subject in ("question", "approval") and event.one_word)
        return event.verb in ("raised", "queued", "started")

    def raise_marker(self):
        event = self.event
        ident = first(event.marker_id, "-")
        for marker in self.markers:
            if marker.open and (marker.kind, marker.id) == (event.subject, ident):
                # raised again while open: reason and parameters are renewed, the opening stays
                marker.reason = first(event.reason, marker.reason)
                if marker.kind == "approval":
                    for key, value in event.approval.items():
                        marker.approval[key] = first(value, marker.approval[key])
                return
        self.markers.append(Marker(event))
        self.progress = True  # rule 12
        if event.needs_human:  # a handoff opened by a needs-human word also sets status needs_human
            self.set_status("needs_human")
            self.status_set = True

    def answer_marker(self):
        """Rule 7: the open marker with that id (`-` without one); when there is none, the only open one of the kind, unless
        the close has an id and a closed marker of the kind has it; else it is only an event."""
        event = self.event
        of_kind = [marker for marker in self.markers if marker.kind == event.subject]
        open_ones = [marker for marker in of_kind if marker.open]
        found = [marker for marker in open_ones if marker.id == first(event.marker_id, "-")]
        repeated = event.marker_id is not None and any(m.id == event.marker_id and not m.open for m in of_kind)
        if not found and len(open_ones) == 1 and not repeated:
            found = open_ones
        if not found:
            return
        if event.subject == "handoff" and event.verb == "granted":
            # *handoff granted* keeps it open and sets holder to the event's holder, else `human`
            self.facts.set("holder", first(event.holder, "human"), self.line)
            return
        self.close_marker(found[0], event.verb)

    def close_marker(self, marker, resolution):
        marker.closed_line, marker.closed_at, marker.resolution = self.line, self.time, resolution
        self.progress = True  # rule 12
        if resolution == "run_ended":
            return
        if marker.kind == "handoff":
            self.facts.set("holder", "agent", self.line)  # when a handoff closes, holder is `agent`
        if marker.kind in WAITING and not self.someone_waits() and self.status == "needs_human":
            self.set_status("running")  # when the last one is closed, needs_human becomes running

    def someone_waits(self):
        return any(marker.open and marker.kind in WAITING for marker in self.markers)

    # ---------------------------------------------------------------- rules 8 and 9

    def rule_8_artifacts(self):
        """Rule 8; 2.1: the same path again replaces its entry; 2.7: attempt is the event's, else the run's; a replaced path
        takes the new line and is no progress."""
        for path, media_type in self.event.artifacts:
            known = [entry for entry in self.artifacts if entry["path"] == path]
            if not known:
                self.progress = True  # rule 12
            attempt = first(self.event.attempt, self.facts.get("attempt"))
            entry = {"path": path, "media_type": media_type, "attempt": attempt, "step": self.event.step, "line": self.line}
            if known and not ON["replaced_path_moves"]:
                known[0].update(entry)
                continue
            self.artifacts = [other for other in self.artifacts if other["path"] != path] + [entry]

    def rule_9_errors(self):
        """Rule 9: an error field, subject error, or level error sets the run's error; the newest wins.  2.7: without an
        error field its text is the event's message, else its reason, else its name."""
        event = self.event
        error = event.error
        if error is None and (event.subject == "error" or event.level == "error"):
            message = first(event.message, event.reason, event.name)
            error = {"message": message, "type": None, "stack": event.stack}
        self.set_when("error", error)

    # ---------------------------------------------------------------- rules 10 and 11

    def rule_10_run(self):
        event = self.event
        if event.subject == "run" and event.verb is not None:
            self.run_verb()
        elif self.status_counts():
            self.run_word(status_word(event.status))
        if event.subject == "cancel" and event.cancel_requested_at is None:
            self.set_when("cancel_requested_at", self.time)  # 2.7: the event's time unless it has the field
        if (
            self.status_before in ("queued", "needs_human")
            and not self.status_set
            and not self.someone_waits()
            and self.opened & {"phase", "step", "session"}
        ):
            # a run that was queued or needs_human before the event, waits for nobody, and starts a phase, step or session
            # with an event that sets no status, is running
            self.set_status("running")
            if self.status_before == "queued" and self.facts.get("started_at") is None:  # 2.7 a start
                self.set_when("started_at", self.time)

    def run_verb(self):
        event = self.event
        if event.verb == "queued":
            if not self.start_seen:
                self.queue_run()
                self.set_when("queued_at", self.time)
        elif event.verb == "started":
            self.start_seen = True
            self.set_status("running")
            self.set_when("started_at", self.time)
            self.status_set = True
        elif event.verb in END_VERBS:
            self.set_status(self.run_end_status())
            self.status_set = True

    def queue_run(self):
        """Rule 3: a later *run queued* takes an implied start back as long as no start was seen."""
        self.set_status("queued")
        self.status_set = True
        if not self.start_seen:
            self.facts.set("started_at", None, self.line)
            self.facts.set("holder", None, self.line)  # rule 7: nobody until the run runs

    def run_end_status(self):
        """Rule 10 *finished*: the status field if it is an end word, else outcome, else failed when the event has an error,
        else failed when score and pass_threshold are known and score is below it, else completed."""
        event = self.event
        if event.verb != "finished":
            return "completed" if event.verb == "passed" else event.verb
        if status_word(event.status) in ENDS:
            return status_word(event.status)
        if event.outcome is not None:
            return event.outcome
        if event.error is not None:
            return "failed"
        score, threshold = self.facts.get("score"), self.facts.get("pass_threshold")
        return "failed" if None not in (score, threshold) and score < threshold else "completed"

    def status_counts(self):
        """Rule 10: whether the field `status` counts."""
        event = self.event
        status = status_word(event.status)
        if status is None:
            return False
        if event.subject == "run":
            return event.verb is None
        if event.subject is not None or first(event.span, event.step, event.session) is not None:
            return False
        if event.name is not None:
            return event.says_status
        return status not in ENDS or not event.ledger

    def run_word(self, status):
        """Rule 10 with 2.7 "a start": what a status word does."""
        if status == "queued":
            self.queue_run()
            if self.facts.get("queued_at") is None:
                self.set_when("queued_at", self.time)
            return
        self.set_status(status)
        self.status_set = True
        if status == "running" and self.facts.get("started_at") is None:
            self.set_when("started_at", self.time)

    def rule_11_end(self):
        """Rule 11; on one event this rule comes after rule 10, and rule 10 wins over phase `done`."""
        if self.done and not self.status_set:
            self.set_status("completed")  # rule 5: it ends an open run as completed
        if not self.ended:
            return
        self.set_when("ended_at", self.time)
        self.facts.set("holder", None, self.line)  # rule 7: nobody after its end
        for span in self.spans:
            if span.open:
                self.close(span, "unfinished")
        for marker in self.markers:
            if marker.open:
                self.close_marker(marker, "run_ended")

    def reopens(self):
        """Rule 11: *run started*, or *started* of a phase other than done, of a candidate, attempt, step or session."""
        event = self.event
        if event.verb != "started":
            return False
        if event.subject == "phase":
            return self.phase_value() != "done"
        return event.subject in ("run", "candidate", "attempt", "step", "session")

    def reopen(self):
        self.set_status("running")
        self.facts.set("ended_at", None, self.line)

    # ---------------------------------------------------------------- rule 12

    def rule_12_progress(self):
        """Rule 12: last_progress_at (never back) is the event's time, else last_life_at."""
        at = first(self.time, self.facts.get("last_life_at"))
        if not self.progress or at is None:
            return
        last = self.facts.get("last_progress_at")
        self.facts.set("last_progress_at", at if last is None else max(last, at), self.line)

    def steps_done(self):
        """2.1: distinct step ids whose newest span is completed or skipped."""
        newest = {span.id: span.status for span in self.spans if span.kind == "step" and span.id is not None}
        return len([status for status in newest.values() if status in ("completed", "skipped")])
