"""The part of a script that lets the harness check again, where no script can make what a request needs.

Signatures end a minute after they were made, proofs and codes serve once, tokens that a check forged are kept nowhere:
the harness makes them anew, so that the failure can be seen again by the same file.
"""

from __future__ import annotations

from conformance_reports.command_words import single
from conformance_reports.reading import Row
from conformance_reports.visible import one_line

#: Ends the script where the check was decided; goes on where it was not, or where there is no harness to ask.
_FUNCTION = r"""
again_by_harness() { # why; runs the check anew: where it is decided, that ends this script
  local harness=${CONFORMANCE:-conformance} candidate=${CANDIDATE:-candidate.toml} profile=${PROFILE:-} code
  [ -n "$profile" ] || profile=%PROFILE%
  if ! command -v "$harness" > /dev/null; then
    echo "there is no command $harness to check again with: name it in CONFORMANCE" >&2; return
  elif ! [ -f "$candidate" ]; then
    echo "there is no file $candidate for $harness to check again with: name it in CANDIDATE" >&2; return
  fi
  printf '%s\n' "$1:" "  $harness run -c $candidate -p $profile --check "%CHECK%
  "$harness" run -c "$candidate" -p "$profile" --check %CHECK% --report json --quiet --format json > "$work/run"
  python3 -c 'import json, sys
try:
    run = json.load(open(sys.argv[1], encoding="utf-8"))["run"]
    [row] = [
        row
        for row in json.load(open(run + "/report.json", encoding="utf-8"))["predicate"]["outcomes"]
        if row["check"] == sys.argv[2]
    ]
except (OSError, ValueError, LookupError, TypeError):
    print("    the harness could not check: see its words above", file=sys.stderr)
    sys.exit(2)
print("    " + row["outcome"] + (", as recorded: " if row["outcome"] == sys.argv[3] else ": ") + row["reason"])
print("    the run: " + run)
sys.exit({sys.argv[3]: 0, "passed": 1}.get(row["outcome"], 2))' "$work/run" %CHECK% %OUTCOME%
  code=$?; [ "$code" -ge 2 ] || exit "$code"
}
"""

#: After requests whose answers may differ although nothing was mended: where they did, the harness decides.
UNLIKE = """
[ "$differs" = 0 ] || again_by_harness {why}
"""
RACES, HANDSHAKES = "a race is won by chance", "a ticket or a key share may serve once"

#: Said in the head of scripts whose requests are not worth much as they were.
CAUTION = """\
# {why}, so that the harness checks
# again, if there is one: the command CONFORMANCE (conformance) with the file CANDIDATE (candidate.toml). With
# CONFORMANCE=none, the requests are sent as they are here.
"""
SIGNED = "Its requests are signed, which ends a minute or so later and covers what is new in each run"
MASKED = "The evidence masks part of the bodies of exchanges {numbers}, which lie beside this script"


def function(row: Row, profile: str) -> str:
    """Return the shell function that runs the check of ``row`` in ``profile`` anew and compares the outcomes."""
    places = {"%CHECK%": str(row["check"]), "%OUTCOME%": str(row["outcome"]), "%PROFILE%": profile}
    text = _FUNCTION
    for place, value in places.items():
        text = text.replace(place, single(one_line(value)))
    return text
