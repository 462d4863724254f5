# SPDX-License-Identifier: Apache-2.0
"""What an engine is, whatever library stands behind it and whatever carries its answers.

A life of a request:

1. `submit` tokenizes, checks that the prompt fits and takes a place in the line, or raises.
2. The engine thread takes it from the line when a slot is free.
3. The prompt is decoded in chunks, then one token after the other; each piece of text that is
   certain (whole characters, no beginning of a stop string) goes to the sink as `Token`.
4. Exactly one `Done` or `Failed` ends it. Nothing comes after that.

The sink is called from the engine's threads, or from inside `cancel`, and must not block.
Batching, prefix reuse, speculation and grammars change what happens in steps 2 and 3; this file
stays as it is but for new fields with defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from local_engine.errors import LocalEngineError

FinishReason = Literal["stop", "length"]


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn. The text is kept out of the repr, so that it cannot reach a log by accident."""

    role: Role
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How the next token is drawn. Temperature 0 is greedy; the neutral value switches a rule off.

    Neutral values: top_k 0, top_p 1, min_p 0, repeat_penalty 1, the other two penalties 0.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int | None = None
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    """Token id and what is added to its logit."""

    @property
    def has_penalties(self) -> bool:
        """Whether any of the three penalties does something."""
        neutral = (1.0, 0.0, 0.0)
        return (self.repeat_penalty, self.presence_penalty, self.frequency_penalty) != neutral


class Constraint(Protocol):
    """What may come next, for one answer. Used by the engine's thread only.

    A constraint that fails raises a LocalEngineError; the request ends with it, nothing else.
    """

    def allowed(self) -> bytes | None:
        """A bit set over the vocabulary (token t: bit t % 8 of byte t // 8); None: no bound."""
        ...

    def accept(self, token: int) -> bool:
        """Take the next token in; false when it is not allowed (then nothing has changed)."""
        ...

    def rollback(self, tokens: int) -> None:
        """Take back the last so many tokens, which a target model did not confirm."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether the answer may end here and nothing can follow."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One chat completion. `max_tokens=None` means as many as the context holds."""

    request_id: str
    messages: tuple[ChatMessage, ...]
    sampling: SamplingParams
    max_tokens: int | None = None
    stop: tuple[str, ...] = field(default=(), repr=False)
    tenant: str = ""
    """Whose it is: what is cached for one tenant is never used for another."""
    priority: int = 0
    """A larger number is served first; equals by turns of tenants, then in order of arrival."""
    deadline_s: float | None = None
    """Seconds from `submit` on after which nobody wants the answer any more."""
    first_token_suffices: bool = False
    """The deadline is kept by the first token: what follows may take its time."""
    logprobs: int | None = None
    """None: no log-probabilities; otherwise how many alternatives to each token, 0 to 20."""
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts; the token that ends an answer is not counted."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Of the prompt, how many were in the context already."""
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    """Of the drafted ones, how many the model confirmed."""

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds spent waiting in line, on the prompt and on the answer."""

    queued_s: float
    prefill_s: float
    decode_s: float


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One drawn token: its bytes, its natural log-probability, and the likeliest alternatives.

    Log-probabilities are of the model's own distribution, before temperature and the filters.
    """

    piece: bytes = field(repr=False)
    logprob: float
    top: tuple[tuple[bytes, float], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """Text that is certain; may stand for several tokens, or with `logprobs` for none yet."""

    text: str = field(repr=False)
    logprobs: tuple[TokenLogprob, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is complete."""

    finish_reason: FinishReason
    usage: Usage
    timings: Timings


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer will never be complete."""

    error: LocalEngineError


Event = Token | Done | Failed
EventSink = Callable[[Event], None]


def always() -> bool:
    """Somebody waits for it, whatever happens."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChoice:
    """How many tokens are drafted behind a match of at least `match`, one answer running.

    `acceptance` is the estimate by which they are confirmed; 0 tokens: no draft pays.
    """

    match: int
    acceptance: float
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """A snapshot for /health. Rates are moving averages, `None` before the first figure."""

    engine: str
    is_ready: bool
    n_ctx: int
    slots: int
    busy: int
    queued: int
    prefill_tps: float | None
    decode_tps: float | None
    first_token_s: float | None
    features: frozenset[str] = frozenset()
    """Of constraint, embeddings, logit_bias, logprobs, vocabulary: what the engine can do."""
    wait_s: float = 0.0
    """Estimate for a request that came now."""
    fault: str = ""
    """What ended the engine's thread: nothing will be answered any more. "" while it runs."""
    embedding: int = 0
    """Calls for vectors, waiting ones as well; they are not in `busy` and `queued`."""
    kv_cells: int = 0
    kv_used: int = 0
    kv_kept: int = 0
    """Cells of the context: all, in use, and of these the ones kept only for later requests."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    """Sums over all answers since the start, with the meanings of `Usage`."""
    steps: int = 0
    rows: int = 0
    """Decode calls, and tokens in them: their quotient is the mean batch."""
    row_cost_s: tuple[tuple[int, float], ...] = ()
    """Rows, and the seconds of a decode of so many, measured at load: what drafts are chosen by."""
    drafts: tuple[DraftChoice, ...] = ()
    """What is copied behind matches of each kind, as of the last answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """A model's tokens. `pieces[t]` holds the bytes of token t, b"" for a control token."""

    pieces: tuple[bytes, ...] = field(repr=False)
    controls: frozenset[int] = field(repr=False)
    ends: frozenset[int]
    """The tokens with which the model ends its turn."""


class Ticket(Protocol):
    """A request that was accepted."""

    def cancel(self) -> None:
        """Give up the request; it ends with `Failed(GenerationCancelledError)`. May be repeated."""
        ...


Asked = tuple[GenerationRequest, EventSink]


class Engine(Protocol):
    """The port that the server talks to. All methods may be called from any thread."""

    def start(self) -> Future[None]:
        """Load in the background; the future ends when ready or holds the error."""
        ...

    def submit(self, request: GenerationRequest, sink: EventSink) -> Ticket:
        """Queue a request.

        Raises ContextLengthExceededError, EngineBusyError or EngineUnavailableError.
        """
        ...

    def submit_all(self, asked: Sequence[Asked]) -> list[Ticket]:
        """Queue requests of one call: all of them at the same moment, or none.

        So the same call meets the same steps again, as far as it is alone: sums, and with them a
        seed's draws, depend on the company in a batch. Raises as `submit`.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of a plain text, without any template."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a plain text: no control token, no template."""
        ...

    def vocabulary(self) -> Vocabulary:
        """The model's tokens; built at the first call and kept."""
        ...

    def embed(
        self, inputs: Sequence[Sequence[int]], is_wanted: Callable[[], bool] = always
    ) -> list[list[float]]:
        """One vector of length 1 (L2) for each list of token ids; blocks until they are there.

        `is_wanted` is asked before each decode; false ends it with GenerationCancelledError. Raises
        ContextLengthExceededError, EngineBusyError or EngineUnavailableError, too.
        """
        ...

    def status(self) -> EngineStatus:
        """What the engine is doing."""
        ...

    def close(self) -> None:
        """Cancel everything and free the model."""
        ...
