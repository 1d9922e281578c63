"""Bytes to lines and their classes (spec 1.2)."""

from strictjson import Malformed, read_objects

MAX_LINE = 8 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
ASCII_WHITE = b" \t\n\x0c\r"  # "ASCII white space" as WHATWG defines it: no VT (reading)
JSON_WHITE = b" \t\n\r"


class Line:
    """One physical line: number, offset and content (without mark, NULs and line end), class, objects of an event line."""

    def __init__(self, number, offset, content, kind, objects):
        self.number = number
        self.offset = offset
        self.content = content
        self.kind = kind  # event, text, malformed, oversized, blank
        self.objects = objects

    def records(self):
        """(offset, length, object or None) of each event on the line.

        1.2: those of the line without mark, NULs and line end; of the object itself where several are glued.
        """
        if self.kind == "blank":
            return []
        if self.kind != "event":
            return [(self.offset, len(self.content), None)]
        if len(self.objects) == 1:
            return [(self.offset, len(self.content), self.objects[0][0])]
        return [(self.offset + at, length, value) for value, at, length in self.objects]


def strip_front(raw, offset):
    """1.2: a byte-order mark at the start of the file and NUL bytes at the start of a line are skipped."""
    if offset == 0 and raw.startswith(BOM):
        raw, offset = raw[len(BOM) :], len(BOM)
    content = raw.lstrip(b"\0")
    return content, offset + len(raw) - len(content)


def classify(content, max_line):
    """1.2: every line is exactly one of these, the first that applies.  (class, objects)"""
    if len(content) > max_line:
        return "oversized", []
    if not content.strip(ASCII_WHITE + b"\0"):
        return "blank", []
    if not content.lstrip(JSON_WHITE).startswith(b"{"):
        return "text", []
    try:
        return "event", read_objects(content)
    except Malformed:
        return "malformed", []


def split(data, max_line=MAX_LINE):
    """All lines of a log and the number of pending bytes.

    1.2 "Lines end at \\n; one \\r before it is dropped"; a last line without \\n that consists of whole objects is taken
    (provisionally), any other unterminated tail is pending and no line yet.
    """
    lines = []
    start = 0
    number = 0
    while True:
        end = data.find(b"\n", start)
        if end < 0:
            break
        raw = data[start:end]
        if raw.endswith(b"\r"):
            raw = raw[:-1]
        number += 1
        content, offset = strip_front(raw, start)
        lines.append(Line(number, offset, content, *classify(content, max_line)))
        start = end + 1
    tail = data[start:]
    content, offset = strip_front(tail, start)
    kind, objects = classify(content, max_line)
    if kind == "event":
        lines.append(Line(number + 1, offset, content, kind, objects))
        return lines, 0
    return lines, len(tail)
