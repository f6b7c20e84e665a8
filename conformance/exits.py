"""Exit codes: the same for every verb, so that a pipeline can tell a bad product from a bad setup."""

from typing import Final

CONFORMANT: Final = 0  #: every selected requirement met under the profile's decision rule
NOT_CONFORMANT: Final = 1  #: at least one requirement failed at or above the rule's severity
USAGE: Final = 2  #: a wrong option or a mistake in a file; nothing was tested
INCONCLUSIVE: Final = 3  #: the verdict could not be reached: untested, unclear or interrupted checks
UNTRUSTED: Final = 4  #: a signature, a digest or a trust rule does not hold
NOTHING_SELECTED: Final = 5  #: the profile and filters select no check
HARNESS: Final = 70  #: our bug or our machine's: full disk, killed child, internal error
INTERRUPTED: Final = 130  #: stopped by Ctrl-C; the run can be resumed
