"""What a candidate file leaves out although it offers the rest of its kind: said in the report, not passed over."""

from __future__ import annotations

from collections.abc import Collection


def left_out(offered: Collection[str], probed: Collection[str]) -> tuple[str, ...]:
    """Return the sentence on operations that are not offered beside others of their kind, or nothing.

    ``probed`` are those that checks look at where they are offered: a product whose defect lies in one that its
    candidate file hides would pass them.
    """
    kinds = {_kind(name) for name in offered}
    missing = sorted(name for name in probed if name not in offered and _kind(name) in kinds)
    if not missing:
        return ()
    return (
        f"The candidate file does not offer {', '.join(missing)}, though it offers other operations of their kind: "
        "checks that look at every operation offered have not looked at these.",
    )


def _kind(name: str) -> str:
    return name.partition(".")[0]
