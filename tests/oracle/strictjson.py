"""A strict JSON reader (RFC 8259) with exact positions, as spec 1.2 wants it.

Python's own `json` takes NaN, keeps lone surrogates, has no depth limit and turns 1e999 into infinity; here each of
those is decided by the spec.  Values are dict, list, str, True, False, None and `Num`.
"""

import math
import re

MAX_DEPTH = 128  # spec 1.2: the object itself is 1
WHITE = " \t\n\r"
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"-?[0-9]+")
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
HEX4 = re.compile(r"[0-9a-fA-F]{4}")
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Malformed(Exception):
    """The text is not JSON, or more than the spec allows."""


class Num:
    """A JSON number: its digits as written and its f64 value."""

    __slots__ = ("text", "value")

    def __init__(self, text):
        self.text = text
        self.value = float(text)
        if math.isinf(self.value):
            raise Malformed("a number beyond f64")

    def whole(self):
        """The whole number it is, else None.  1.3: "2.0 is whole"."""
        if INTEGER.fullmatch(self.text):
            return int(self.text)
        return int(self.value) if self.value.is_integer() else None

    def plain(self):
        """A Python int where an integer was written, else a float."""
        return int(self.text) if INTEGER.fullmatch(self.text) else self.value

    def __repr__(self):
        return self.text


def skip_white(text, at):
    while at < len(text) and text[at] in WHITE:
        at += 1
    return at


def read_value(text, at, depth):
    """The value that begins at `at` (no white space before it) and the position after it."""
    first = text[at : at + 1]
    if first == "{":
        return read_object(text, at, depth)
    if first == "[":
        return read_array(text, at, depth)
    if first == '"':
        return read_string(text, at)
    for word, value in (("true", True), ("false", False), ("null", None)):
        if text.startswith(word, at):
            return value, at + len(word)
    number = NUMBER.match(text, at)
    if not number:
        raise Malformed("no value")
    return Num(number.group()), number.end()


def read_object(text, at, depth):
    """An object; `depth` is its own, 1 for the outermost.  1.2: of equal keys the last wins."""
    if depth > MAX_DEPTH:
        raise Malformed("too deep")
    result = {}
    at = skip_white(text, at + 1)
    if text[at : at + 1] == "}":
        return result, at + 1
    while True:
        if text[at : at + 1] != '"':
            raise Malformed("no key")
        key, at = read_string(text, at)
        at = skip_white(text, at)
        if text[at : at + 1] != ":":
            raise Malformed("no colon")
        value, at = read_value(text, skip_white(text, at + 1), depth + 1)
        result[key] = value
        at = skip_white(text, at)
        if text[at : at + 1] == "}":
            return result, at + 1
        if text[at : at + 1] != ",":
            raise Malformed("no comma")
        at = skip_white(text, at + 1)


def read_array(text, at, depth):
    if depth > MAX_DEPTH:
        raise Malformed("too deep")
    result = []
    at = skip_white(text, at + 1)
    if text[at : at + 1] == "]":
        return result, at + 1
    while True:
        value, at = read_value(text, at, depth + 1)
        result.append(value)
        at = skip_white(text, at)
        if text[at : at + 1] == "]":
            return result, at + 1
        if text[at : at + 1] != ",":
            raise Malformed("no comma")
        at = skip_white(text, at + 1)


def read_string(text, at):
    """A string; 1.2: a lone surrogate escape reads as U+FFFD, raw control characters are no JSON."""
    parts = []
    at += 1
    while True:
        run = PLAIN.match(text, at)
        parts.append(run.group())
        at = run.end()
        char = text[at : at + 1]
        if char == '"':
            return "".join(parts), at + 1
        if char != "\\":
            raise Malformed("control character or no end of string")
        escape = text[at + 1 : at + 2]
        if escape in ESCAPES and escape:
            parts.append(ESCAPES[escape])
            at += 2
            continue
        if escape != "u":
            raise Malformed("unknown escape")
        unit = read_unit(text, at)
        at += 6
        if 0xD800 <= unit <= 0xDBFF and text.startswith("\\u", at):
            low = read_unit(text, at)
            if 0xDC00 <= low <= 0xDFFF:
                parts.append(chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)))
                at += 6
                continue
        parts.append("\ufffd" if 0xD800 <= unit <= 0xDFFF else chr(unit))


def read_unit(text, at):
    """The code unit of the escape `\\uXXXX` that begins at `at`."""
    digits = HEX4.match(text, at + 2)
    if not digits:
        raise Malformed("bad \\u escape")
    return int(digits.group(), 16)


def read_objects(content):
    """The objects of a line: [(object, first byte, byte length)], or Malformed.

    1.2 `event`: one JSON object, or several with nothing but white space between them.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("invalid UTF-8") from error
    found = []
    at = skip_white(text, 0)
    byte = at  # only ASCII so far
    while at < len(text):
        if text[at] != "{":
            raise Malformed("followed by anything else")
        value, end = read_object(text, at, 1)
        length = len(text[at:end].encode("utf-8"))
        found.append((value, byte, length))
        after = skip_white(text, end)
        byte += length + (after - end)
        at = after
    if not found:
        raise Malformed("nothing")
    return found


def plain(value):
    """A value for `json.dumps`."""
    if isinstance(value, Num):
        return value.plain()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value
