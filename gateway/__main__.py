# SPDX-License-Identifier: Apache-2.0
"""`python -m gateway` is the `nearward` command."""

from gateway.cli import main

main()
