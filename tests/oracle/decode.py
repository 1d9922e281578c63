"""From an object to an event: the generic dialect (spec 1.3), event names, and times (spec 1.4)."""

import datetime
import math
import re
from fractions import Fraction

from readings import ON
from strictjson import INTEGER, NUMBER, Num

# ---------------------------------------------------------------- 1.3 types

# Unicode White_Space, for "blank", "trimmed" (Python's str.strip() would also drop U+001C to U+001F).
WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
MAX_COUNT = 2**63 - 1
ID_RANGE = range(-(2**63), 2**64)


def text(value):
    """1.3 *text* a non-blank string."""
    return value if isinstance(value, str) and value.strip(WHITE_SPACE) else None


def ident(value):
    """1.3 *id* a string or an integer (as text); an integer id is within 64 bits; not blank."""
    if isinstance(value, Num):
        if not ON["float_ids"] and not INTEGER.fullmatch(value.text):
            return None
        whole = value.whole()
        return str(whole) if whole is not None and whole in ID_RANGE else None
    return text(value)


def number(value):
    """1.3 *number* finite."""
    return value.value if isinstance(value, Num) else None


def whole(value):
    """A whole number, also negative (exit codes)."""
    return value.whole() if isinstance(value, Num) else None


def count(value):
    """1.3 *count* whole, 0 to 2^63-1."""
    found = whole(value)
    return found if found is not None and 0 <= found <= MAX_COUNT else None


def count_or_digits(value):
    """1.3 attempt: digits as text too, also as the tail of a string such as `attempt-002`."""
    if isinstance(value, str):
        tail = re.search(r"[0-9]+\Z", value)
        if not tail:
            return None
        digits = tail.group().lstrip("0") or "0"
        return int(digits) if len(digits) < 20 and int(digits) <= MAX_COUNT else None
    return count(value)


def flag(value):
    """1.3 *flag* true or false."""
    return value if isinstance(value, bool) else None


def who(value):
    """1.3 *who* a string, or an object's `name`, else `id`."""
    if isinstance(value, dict):
        name = text(value.get("name"))
        return name if name is not None else ident(value.get("id"))
    return text(value)


def anything(value):
    """1.3 *any*; null is none."""
    return value


def name(value):
    """1.3: a name is 1 to 120 of ASCII letters, digits and `_ . : / -`."""
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.:/-]{1,120}", value) else None


def milliseconds(scale):
    """1.3 duration: a number of ms (or s, scale 1000); below 0 or from 1e15 ms on is none; rounded, halves up (2.7)."""

    def typed(value):
        if not isinstance(value, Num):
            return None
        amount = value.value * scale
        if not 0 <= amount < 1e15:
            return None
        down = math.floor(amount)
        return down + 1 if amount - down >= 0.5 else down

    return typed


LEVELS = {
    "trace": "trace", "debug": "debug", "info": "info", "notice": "info", "warn": "warn", "warning": "warn",
    "error": "error", "err": "error", "fatal": "error", "critical": "error", "panic": "error",
}  # fmt: skip


def level(value):
    """1.3 level: a word in any case; or a number: below 20 trace, 30 debug, 40 info, 50 warn, else error."""
    if isinstance(value, str):
        return LEVELS.get(value.lower())
    if isinstance(value, Num):
        for bound, word in ((20, "trace"), (30, "debug"), (40, "info"), (50, "warn")):
            if value.value < bound:
                return word
        return "error"
    return None


def cache_word(value):
    """1.3 cache: `hit` or `miss`."""
    return value if value in ("hit", "miss") else None


def cache_flag(value):
    """1.3 `cache_hit`: a flag."""
    return {True: "hit", False: "miss"}.get(value) if isinstance(value, bool) else None


# ---------------------------------------------------------------- 1.4 time

RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)
COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)[T-](\d\d)(\d\d)(\d\d)", re.ASCII)
DIGITS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
SECOND = 1_000_000
EPOCH = datetime.datetime(1970, 1, 1)


def micros(*parts):
    """Microseconds since 1970 of year, month, day, hour, minute, second; None when there is no such moment."""
    year, month, day, hour, minute, second = (int(part) for part in parts)
    try:
        moment = datetime.datetime(year, month, day, hour, minute, 59 if second == 60 else second)  # `:60` is `:59`
    except ValueError:
        return None
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


FIRST = micros(1990, 1, 1, 0, 0, 0)
END = micros(2100, 1, 1, 0, 0, 0)


