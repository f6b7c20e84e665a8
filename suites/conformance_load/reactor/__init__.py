"""The reactor: many connections, one epoll, one greenlet. Pure Python, as fast as the kernel lets a client be.

head, response   what a server sends, read strictly
clock            a timer to the microsecond
loop             the reactor itself
endpoint         where connections go, and their deadlines
connection, secure   one connection, plain or over TLS
batch            what Locust's statistics are told, in batches
user             :class:`ReactorUser`, a Locust user for anybody's locustfile
pump             the open loop: arrivals of several streams to free connections
"""
