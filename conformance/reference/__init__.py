"""The reference candidate: a sound bank that runs embedded, and the switches that make it unsound on purpose.

    process.py   the handle a run holds on it                     serve.py    the command: starts the minder
    minder.py    control port; outlives the bank                  cradle.py   forks the bank, loaded already
    serving.py   the bank's own process: ports, TLS               strain.py   faults that show under load
    mishaps.py   faults of a killed, paused or cut-off bank       counts.py   what faults did, kept beyond its death
    host.py      what parts of suites are given                   app.py      routes, headers, errors
    bank.py      accounts and bookings (SQLite)                   database.py durable before an answer
    tokens.py    access tokens       clients.py  who asks         signatures.py  RFC 9421
    input.py     strict JSON         audit.py    chained records  control.py     faults, reset, hooks

Nothing here imports the harness's own client, signing or oracle code: a shared bug would hide itself.
"""
