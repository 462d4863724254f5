# SPDX-License-Identifier: Apache-2.0
"""What can go wrong before a policy exists. `decide` itself never raises.

Exception                       status  code
+-- PolicyError                 500     policy_invalid

(space.TooManyPointsError never leaves the package: parse.py turns it into a PolicyError.)
"""

from __future__ import annotations


class PolicyError(Exception):
    """A pack or the list of destinations is not a policy: where, and what was expected instead.

    `line` counts from 1; 0 means the file as a whole. Messages quote at most a name from the
    pack, never anything from a request.
    """

    status = 500
    code = "policy_invalid"
    retryable = False

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file = file
        self.line = line
        self.message = message
