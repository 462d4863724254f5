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

WHEN = "effect: permit\n    when: {data_class: {at_most: internal}}"
_REST = "reason: permitted, description: d, citation: c}\n"
AGAIN = "  - {id: again, effect: allow, when: {data_class: public}, " + _REST + "  - id: owe\n"
STOP = "  - {id: stop, effect: local_only, when: {}, " + _REST + "  - id: owe\n"
HALT = "  - {id: halt, effect: block, when: {role: user}, description: d, citation: c}\n"
MARK = (
    "  - {id: mark, effect: oblige, obligations: record, when: {tier: cloud, baa: false}, reason: "
    "handle_with_care, description: d, citation: c}\n"
)
SAFE = "id: safe, says: it is, never: {}"


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
    Malformed(
        "effect: permit", "effect: let", 6, "unknown effect 'let', expected one of: allow, ap"
    ),
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
    Malformed("at_most: internal", "at_most: secrit", 7, "unknown data_class 'secrit'"),
    Malformed("at_most: internal", "below: phi", 7, "unknown key 'below' in a range of data_class"),
    Malformed("{at_most: internal}", "{}", 7, "expected at_least, at_most or both"),
    Malformed(
        "{at_most: internal}", "{at_least: phi, at_most: pii}", 7, "so no data_class is meant"
    ),
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
    # Values that nothing will ever have; test_words.py has more.
    Malformed("tier: [onprem, cloud]", "role: [user, root]", 15, "unknown role 'root', expected"),
    Malformed("tier: [onprem, cloud]", "jurisdiction: Germany", 15, "a country's ISO 3166 code"),
    Malformed("tier: [onprem, cloud]", "endpoint: /v1/chat", 15, "unknown endpoint '/v1/chat'"),
    Malformed("tier: [onprem, cloud]", "purpose: Research", 15, "lower-case words joined by '_'"),
    # Lists.
    Malformed("rules:\n", "lists: [a]\nrules:\n", 4, "expected a mapping for lists"),
    Malformed("rules:\n", "lists: {eea: []}\nrules:\n", 4, "a list of at least one value"),
    Malformed("rules:\n", "lists: {A-B: [x]}\nrules:\n", 4, "expected lower-case letters"),
    Malformed("tier: [onprem, cloud]", "region: $eea", 15, "no list 'eea', expected one of: none"),
    Malformed("tier: [onprem, cloud]", 'role: "$x"', 15, "no list 'x', expected one of: none"),
    # Effects and what belongs to them.
    Malformed("effect: permit", "effect: [permit]", 6, "expected text"),
    Malformed(
        "effect: permit", "effect: permit\n    kinds: NAME", 7, "belong to the effect 'redact'"
    ),
    Malformed(
        "effect: oblige", "effect: redact", 11, "'obligations' belong to the effect 'oblige'"
    ),
    Malformed(WHEN, "effect: block\n    when: {tier: cloud}", 7, "no condition on a destination"),
    Malformed(
        WHEN, "effect: queue\n    when: {baa: true}", 7, "condition on a destination such as"
    ),
    Malformed(
        WHEN, "effect: approve\n    when: {data_class: pii}", 5, "approve rule 'let' ceases to hold"
    ),
    Malformed(
        WHEN, "effect: block\n    when: {data_class: pii}", 5, "ceases to hold when data_class"
    ),
    Malformed("tier: [onprem, cloud]", "retention: {at_most: day}", 15, "unknown retention 'day'"),
    Malformed("tier: [onprem, cloud]", "tier: {at_least: sky}", 15, "unknown tier 'sky'"),
    Malformed("tier: [onprem, cloud]", "region: {at_least: a}", 15, "a list of at least one value"),
    Malformed("tier: [onprem, cloud]", "agreements: baa", 15, "unknown agreements 'baa', expected"),
    Malformed("tier: [onprem, cloud]", "break_glass: 1", 15, "expected true or false"),
    # Rules that can do nothing.
    Malformed(
        "{data_class: {at_most: internal}}",
        "{data_class: public, not: {data_class: {at_most: pii}}}",
        5,
        "rule 'let' is unreachable, expected a condition that can hold: the data class is public",
    ),
    Malformed("  - id: owe\n", AGAIN, 11, "rule 'again' is shadowed by the permit rule 'let' on"),
    Malformed(
        "  - id: owe\n", STOP, 5, "rule 'let' is shadowed by the forbid rule 'stop' on line 11"
    ),
    Malformed(
        WHEN,
        "effect: permit\n    when: {data_class: public, zero_data: true, retention: days_30}",
        5,
        "rule 'let' is unreachable, expected a condition that can hold",
    ),
    Malformed(
        "  - id: owe\n",
        STOP.replace("{}", "{tier: device}"),
        11,
        "the forbid rule 'stop' matches the device alone, which it can neither open nor close",
    ),
    Malformed(
        WHEN,
        "effect: permit\n    when: {data_class: public, not: {tier: [onprem, cloud]}}",
        5,
        "the permit rule 'let' matches the device alone",
    ),
    Malformed(
        "  - id: owe\n",
        HALT + STOP.replace("{}", "{role: user, tier: cloud}"),
        12,
        "rule 'stop' is shadowed by the block rule 'halt' on line 11, which holds wherever it does",
    ),
    Malformed(
        "  - id: owe\n",
        STOP.replace("{}", "{role: user, tier: cloud}").replace("  - id: owe\n", HALT)
        + "  - id: owe\n",
        11,
        "rule 'stop' is shadowed by the block rule 'halt' on line 12",
    ),
    Malformed(
        "  - id: owe\n",
        HALT.replace("block", "queue") + STOP.replace("{}", "{role: user}"),
        11,
        "rule 'halt' is shadowed by the forbid rule 'stop' on line 12",
    ),
    Malformed(
        "  - id: owe\n",
        MARK + STOP.replace("{}", "{baa: false}"),
        11,
        "rule 'mark' is shadowed by the forbid rule 'stop' on line 12",
    ),
    # Theorems.
    Malformed(
        "tests:\n",
        "theorems: [{id: a, says: b, never: {baa: true, not: {baa: true}}}]\ntests:\n",
        21,
        "theorem 'a' says nothing, expected a condition that can hold of another destination than",
    ),
    Malformed(
        "tests:\n",
        "theorems: [{id: a, says: b, never: {tier: device}}]\ntests:\n",
        21,
        "theorem 'a' says nothing",
    ),
    Malformed(
        "tests:\n",
        "theorems: [{id: a, says: b, opens: {zero_data: true, retention: longer}}]\ntests:\n",
        21,
        "theorem 'a' says nothing",
    ),
    Malformed(
        "tests:\n",
        "theorems: [{id: a, says: b, blocks: {errors: true, data_class: phi}}]\ntests:\n",
        21,
        "theorem 'a' says nothing, expected a condition that can hold: a detector failed and",
    ),
    Malformed("tests:\n", "theorems: []\ntests:\n", 21, "a list of at least one theorem"),
    Malformed(
        "tests:\n", f"theorems: [{{{SAFE}, unless: x}}]\ntests:\n", 21, "unknown obligation 'x'"
    ),
    Malformed(
        "tests:\n", f"theorems: [{{{SAFE}, x: y}}]\ntests:\n", 21, "unknown key 'x' in a theo"
    ),
    Malformed(
        "tests:\n",
        "theorems: [{id: a, says: b}]\ntests:\n",
        21,
        "theorem 'a': expected one of: never, owes, opens, blocks",
    ),
    Malformed("tests:\n", f"theorems: [{{{SAFE}, opens: {{}}}}]\ntests:\n", 21, "expected one of"),
    Malformed(
        "tests:\n",
        "theorems: [{id: a, says: b, owes: no_store}]\ntests:\n",
        21,
        "theorem 'a' has no 'when'",
    ),
    Malformed(
        "tests:\n",
        f"theorems:\n  - {{{SAFE},\n     when: {{}}}}\ntests:\n",
        23,
        "theorem 'safe': 'when' belongs beside 'owes', and only there",
    ),
    Malformed(
        "tests:\n",
        "theorems: [{id: a, says: b, opens: {}, unless: redact}]\ntests:\n",
        21,
        "'unless' belongs beside 'never'",
    ),
    Malformed(
        "tests:\n",
        "theorems: [{id: a, says: b, blocks: {baa: true}}]\ntests:\n",
        21,
        "'blocks' is about the request as a whole, expected no condition on a destination",
    ),
    Malformed(
        "tests:\n", "theorems: [{id: a, never: {}}]\ntests:\n", 21, "theorem 'a' has no 'says'"
    ),
    Malformed("tests:\n", "theorems: [{id: A B}]\ntests:\n", 21, "expected lower-case letters"),
    Malformed(
        "tests:\n",
        f"theorems: [{{{SAFE}}}, {{{SAFE}}}]\ntests:\n",
        21,
        "two theorems with the id 'safe'",
    ),
    *(
        Malformed(
            "tests:\n",
            f"theorems:\n  - {{{SAFE.replace('safe', built_in)}}}\ntests:\n",
            22,
            f"'{built_in}' is proved of every pack, expected another id",
        )
        for built_in in ("unknown-stays", "device-answers", "monotone", "break-glass")
    ),
    Malformed(
        "tests:\n", f"theorems: [{{{SAFE[:-1]}nmae: x}}}}]\ntests:\n", 21, "unknown field 'nmae'"
    ),
    # An example.
    Malformed(
        "tier: cloud, baa", "agreements: [nda], baa", 25, "unknown agreement 'nda', expected"
    ),
    Malformed(
        "tier: cloud, baa",
        "zero_data: true, retention_days: 30, baa",
        25,
        "expected no days where zero_data is true",
    ),
    Malformed("tier: cloud, baa", "retention_days: 0, baa", 25, "a whole number from 1 to 36500"),
    Malformed("tier: cloud, baa", "encrypted: yes, baa", 25, "expected true or false"),
    Malformed('scope: "*"', 'scope: "*", model: x', 25, "unknown key 'model' in a BAA"),
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
