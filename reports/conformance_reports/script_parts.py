"""What is the same in every script that repeats a check: its head, its functions and its end."""

from __future__ import annotations

HEAD = """#!/usr/bin/env bash
# {check}: {title}
#
# {reason}
#   expected: {expected}
#   actual:   {actual}
#
# Repeats the check's requests against the product and compares each status with the recorded one.
# Exit code 0: every answer was as recorded. 1: one was not. 2: something is missing. Needs {tools}.
{cautions}[ -n "${{BASH_VERSION:-}}" ] || exec bash "$0" "$@"
set -uo pipefail
"""

#: What is lacking is told after the harness was asked for it, and of twelve variables at most.
NEED = """lacking=()
need() { [ -n "${!1:-}" ] || lacking+=("$1 is not set; export it: $2"); }
tell_lacking() {
  printf '%s\\n' "${lacking[@]:0:12}" >&2
  [ "${#lacking[@]}" -le 12 ] || echo "and $((${#lacking[@]} - 12)) more" >&2
  exit 2
}
"""

#: Twelve characters, as many as they replace: a Content-Length that is part of a raw request stays as wrong as it was.
TOOLS = r"""
: "${FRESH:=$(printf '%08x%04x' "$(date +%s)" "$RANDOM")}"
FRESH_CAPITALS=$(printf '%s' "$FRESH" | tr a-f A-F)
differs=0
here=$(cd "$(dirname "${BASH_SOURCE[0]:-.}")" && pwd)
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
pick() { python3 -c 'import json, sys
try:
    value = json.load(open(sys.argv[1]))
    for step in sys.argv[2:]: value = value[int(step) if isinstance(value, list) else step]
    print(value)
except (OSError, ValueError, LookupError, TypeError):
    print("    the answer holds no", ".".join(sys.argv[2:]) + ": what follows cannot be as recorded", file=sys.stderr)
' "$work/answer" "$@"; }
show() { # the first part of the answer
  head -c 600 "$work/answer" 2>/dev/null | tr -d '\000\r' | sed 's/^/    /'
  [ "$(wc -c 2>/dev/null < "$work/answer")" -le 600 ] 2>/dev/null || echo -n ' …'
  echo
}
outline() { python3 -c '
import json, re, sys
try:
    answer = json.load(open(sys.argv[1], encoding="utf-8"))
except (OSError, ValueError):
    answer = None
for name in sorted(answer) if isinstance(answer, dict) else ():
    tells = re.fullmatch(sys.argv[2], name, re.I) and re.fullmatch(sys.argv[3], str(answer[name]))
    print(f"{name}={answer[name]}" if tells else name, end=" ")
' "$work/answer" '%CODES%' '%WORD%'; }
ask() { # recorded status, what outlines the answer where that was an object, then the command
  local recorded=$1 outlined=$2 status found; shift 2
  rm -f "$work/answer"
  status=$("$@" --silent --show-error --max-time 30 --dump-header "$work/head" --output "$work/answer" \
    --write-out '%{http_code}')
  found=$outlined; [ -z "$outlined" ] || found=$(outline)
  if [ "$status" != "$recorded" ]; then echo "    $status, recorded was $recorded"; differs=1
  elif [ "${found% }" != "$outlined" ]; then
    echo "    $status, as recorded, but the answer is of another kind: ${found% }"
    echo "    recorded was: $outlined"; differs=1
  else echo "    $status, as recorded"; fi
  tail -n +2 "$work/head" 2>/dev/null | tr -d '\r' | grep . | head -n 25 | sed 's/^/    < /'
  show
}
"""

#: Members at the top of an answer whose values tell whether it is a refusal; a status is too often 200.
CODES = r"(?:(?:ret|return|resp|response|result|err|error|sub|biz)_?)?code|success|errno"
#: One word of a script.
WORD = r"[\w.$@:-]{1,60}"
TOOLS = TOOLS.replace("%CODES%", CODES).replace("%WORD%", WORD)

#: Only for scripts with raw exchanges. A server may leave a connection open: two quiet seconds after an answer end it.
RAW = r"""raw() { # recorded statuses, then the command that sends "$work/sent" and prints what comes back
  local recorded=$1 statuses process waited=0 quiet=0 size=0 now end=ended; shift
  "$@" < "$work/sent" > "$work/answer" 2> "$work/errors" & process=$!
  disown "$process"
  while kill -0 "$process" 2>/dev/null; do
    sleep 0.2; waited=$((waited + 1)); now=$(($(wc -c < "$work/answer")))
    if [ "$now" -gt "$size" ]; then size=$now quiet=0; else quiet=$((quiet + 1)); fi
    if [ "$waited" -ge 75 ] || { [ "$size" -gt 0 ] && [ "$quiet" -ge 10 ]; }; then
      end='still open'; kill "$process" 2>/dev/null; break
    fi
  done
  statuses=$(LC_ALL=C grep -ao 'HTTP/1\.[01] [0-9][0-9][0-9]' "$work/answer" | cut -d ' ' -f 2 | tr '\n' ' ')
  statuses=${statuses% }
  case "$statuses " in # the check may have hung up before the last answer
    "$recorded "*) echo "    ${statuses:-no answer}, as recorded; the connection: $end";;
    *) echo "    ${statuses:-no answer}, recorded was ${recorded:-no answer}; the connection: $end"; differs=1;;
  esac
  [ -s "$work/answer" ] || tail -n 3 "$work/errors" | sed 's/^/    /'
  show
}
"""

#: Only for scripts with bursts. Who wins a race is left to chance, so only how often each status came is compared.
AT_ONCE = r"""
recorded=()
at_once() { # recorded status, then the command
  local number=${#recorded[@]}; recorded+=("$1"); shift
  "$@" --silent --show-error --max-time 30 --output "$work/answer.$number" --write-out '%{http_code}\n' \
    > "$work/status.$number" &
}
together() { # waits for all of them
  local wanted found number; wait
  wanted=$(printf '%s\n' "${recorded[@]}" | sort | tr '\n' ' '); found=$(cat "$work"/status.* | sort | tr '\n' ' ')
  if [ "$found" = "$wanted" ]; then echo "    ${found% }, as recorded"
  else echo "    ${found% }, recorded was ${wanted% } (a race is won by chance: run this again)"; differs=1; fi
  for number in "${!recorded[@]}"; do cp "$work/answer.$number" "$work/answer" 2>/dev/null; show; done
  rm -f "$work"/status.*; recorded=()
}
"""

#: A status alone does not always show a failure: what was expected is said again, to be compared with the answers.
END = """
if [ "$differs" = 0 ]; then printf '%s\\n' 'every status was as recorded; in the answers above, compare:' {compare}
else echo 'not every status was as recorded: see the lines above'; fi
exit "$differs"
"""
