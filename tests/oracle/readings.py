"""Choices where the specification allows two readings and the two reducers were found to differ.

Each is on (the reading named here) or off (the other one).  `--reading NAME=off` of `reduce.py` and `compare.py` flips one,
so that a known disagreement does not hide the next.  README.md says more about each.
"""

ON = {
    "float_ids": False,  # 1.3: an id written 2.0 is the integer id 2, since "2.0 is whole"; off: it is no id
    "skill_is_text": False,  # 1.3: of "step, skill, step name | id, text" only the step is an id; off: skill is an id too
    "queued_names": True,  # 2.7 particulars: *queued* for a value whose span is open names it; off: it names nothing
    "skip_needs_value": True,  # rule 5: *skipped* without a value does nothing; off: closes the open span of that kind
    "replaced_path_moves": False,  # 4.2 "artifacts by line": of one line, a replaced path is where it was said last; off: first
    "sums_are_unbounded": False,  # rule 4: tokens are added as numbers; off: they stay at 2^63-1
    "skipped_status_is_an_end": False,  # 2.7: *finished* with status skipped is still the verb finished; off: *skipped*
    "spans_have_names": True,  # rule 6: the subject span takes the step name or tool name; off: it has no name
}


def choose(settings):
    """Takes settings such as `float_ids=off`."""
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in ON or value not in ("on", "off"):
            raise SystemExit(f"unknown reading {setting}; there are: {', '.join(ON)}")
        ON[name] = value == "on"
