# SPDX-License-Identifier: Apache-2.0
"""Builds llama.cpp's own server, the peer of `nearward bench engine --llama-server`.

    python -m tests.bench.llama_server_build FOLDER

It comes from the same source archive as the engine (its digest is pinned) and is compiled with the
same flags; only the switches that leave tools and server out are turned. FOLDER, outside the
checkout, keeps the build. It takes five to ten minutes; the last line is the program's path.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local_engine.build import ProgressLine
from local_engine.build_steps import compile_libraries, fetch_source, find_tools

MORE_FLAGS = (
    "-DLLAMA_BUILD_TOOLS=ON",
    "-DLLAMA_BUILD_SERVER=ON",
    "-DLLAMA_BUILD_UI=OFF",
)
TARGET = "llama-server"


def main() -> int:
    """Build, or do nothing where it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    program = folder / "build" / "bin" / TARGET
    if not program.exists():
        tools = find_tools(Path(sys.executable).parent)
        if isinstance(tools, str):
            print(f"no {tools} here", file=sys.stderr)
            return 1
        folder.mkdir(parents=True, exist_ok=True)
        source = next(folder.glob("llama_cpp_python-*/"), None) or fetch_source(folder)
        progress = ProgressLine(on_terminal=sys.stdout.isatty())
        compile_libraries(
            source, folder / "build", tools, progress, more_flags=MORE_FLAGS, targets=(TARGET,)
        )
    print(program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