def within(at):
    """1.4: before 1990 and from 2100 on is no time."""
    return at if at is not None and FIRST <= at < END else None


def time(value):
    """1.4: a value as microseconds since 1970, None when it is no time."""
    if isinstance(value, Num):
        return epoch_number(value.text)
    if not isinstance(value, str):
        return None
    if DIGITS.fullmatch(value):
        return epoch_number(value)
    if value.startswith("epoch:"):
        rest = value[len("epoch:") :]
        return epoch_number(rest) if NUMBER.fullmatch(rest) or DIGITS.fullmatch(rest) else None
    match = COMPACT.fullmatch(value)
    if match:
        return within(micros(*match.groups()))
    match = RFC3339.fullmatch(value)
    if not match:
        return None
    at = micros(*match.groups()[:6])
    if at is None:
        return None
    fraction, _, sign, hours, minutes = match.groups()[6:]
    at += int((fraction or "0")[:6].ljust(6, "0"))  # cut after six
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            return None
        offset = (int(hours) * 3600 + int(minutes) * 60) * SECOND
        at += offset if sign == "-" else -offset
    return within(at)


def epoch_number(digits):
    """1.4: below 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds, rounded."""
    if len(digits) > 4000 or not 1 <= float(digits) < 1e22:
        return None  # far outside 1990 to 2100 in every unit
    exact = Fraction(digits)
    if exact < 10**11:
        exact *= SECOND
    elif exact < 10**14:
        exact *= 1000
    elif exact >= 10**17:
        exact /= 1000
    return within(math.floor(exact + Fraction(1, 2)))


