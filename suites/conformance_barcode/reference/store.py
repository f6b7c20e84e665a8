"""Tables of the barcode part, and the day that limits and bills count by."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

#: Limits and bills follow the calendar of Beijing.
BEIJING = timezone(timedelta(hours=8))

SCHEMA = """
CREATE TABLE IF NOT EXISTS bar_codes (
    id TEXT PRIMARY KEY, merchant TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER,
    currency TEXT NOT NULL, order_id TEXT, payload TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bar_orders (
    id TEXT PRIMARY KEY, merchant TEXT NOT NULL, creditor TEXT NOT NULL, debtor TEXT, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, state TEXT NOT NULL, kind TEXT NOT NULL, payment TEXT, request TEXT, paid TEXT, day TEXT);
CREATE INDEX IF NOT EXISTS bar_orders_day ON bar_orders (merchant, day);
CREATE INDEX IF NOT EXISTS bar_orders_debtor ON bar_orders (debtor, day);
CREATE TABLE IF NOT EXISTS bar_paycodes (
    code TEXT PRIMARY KEY, account TEXT NOT NULL, owner TEXT NOT NULL, state TEXT NOT NULL, issued REAL NOT NULL);
CREATE TABLE IF NOT EXISTS bar_refunds (
    id TEXT PRIMARY KEY, order_id TEXT NOT NULL, merchant TEXT NOT NULL, key TEXT NOT NULL, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, day TEXT NOT NULL, UNIQUE (merchant, key));
"""


def day_of(moment: datetime) -> str:
    """Return the day in Beijing, as 2026-01-31."""
    return moment.astimezone(BEIJING).date().isoformat()


def stamp(moment: datetime) -> str:
    """Return an instant as RFC 3339 text in UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
