# SPDX-License-Identifier: Apache-2.0
"""Few modules can open a connection or start a process, and this names them.

Invariant I4: no byte reaches a cloud without a `Cleared` that `policies` made. It holds only while
the transport has no other user and nobody else makes tokens, so the source is checked for both.
"""

import ast

import pytest

from tests.architecture.source import Module, calls, dotted, imported_names, modules

TRANSPORT = "gateway/backends/http1"  # http1.py, http1_request.py ...: one transport in parts
TRANSPORT_USERS = {
    "gateway/backends/anchor_post.py",  # checkpoints of the audit log, and nothing else
    "gateway/backends/egress.py",
    "gateway/backends/local.py",
    "gateway/backends/local_models.py",
}
WIRING = "gateway/reach.py"  # makes connection pools, to hand them to the users above at once

OWNERS = {"Egress", "LocalEngine", "LocalModels", "AnchorPost"}
ASKS_ITSELF = "gateway/cli/liveness.py"  # doctor, approvals: the nearward on our own address
BENCH = "gateway/cli/gateway_bench.py"  # calls the gateway that it has started itself

# Ways to open a connection; a listening socket is the server's business.
CONNECTS = (
    "asyncio.open_connection",
    "asyncio.open_unix_connection",
    ".create_connection",
    ".create_unix_connection",
    ".sock_connect",
    ".sock_sendto",
    "socket.create_connection",
    "HTTPConnection",
    "HTTPSConnection",
    "urlopen",
    ".connect_ex",
)

PROCESS_STARTERS = (
    "subprocess.",
    ".subprocess_exec",
    ".subprocess_shell",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.popen",
    "os.spawn",
    "os.system",
    "pty.",
)
MAY_START_PROCESSES = {
    "gateway/cli/bench.py",  # the engine, to be measured
    "gateway/cli/gateway_bench.py",  # a gateway and its upstream, to be measured
    "gateway/cli/inspect.py",  # asks the engine's package, which the gateway does not import
    "gateway/cli/model.py",  # likewise
    "gateway/cli/privacy_bench.py",  # the detector alone, to weigh it
    "gateway/model_file.py",  # likewise
    "gateway/runtime.py",  # the engine
    "gateway/serving.py",  # one process per worker
    "gateway/signals/second_opinion.py",  # Presidio, which the operator configured
    "local_engine/build_steps.py",  # the compiler
    "local_engine/bench/engine.py",  # the version of a peer
    "local_engine/bench/llama_server.py",  # the peer, to be measured
    "local_engine/bench/model.py",  # the engine, to be measured
    "local_engine/pip_client.py",  # the package installer
    "local_engine/pool.py",  # a supervisor for each of several models
    "local_engine/bench/threads.py",  # the engine, and a program that keeps a core busy
    "local_engine/bench/roofline.py",  # a process with threads of its own, to be measured
    "local_engine/supervisor.py",  # the engine, as a supervised child
}

# State, not egress: codes of sessions and the names of classes go there, no word of a request.
REDIS_USERS = {"gateway/state/redis_sessions.py", "gateway/records/anchors.py"}

# Only the core mints them; a test that needs one asks `decide`.
SEALED = ("Cleared", "Decision")


def _offences(found: list[tuple[Module, int, str]]) -> list[str]:
    return [f"{module.path}:{line} {name}" for module, line, name in found]


def test_only_the_guard_and_the_device_use_the_transport() -> None:
    """Outside the transport itself, only the listed modules import it, and the wiring."""
    users = {
        module.path
        for module in modules("gateway")
        if not module.path.startswith(TRANSPORT)
        and any(name.startswith(TRANSPORT.replace("/", ".")) for name in imported_names(module))
    }

    assert users <= TRANSPORT_USERS | {WIRING}


def test_the_wiring_keeps_no_client() -> None:
    """Each transport client is made as the first argument of one of its three owners."""
    (wiring,) = (module for module in modules("gateway") if module.path == WIRING)
    clients = {id(node) for node in ast.walk(wiring.tree) if _is_call_of(node, {"Client"})}
    handed_over = {
        id(node.args[0])
        for node in ast.walk(wiring.tree)
        if isinstance(node, ast.Call) and _is_call_of(node, OWNERS) and node.args
    }

    assert clients
    assert clients <= handed_over


def _is_call_of(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) in names


def test_nobody_else_opens_connections() -> None:
    """No module of the gateway but the transport, and doctor's, calls anything that connects."""
    found = [
        (module, line, name)
        for module in modules("gateway")
        if not module.path.startswith(TRANSPORT) and module.path not in (ASKS_ITSELF, BENCH)
        for line, name in calls(module)
        if f".{name}".endswith(CONNECTS)
    ]

    assert _offences(found) == []


def test_two_modules_talk_to_redis() -> None:
    """Shared state and anchored checkpoints: neither has a request's body to give it."""
    users = [
        module
        for module in modules("gateway", "local_engine", "policies")
        if any(f"{name}.".startswith("redis.") for name in imported_names(module))
    ]

    assert {module.path for module in users} == REDIS_USERS
    for module in users:
        assert not {"gateway.wire", "gateway.exchange"} & set(imported_names(module))


@pytest.mark.parametrize(
    ("path", "uses", "user"),
    [
        (ASKS_ITSELF, "is_served", ["gateway/cli/approvals.py", "gateway/cli/inspect.py"]),
        (BENCH, "measure", ["gateway/cli/bench.py"]),
    ],
)
def test_only_commands_ask_themselves(path: str, uses: str, user: list[str]) -> None:
    """What serves requests cannot reach the connections outside of the transport."""
    name = path.removesuffix(".py").replace("/", ".")
    users = [m.path for m in modules("gateway") if name in imported_names(m)]
    users += [m.path for m in modules("gateway") if f"{name}.{uses}" in imported_names(m)]

    assert sorted(set(users)) == user


@pytest.mark.parametrize("sealed", SEALED)
def test_only_the_core_makes_decisions_and_tokens(sealed: str) -> None:
    """Nobody outside `policies` constructs, copies with changes or unpickles a sealed value."""
    found = [
        (module, line, name)
        for module in modules("gateway", "local_engine")
        for line, name in calls(module)
        if f".{name}".endswith((f".{sealed}", f".{sealed}.__new__", "object.__new__"))
    ]

    assert _offences(found) == []


def test_one_module_asks_for_decisions() -> None:
    """Every request's decision is made in judgement.py: there is one call to look after."""
    callers = [
        module.path
        for module in modules("gateway")
        for _, name in calls(module)
        if f".{name}".endswith(".decide")
    ]

    assert callers == ["gateway/judgement.py"]


def test_only_listed_modules_start_processes() -> None:
    """Starting a process is left to the supervisor, the builder and the installer."""
    found = [
        (module, line, name)
        for module in modules("gateway", "local_engine", "policies")
        if module.path not in MAY_START_PROCESSES
        for line, name in calls(module)
        if any(f".{name}".find(f".{starter.lstrip('.')}") >= 0 for starter in PROCESS_STARTERS)
    ]

    assert _offences(found) == []
