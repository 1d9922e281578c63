"""Runs a command and writes its seconds, processor seconds and peak memory in KiB to a descriptor: alone.py FD COMMAND…

A process begins with the peak memory of the one that starts it; this one is small.
"""

import os
import sys
import time

begin = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
seconds = time.perf_counter() - begin
os.write(int(sys.argv[1]), f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
