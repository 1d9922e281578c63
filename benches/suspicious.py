"""Logs that are made against the search for credentials (spec 5.4.5 T126).

Each line says one thing over and over: a credential, or the beginning of one, which goes on being one for as long as
possible, before a whole one of another kind. A search that reads on behind what it finds reads such a line again for
everything in it.
"""

import itertools
import os

# So many bytes of each kind, however long its lines are.
BYTES = 64 * 1024


def noise(length):
    return "".join("b7Qx2ZkT9mWc4Rv1"[(i * 7 + i // 5) % 16] for i in range(length))


WHOLE = [
    "AKIA" + "Q7RT" * 4, "SecretAccessKey: " + noise(40), "AIza" + noise(35), "ya29." + noise(60),
    "AccountKey=" + noise(86) + "==", "dop_v1_" + "0af9" * 16, "sk-ant-" + noise(30), "sk-proj-" + noise(30),
    "sk-" + noise(20) + "T3BlbkFJ" + noise(20), "hf_" + noise(34), "ghp_" + noise(36), "github_pat_" + noise(60),
    "glpat-" + noise(20), "sk_live_" + noise(24), "whsec_" + noise(32), "xoxb-" + noise(40), "npm_" + noise(36),
    "pypi-AgEI" + noise(50), "eyJ" + noise(20) + ".eyJ" + noise(20) + "." + noise(10), "Bearer " + noise(24),
    "-----BEGIN PRIVATE KEY-----" + noise(64), "://me:" + noise(8) + "@h/",
]

BEGUN = [
    "eyJ" + noise(9), "sk-" + noise(17), "eyJ" + noise(9) + ".", "Bearer  ", "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY", "AccountKey=" + noise(40), "://a:", "sk-", "ghp_" + noise(20), "ecret_access_key ",
]


def write(out, length):
    """One run, whose lines are so many bytes long."""
    directory = os.path.join(out, "suspicious")
    os.makedirs(directory)
    with open(os.path.join(directory, "run.log"), "w", encoding="ascii") as log:
        said = WHOLE + BEGUN + [one + other for one, other in itertools.product(BEGUN, WHOLE[:1] + WHOLE[9:10])]
        for one in said:
            line = '{"event":"log","msg":"' + one * (length // len(one)) + '"}\n'
            log.write(line * (BYTES // length))
