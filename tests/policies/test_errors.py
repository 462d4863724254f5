# SPDX-License-Identifier: Apache-2.0
"""The one error."""

from policies import PolicyError


def test_it_reads_as_a_compiler_would_say_it() -> None:
    """File, line, message; and what an HTTP layer wants to know."""
    error = PolicyError("hipaa.yaml", 7, "unknown key")

    assert str(error) == "hipaa.yaml:7: unknown key"
    assert (error.status, error.code, error.retryable) == (500, "policy_invalid", False)
