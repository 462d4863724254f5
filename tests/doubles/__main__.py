# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.doubles --port 9000`: the cloud of the README's demo, on loopback."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from tests.doubles.cloud import Act, Cloud


async def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9000)
    cloud = Cloud(port=parser.parse_args().port)
    cloud.otherwise = Act(content="An answer from the demo cloud, which is no model at all.")
    async with cloud:
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
