"""A press by itself: what it says of its start and of its core. Locust patches sockets, so in other processes."""

import subprocess
import sys
from pathlib import Path

HEAD = """
from gevent import monkey; monkey.patch_all()
import sys, time
sys.path.insert(0, {folder!r})
from scripted import Server
from conformance_load.flow import Span, Stream
from conformance_load.press import press
from conformance_load.tally import Tally

MS = 1_000_000

class Work:
    burns_s = 0.0

    def request(self, arrival):
        if 100 <= arrival < 110:
            until = time.process_time() + self.burns_s
            while time.process_time() < until:
                pass
        return b"GET /%d HTTP/1.1\\r\\n\\r\\n" % arrival, False

    def sending(self, arrival, at_ns):
        pass

    def answered(self, arrival, reply, times):
        return "broken" if reply.broken else "confirmed"

def pressed(count, *, epoch_wall_s=None, seconds=1, work=None):
    with Server() as server:
        arrivals = iter([number * 10 * MS for number in range(count)])
        stream = Stream("s", server.target(), arrivals, work or Work(), Tally(seconds))
        found = press([stream], Span(0, seconds, 2, epoch_wall_s), connections=2, progress=lambda taken: None)
    assert stream.tally.counts["confirmed"] == count, stream.tally.counts
    return found, stream.tally
"""


def run(code):
    text = HEAD.format(folder=str(Path(__file__).parent / "reactor")) + code
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_an_agreed_start_is_kept_or_the_miss_is_told():
    run("""
at = time.time() + 0.5
found, tally = pressed(20, epoch_wall_s=at)
assert abs(found.epoch_wall_ns / 1e9 - at) < 0.001
assert found.late_us == 0
found, tally = pressed(20, epoch_wall_s=time.time() - 0.5)
assert 500_000 <= found.late_us < 5_000_000, found
assert tally.own_lag.largest > 300_000
""")


def test_the_busiest_second_counts_and_not_the_mean():
    run("""
work = Work()
work.burns_s = 0.12
found, _ = pressed(400, seconds=4, work=work)
assert found.cpu_permille > 450, found
calm, _ = pressed(400, seconds=4)
assert calm.cpu_permille < found.cpu_permille
""")
