# SPDX-License-Identifier: Apache-2.0
"""Results of pack tests as JUnit XML, which CI servers read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from gateway.cli.terminal import fail
from policies.cases import CaseResult


def write_junit(path: Path, results: Sequence[CaseResult]) -> None:
    """One suite for each pack, one test case for each result; ends the command on a bad path."""
    root = ElementTree.Element("testsuites")
    for pack in dict.fromkeys(result.pack for result in results):
        of_pack = [result for result in results if result.pack == pack]
        failed = sum(not result.passed for result in of_pack)
        suite = ElementTree.SubElement(
            root, "testsuite", name=pack, tests=str(len(of_pack)), failures=str(failed)
        )
        for result in of_pack:
            case = ElementTree.SubElement(suite, "testcase", classname=pack, name=result.name)
            if not result.passed:
                message = f"line {result.line}: {result.difference}"
                ElementTree.SubElement(case, "failure", message=message)
    try:
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        fail(f"{path}: cannot be written ({error.strerror})")