def rfc3339(at):
    """4.2: RFC 3339 UTC with six digits and `Z`."""
    if at is None:
        return None
    return (EPOCH + datetime.timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# ---------------------------------------------------------------- 1.3 event names

RANKS = [
    {
        "heartbeat": "heartbeat", "usage": "usage", "approval": "approval", "gate": "approval",
        "question": "question", "clarification": "question", "handoff": "handoff", "wheel": "handoff",
        "stuck": "stuck", "blocked": "stuck", "blocker": "stuck", "unblocked": "stuck", "unstuck": "stuck",
        "queue": "queue",
    },
    {
        "phase": "phase", "stage": "phase", "candidate": "candidate", "feature": "candidate",
        "attempt": "attempt", "iteration": "attempt", "round": "attempt", "cycle": "attempt",
        "step": "step", "task": "step", "session": "session", "agent": "session", "worker": "session",
        "subagent": "session", "tool": "tool", "span": "span", "artifact": "artifact", "report": "artifact",
        "score": "score", "evaluation": "score", "eval": "score",
    },
    {"run": "run", "workflow": "run", "pipeline": "run", "loop": "run", "cancel": "cancel"},
    {"error": "error", "failure": "error", "log": "log"},
]  # fmt: skip

VERB_WORDS = {
    "queued": "queued pending created scheduled enqueued",
    "started": "start started begin began enter entered launch launched spawn spawned init selected resumed",
    "finished": "finish finished complete completed end ended stop stopped done exit exited closed terminate terminated"
    " death died result",
    "passed": "pass passed succeed succeeded success verified",
    "failed": "fail failed failure error errored crash crashed",
    "cancelled": "cancel cancelled canceled abort aborted kill killed",
    "skipped": "skip skipped",
    "retried": "retry retried",
    "timed_out": "timeout timedout",
    "raised": "request requested require required raise raised open opened add added needed ask asked",
    "granted": "grant granted approve approved accept accepted answered received",
    "denied": "deny denied reject rejected",
    "expired": "expire expired",
    "cleared": "clear cleared resolve resolved release released remove removed acked",
    "recorded": "record recorded write written reported",
}
VERBS = {word: verb for verb, words_ in VERB_WORDS.items() for word in words_.split()}
VERBS_OF = {
    "tool": {**VERBS, "call": "started", "use": "started", "output": "finished"},
    "run": {**VERBS, "stop": "cancelled", "stopped": "cancelled"},
}
CLOSING = {
    "granted", "denied", "expired", "cleared", "finished", "passed", "failed", "cancelled", "timed_out", "skipped",
}  # fmt: skip
NEEDS_HUMAN = [["take", "the", "wheel"], ["needs", "human"], ["human", "needed"]]
NEEDS_HUMAN += [["".join(phrase)] for phrase in NEEDS_HUMAN]  # in any spelling


def cut(event_name):
    """1.3: lower-case words, cut at separators, between lower-case letter or digit and a capital, and before the last
    capital of a run of capitals that a lower-case letter follows."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", event_name)
    return [word.lower() for word in re.split(r"[._:/\- ]+", parts) if word]


def spellings(word):
    """1.3: a plural `s` is dropped for the look-up."""
    return (word, word[:-1]) if word.endswith("s") else (word,)


def look_up(word, table):
    for spelling in spellings(word):
        if spelling in table:
            return table[spelling]
    return None


def verb_at(words, index, table):
    """The verb of the word at `index`; for the pair `timed` `out` that of `out`."""
    if words[index] == "out" and index > 0 and words[index - 1] == "timed":
        return "timed_out"
    return look_up(words[index], table)


class Meaning:
    """What a name means: subject, verb, and what rules ask of its spelling."""

    def __init__(self, event_name):
        words = cut(event_name) if event_name is not None else []
        self.subject, self.verb = None, None
        self.one_word = len(words) == 1
        # rule 10: "whose name has the word status, state or result"
        self.says_status = any(look_up(word, {"status": 1, "state": 1, "result": 1}) for word in words)
        self.needs_human = self.find_needs_human(words)
        if not self.needs_human:
            self.find(words)

    def find_needs_human(self, words):
        """1.3: `take_the_wheel`, `needs_human`, `human_needed` are handoff with the closing verb that follows, else raised."""
        end = None
        for index in range(len(words)):
            for phrase in NEEDS_HUMAN:
                here = words[index : index + len(phrase)]
                if len(here) == len(phrase) and all(p in spellings(w) for p, w in zip(phrase, here)):
                    end = index + len(phrase)
        if end is None:
            return False
        self.subject, self.verb = "handoff", "raised"
        for index in range(end, len(words)):
            verb = verb_at(words, index, VERBS)
            if verb in CLOSING:
                self.verb = verb
        return True

    def find(self, words):
        """1.3: the first rank of which a word occurs decides, and within it the last such word.  The verb is the last
        verb word after the subject, else the last before it; without a subject the last verb word."""
        place = None
        for rank in RANKS:
            for index, word in enumerate(words):
                if look_up(word, rank):
                    place, self.subject = index, look_up(word, rank)
            if place is not None:
                break
        if place is not None and any(s in ("unblocked", "unstuck") for s in spellings(words[place])):
            self.verb = "cleared"  # unblocked and unstuck are stuck with the verb cleared
            return
        table = VERBS_OF.get(self.subject, VERBS)
        before, after = None, None
        for index in range(len(words)):
            if index == place:
                continue  # the subject's own word is never the verb
            verb = verb_at(words, index, table)
            if verb and place is not None and index < place:
                before = verb
            elif verb:
                after = verb
        self.verb = after or before


# ---------------------------------------------------------------- 1.3 concepts

CONTAINERS = ["data", "payload", "attrs", "attributes", "metadata", "details", "detail", "fields", "body"]
NAME_KEYS = ["event", "event_type", "eventType", "type", "kind", "topic", "action", "Action", "name", "state"]
LEDGER_KEYS = ["id", "run_id", "runId", "task", "task_id", "taskId", "item", "item_id"]  # 2.7
SEVEN = ["queued", "running", "needs_human", "completed", "failed", "cancelled", "timed_out"]
STATUS_WORDS = {
    "completed": "passed pass success succeeded ok done shipped complete finished",
    "failed": "error errored crashed failure fail",
    "cancelled": "aborted abort stopped killed canceled cancel",
    "timed_out": "timeout timedout deadline_exceeded",
    "needs_human": "blocked paused waiting waiting_for_human waiting_for_confirmation waiting_input needs_review"
    " needs_input",
    "running": "active in_progress started",
    "queued": "pending scheduled created",
}
STATUSES = {word: word for word in SEVEN}
STATUSES.update({word: status for status, words_ in STATUS_WORDS.items() for word in words_.split()})
ENDS = ("completed", "failed", "cancelled", "timed_out")


def plain_word(word):
    """Rule 10: in lower case with `-` and space as `_`."""
    return word.lower().replace("-", "_").replace(" ", "_")


def status_word(word):
    """Rule 10: one of the seven statuses that a word means, else None."""
    return STATUSES.get(plain_word(word)) if word is not None else None


def end_word(value):
    """A text that is an end word, as its status."""
    word = text(value)
    status = status_word(word)
    return status if status in ENDS else None


def error_of(value):
    """1.3 error: text, or an object with `message`, `type`, `stack`."""
    if isinstance(value, dict):
        found = {key: text(value.get(key)) for key in ("message", "type", "stack")}
        return found if any(found.values()) else None
    message = text(value)
    return {"message": message, "type": None, "stack": None} if message is not None else None


def places_of(record):
    """1.3: the top level, then the containers where they are objects, then `body.payload`."""
    places = [record]
    for key in CONTAINERS:
        if isinstance(record.get(key), dict):
            places.append(record[key])
    body = record.get("body")
    if isinstance(body, dict) and isinstance(body.get("payload"), dict):
        places.append(body["payload"])
    return places


class Event:
    """One record in the words of 1.3.  A text, malformed or oversized line is one with `record` None."""

    def __init__(self, record, line, offset, length, kind):
        self.line, self.offset, self.length, self.kind = line, offset, length, kind
        self.record = record if record is not None else {}
        self.places = places_of(self.record)
        self.name, self.name_key = self.find_name()
        meaning = Meaning(self.name)
        self.subject, self.verb = meaning.subject, meaning.verb
        self.needs_human, self.one_word, self.says_status = meaning.needs_human, meaning.one_word, meaning.says_status
        self.read()

    # ---- looking for a concept

    def find(self, *typed_names, where=None):
        """1.3: place by place, in each place name by name.  `typed_names`: (type, names), (type, names), ..."""
        for place in where if where is not None else self.places:
            for kind, names in typed_names:
                for key in names.split():
                    value = kind(place[key]) if key in place else None
                    if value is not None:
                        return value
        return None

    def find_usage(self, kind, key):
        """1.3: in each place the names come first, then that place's `usage`."""
        for place in self.places:
            usage = place.get("usage")
            for where in (place, usage if isinstance(usage, dict) else {}):
                value = kind(where[key]) if key in where else None
                if value is not None:
                    return value
        return None

    def find_name(self):
        """1.3 event name: top level only; an object gives its own `type` or `kind`; then attributes["event.name"]."""
        for key in NAME_KEYS:
            value = self.record.get(key)
            candidates = [value.get("type"), value.get("kind")] if isinstance(value, dict) else [value]
            for candidate in candidates:
                if name(candidate) is not None:
                    return candidate, key
        attributes = self.record.get("attributes")
        if isinstance(attributes, dict) and name(attributes.get("event.name")) is not None:
            return attributes["event.name"], None
        return None, None

    def find_message(self):
        """1.3 message; an `event` string with spaces is a message (the last name of the top level)."""
        for place in self.places:
            for key in "message msg summary text description detail".split():
                if text(place.get(key)) is not None:
                    return place[key]
            if place is self.record and text(place.get("event")) is not None and " " in place["event"]:
                return place["event"]
        return None

    def find_failed(self):
        """1.3 outcome: a flag or exit code only ever says failed, and one that does is enough."""
        for place in self.places:
            for key in ("exit_code", "exitCode"):
                if whole(place.get(key)) not in (None, 0):
                    return True
            for key in ("success", "ok", "passed"):
                if flag(place.get(key)) is False:
                    return True
            for key in ("is_error", "isError"):
                if flag(place.get(key)) is True:
                    return True
        return False

    def find_error(self):
        """1.3 error and stack; the error object's own stack comes first."""
        error = self.find((error_of, "error error_message errorMessage exception"))
        stack = self.find((text, "stack stack_trace stacktrace traceback"))
        if error is not None and error["stack"] is None:
            error = {**error, "stack": stack}
        return error, stack

    def find_artifacts(self):
        """1.3 artifact: a path, then the entries of a list: [(path, media type)]."""
        media = self.find((text, "media_type mime"))
        names = "artifact artifact_path report_path" + (" path" if self.subject == "artifact" else "")
        path = self.find((text, names))
        found = [(path, media)] if path is not None else []

        def entries(value):
            listed = []
            for item in value if isinstance(value, list) else []:
                if text(item) is not None:
                    listed.append((item, media))
                elif isinstance(item, dict) and text(item.get("path")) is not None:
                    own = text(item.get("media_type"))
                    own = own if own is not None else text(item.get("mime"))
                    listed.append((item["path"], own if own is not None else media))
            return listed or None

        return found + (self.find((entries, "artifacts artifact_paths")) or [])

    def find_approval(self):
        """1.3 approval: integration, action (not where it gave the event name) or tool, risk, params, expires_at."""
        top = {key: value for key, value in self.record.items() if not (key == "action" and self.name_key == "action")}
        return {
            "integration": self.find((text, "integration")),
            "action": self.find((text, "action tool"), where=[top] + self.places[1:]),
            "risk": self.find((text, "risk risk_level riskLevel")),
            "params": self.find((anything, "params")),
            "expires_at": self.find((time, "expires_at expiresAt")),
        }

    # ---- the table of 1.3, row by row

    def read(self):
        find = self.find
        self.time = find((time, "ts timestamp time at ts_ms created_at createdAt Time finished_at ended_at started_at"))
        self.message = self.find_message()
        self.level = find((level, "level severity severityText severity_text"))
        self.workflow = find((text, "workflow workflow_name workflowName pipeline"))
        self.title = find((text, "title campaign campaign_name"))
        self.phase = find((text, "phase stage"))
        self.candidate = find((ident, "candidate candidate_id candidateId feature_id featureId"))
        self.attempt = find((count_or_digits, "attempt iteration round cycle"))
        self.max_attempts = find((count_or_digits, "max_attempts maxAttempts max_iterations"))
        self.score = find((number, "score final_score finalScore"))
        self.pass_threshold = find((number, "pass_threshold passThreshold"))
        self.step = find((ident, "step step_id stepId"))
        self.skill = find((text if ON["skill_is_text"] else ident, "skill skill_id skillId"))
        self.step_name = find((text, "step_name stepName"))
        self.span = find((ident, "span_id spanId tool_use_id tool_call_id"))
        self.parent = find((ident, "parent_span_id parentSpanId parent_tool_use_id parent_id parent"))
        self.tool_name = find((text, "tool_name toolName tool"))
        self.session = find((ident, "session session_id sessionId thread_id worker_id workerId"))
        self.parent_session = find((ident, "parent_session parent_session_id"))
        self.agent = find((who, "agent agent_name agentName role actor hat"))
        self.model = find((who, "model"))
        self.repo = find((who, "repo repository"))
        self.holder = find((who, "holder owner"))
        self.status = find((text, "status"))
        self.outcome = "failed" if self.find_failed() else find((end_word, "outcome result"))
        self.reason = find((text, "reason status_reason cause"))
        self.error, self.stack = self.find_error()
        self.duration_ms = find(
            (milliseconds(1), "duration_ms durationMs elapsed_ms"), (milliseconds(1000), "duration_s duration_sec")
        )
        self.cache = find((cache_word, "cache"), (cache_flag, "cache_hit cacheHit"))
        self.input = find((anything, "input inputs trigger_payload triggerPayload"))
        self.output = find((anything, "output outputs"))
        self.artifacts = self.find_artifacts()
        self.marker_id = find(
            (ident, "item item_id approval_id approvalId interaction_id invocation_id invocationId id")
        )
        self.id = find((ident, "id"))
        self.approval = self.find_approval()
        self.usage = {
            "tokens_in": (self.find_usage(count, "input_tokens"), self.find_usage(count, "total_input_tokens")),
            "tokens_out": (self.find_usage(count, "output_tokens"), self.find_usage(count, "total_output_tokens")),
            "cost_usd": (self.find_usage(number, "cost_usd"), self.find_usage(number, "total_cost_usd")),
        }
        self.claim = find((text, "claimed_by claimedBy"))
        if self.claim is None:
            host, pid = find((text, "host")), find((ident, "pid"))
            self.claim = f"{host}:{pid}" if host is not None and pid is not None else None
        self.steps_total = find(
            (count, "steps_total stepsTotal"), (lambda value: len(value) if isinstance(value, list) else None, "steps")
        )
        self.deadline = find((time, "deadline"))
        self.expected_ms = find((milliseconds(1), "expected_ms"), (milliseconds(1000), "expected_s"))
        self.retry_of = find((text, "retry_of retryOf"))
        self.cancel_requested_at = find((time, "cancel_requested_at cancelRequestedAt"))
        # 2.7: on the top level, with any value but null
        self.ledger = any(self.record.get(key) is not None for key in LEDGER_KEYS)

    def row(self):
        """4.2: the row of `events_sha256`."""
        return [self.line, self.offset, self.length, self.kind, self.time, self.name, self.subject, self.verb, self.level]
