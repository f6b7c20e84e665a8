"""Several generators on one schedule, over Locust's own master and workers.

calling.py  who belongs to a crew, and where it meets
secure.py   who may join: one secret, from which the keys of the channel follow
orders.py   what is said between them
master.py   enlists workers, sets the common start, watches for losses, and joins what they measured
worker.py   the other side, in a process of its own
joining.py  adding up what several generators measured, exactly
"""
