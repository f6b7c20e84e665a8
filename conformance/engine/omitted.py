"""What a candidate file leaves out although it offers the rest of its kind: said in the report, not passed over."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from conformance.contract.neutral import neutral_operations


def left_out(offered: Collection[str], needed: Iterable[str]) -> tuple[str, ...]:
    """Return the sentence on operations that are not offered beside others of their group, or nothing.

    ``needed`` are those without which some check is not run at all, and says so itself.
    Kinds of which no check needs any are none of the run's business.

    Others are looked at where they are offered: a product whose defect lies in one that its candidate file hides would
    pass.
    """
    groups = {_group(name) for name in offered} & {_group(name) for name in needed}
    known = set(neutral_operations()) - {*offered, *needed}
    missing = sorted(name for name in known if _group(name) in groups)
    if not missing:
        return ()
    return (
        f"The candidate file does not offer {', '.join(missing)}, though it offers other operations of their kind: "
        "checks that look at every operation offered have not looked at these.",
    )


def _group(name: str) -> str:
    return name.partition(".")[0]
