"""Times and sizes by which nodes live."""

from __future__ import annotations

#: How long a proposer collects transactions, and how long the others wait for it (milliseconds).
COLLECT_MS = 5
ROUND_MS = 300
ROUND_MS_MAX = 2_000
#: After a block with transactions an empty one follows, as a heartbeat that others can build on (milliseconds).
EMPTY_AFTER_MS = 120
#: What the fault "ledger.slow-rounds" adds (milliseconds).
SLOW_MS = 2_500
#: What each waiting transaction adds under the fault "load.slow-finality", and at most in all (milliseconds).
CROWDED_MS = 250
CROWDED_MS_MAX = 4_000
#: How many transactions may wait.
POOL_MAX = 5_000
#: How far a transaction's own time may lie ahead of a node's clock (milliseconds).
CLIENT_AHEAD_MS_MAX = 60_000
#: How many transactions a block holds, how many blocks one answer to a node that is behind, and how many
#: transactions wait for the account that sends them.
BATCH = 200
EARLY_MAX = 100
ASK_MAX = 100
