"""The reference candidate: a sound bank that runs embedded, and the switches that make it unsound on purpose.

    serve.py     the process: ports, TLS, control                 process.py  the handle a run holds on it
    host.py      what parts of suites are given                   app.py      routes, headers, errors
    bank.py      accounts and bookings (SQLite)                   database.py durable before an answer
    tokens.py    access tokens       clients.py  who asks         signatures.py  RFC 9421
    input.py     strict JSON         audit.py    chained records  control.py     faults, reset, hooks

Nothing here imports the harness's own client, signing or oracle code: a shared bug would hide itself.
"""
