"""A candidate that is a program: one JSON object a line in, one out. It knows accounts.read and nothing else."""

import json
import sys

for line in sys.stdin:
    request = json.loads(line)
    answer = {"result": {"id": request["arguments"].get("account", ""), "currency": "CNY"}}
    print(json.dumps(answer), flush=True)
