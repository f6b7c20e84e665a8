"""The stdio driver's other end: one JSON object per line in, one out. Copy it beside an adapter of your own."""

import json
import sys


def serve(operations, refusals=(ValueError,)):
    """Answer until the input ends. ``refusals`` are the exceptions by which the library says no."""
    for line in sys.stdin:
        message = json.loads(line)
        try:
            answer = {"result": operations[message["operation"]](message["arguments"])}
        except refusals as error:
            answer = {"refused": {"code": type(error).__name__, "detail": str(error)}}
        except Exception as error:  # what the library did not foresee is a defect, not a refusal
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
