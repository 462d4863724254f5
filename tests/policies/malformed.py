# SPDX-License-Identifier: Apache-2.0
"""Packs that are not packs: what was done to a good one, on which line, and what the error says."""

from typing import NamedTuple

GOOD = """\
pack: demo
version: "1"
description: a pack for tests
rules:
  - id: let
    effect: permit
    when: {data_class: {at_most: internal}}
    reason: permitted
    description: lets
    citation: none
  - id: owe
    effect: oblige
    when:
      any:
        - tier: [onprem, cloud]
        - not: {zero_data: true}
    obligations: [no_store, no_cache]
    reason: handle_with_care
    description: owes
    citation: none
tests:
  - name: leaves
    facts: {role: user, has_tools: true, declared_class: public, may_relax: [pii], max_tier: cloud}
    findings: {data_class: public, kinds: [NAME], errors: [slow]}
    destination: {tier: cloud, baa: {expires: 2027-01-01, scope: "*"}}
    allow: true
"""


class Malformed(NamedTuple):
    """A replacement in GOOD, and the line and message that it must give."""

    old: str
    new: str
    line: int
    message: str


MALFORMED = (
    # The YAML itself.
    Malformed(GOOD, "", 1, "the file is empty"),
    Malformed(GOOD, "# nothing\n", 1, "the file is empty"),
    Malformed(GOOD, "---\n", 2, "expected a mapping for a pack"),
    Malformed(GOOD, "- a\n- b\n", 1, "expected a mapping for a pack"),
    Malformed("rules:\n", "rules: [\n", 5, "not YAML"),
    Malformed("version:", "\tversion:", 2, "not YAML"),
    Malformed("a pack for tests", "a \x07 bell", 0, "a character that is not allowed"),
    Malformed('version: "1"', "pack: again", 2, "duplicate key 'pack', first on line 1"),
    Malformed("    effect: permit\n", "    effect: permit\n    id: x\n", 7, "duplicate key 'id'"),
    Malformed("a pack for tests", "&a text", 3, "anchors and aliases"),
    Malformed("a pack for tests", "*a", 3, "anchors and aliases"),
    Malformed("a pack for tests", "!!python/name:os.system x", 3, "tags are not allowed"),
    Malformed("    allow: true\n", "    allow: true\n---\na: b\n", 27, "a single document"),
    Malformed("a pack for tests", "[" * 40 + "]" * 40, 3, "at most 32 levels"),
    Malformed("pack: demo", "? [a, b]\n: demo", 1, "expected text as a key"),
    # The pack.
    Malformed("pack: demo\n", "", 1, "a pack has no 'pack'"),
    Malformed("pack: demo", "pack: Demo Pack", 1, "expected lower-case letters"),
    Malformed("pack: demo", "pack: true", 1, "quote it if it is meant to be text"),
    Malformed('version: "1"', "verson: 1", 2, "unknown key 'verson' in a pack"),
    Malformed('version: "1"', 'version: ""', 2, "a pack has an empty 'version'"),
    Malformed("a pack for tests", "", 3, "quote it"),
    Malformed("description: a pack for tests\n", "", 1, "a pack has no 'description'"),
    Malformed("rules:\n", "otherwise: because\nrules:\n", 4, "unknown reason 'because'"),
    Malformed(GOOD, 'pack: demo\nversion: "1"\nrules: []\n', 3, "a list of at least one rule"),
    Malformed(GOOD, "pack: demo\nrules: {a: b}\n", 2, "a list of at least one rule"),
    Malformed(GOOD, "pack: demo\nrules: [x]\n", 2, "expected a mapping for a rule"),
    Malformed("id: owe", "id: let", 11, "two rules with the id 'let'"),
    # A rule.
    Malformed("effect: permit", "effect: allow", 6, "unknown effect 'allow', expected one of: per"),
    Malformed("reason: permitted", "reason: why_not", 8, "unknown reason 'why_not'"),
    Malformed("  - id: let\n", "  - effekt: permit\n    id: let\n", 5, "unknown key 'effekt'"),
    Malformed("    effect: permit\n", "", 5, "rule 'let' has no 'effect'"),
    Malformed("    description: lets\n", "", 5, "rule 'let' has no 'description'"),
    Malformed(
        "    description: lets\n    citation: none\n", "    description: lets\n", 5, "'citation'"
    ),
    Malformed("    when: {data_class: {at_most: internal}}\n", "", 5, "rule 'let' has no 'when'"),
    Malformed(
        "    obligations: [no_store, no_cache]\n", "", 11, "'obligations' belong to the effect"
    ),
    Malformed(
        "    reason: permitted\n", "    reason: permitted\n    obligations: redact\n", 5, "only to"
    ),
    Malformed("[no_store, no_cache]", "[no_store, no_fun]", 17, "unknown obligation 'no_fun'"),
    # A condition.
    Malformed(
        "data_class: {at", "dataclass: {at", 7, "unknown field 'dataclass', expected one of: any"
    ),
    Malformed("at_most: internal", "at_most: secrit", 7, "unknown class 'secrit'"),
    Malformed("at_most: internal", "below: phi", 7, "unknown key 'below' in a range of classes"),
    Malformed("{at_most: internal}", "{}", 7, "expected at_least, at_most or both"),
    Malformed("{at_most: internal}", "{at_least: phi, at_most: pii}", 7, "no class is meant"),
    Malformed("{at_most: internal}", "[public, publik]", 7, "unknown data_class 'publik'"),
    Malformed("{at_most: internal}", "[]", 7, "a list of at least one value"),
    Malformed(
        "{data_class: {at_most: internal}}", "always", 7, "expected a mapping for a condition"
    ),
    Malformed("tier: [onprem, cloud]", "tier: [onprem, clouds]", 15, "unknown tier 'clouds'"),
    Malformed("tier: [onprem, cloud]", "kinds: [NMAE]", 15, "unknown kinds 'NMAE'"),
    Malformed("tier: [onprem, cloud]", "region: {a: b}", 15, "a list of at least one value"),
    Malformed("tier: [onprem, cloud]", "tenant: [true]", 15, "quote it"),
    Malformed("tier: [onprem, cloud]", "tenant: [[a]]", 15, "expected text"),
    Malformed("zero_data: true", "zero_data: yes", 16, "expected true or false"),
    Malformed("zero_data: true", 'zero_data: "true"', 16, "expected true or false"),
    Malformed("{at_most: internal}", "{at_least: phi}", 5, "begins to hold when data_class rises"),
    Malformed("data_class: {at_most: internal}", "kinds: SSN", 5, "kinds rises from none to SSN"),
    Malformed(
        "- tier: [onprem, cloud]", "- data_class: [pii]", 11, "ceases to hold when data_class"
    ),
    # An example.
    Malformed("  - name: leaves\n", "  - nome: leaves\n", 22, "unknown key 'nome' in a test"),
    Malformed("tests:\n", "tests: []\nx:\n", 22, "unknown key 'x' in a pack"),
    Malformed("role: user", "rolle: user", 23, "unknown key 'rolle' in facts"),
    Malformed("has_tools: true", "has_tools: 1", 23, "expected true or false"),
    Malformed("max_tier: cloud", "max_tier: moon", 23, "unknown tier 'moon'"),
    Malformed("kinds: [NAME]", "kinds: [NOM]", 24, "unknown kind 'NOM'"),
    Malformed("{data_class: public, k", "{k", 24, "findings has no 'data_class'"),
    Malformed("2027-01-01", "next year", 25, "expected a date such as 2027-06-30"),
    Malformed("expires: 2027-01-01, ", "", 25, "a BAA has no 'expires'"),
    Malformed("tier: cloud, baa", "name: x, baa", 25, "unknown key 'name' in a destination"),
    Malformed("    allow: true\n", "", 22, "test 'leaves' has no 'allow'"),
    Malformed("    allow: true\n", "    allow: maybe\n", 26, "expected true or false"),
)
