# SPDX-License-Identifier: Apache-2.0
"""Every error this package raises on purpose.

LocalEngineError
+-- InvalidRequestError            400  the client's fault
|   +-- UnsupportedParameterError  400  valid for OpenAI, not served here
|   +-- UnsupportedByEngineError   400  served by another engine of this package
|   +-- InvalidSchemaError         400  a JSON schema that no grammar can be made of
|   +-- ContextLengthExceededError 400  the prompt does not fit
|   +-- ModelNotFoundError         404
|   +-- EndpointNotFoundError      404
|   +-- MethodNotAllowedError      405
|   `-- BodyTooLargeError          413
+-- EngineBusyError                429  the waiting line is full; carries `retry_after_s`
+-- GenerationCancelledError       499  the client went away
+-- DeadlineExceededError          504  the answer would come too late
+-- DecodeError                    500  llama.cpp refused a step; the context stays usable
+-- EngineUnavailableError         503  loading, stopping or broken
`-- EngineSetupError               503  only a person can mend it; a restart does not help
    +-- LibraryMissingError             the engine is not built
    `-- ModelFileError                  missing, damaged or unknown model file
        `-- GgufError                   the header breaks a rule of the format or a bound of ours

Messages name sizes, files and parameters, never text of a prompt or an answer.
"""

from __future__ import annotations

from typing import ClassVar

# What `sysexits.h` calls EX_CONFIG: the supervisor does not restart after it.
EXIT_SETUP = 78
# EX_TEMPFAIL: the engine asks to be started anew.
EXIT_RECYCLE = 75


class LocalEngineError(Exception):
    """Root of the tree; `message` is meant for the person who reads it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "engine_error"
    kind: ClassVar[str] = "server_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Extra response headers."""
        return ()

    def envelope(self) -> dict[str, dict[str, str | None]]:
        """The OpenAI error body."""
        return {
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        }


class InvalidRequestError(LocalEngineError):
    """A field is missing, has the wrong type or is out of bounds."""

    status = 400
    code = "invalid_value"
    kind = "invalid_request_error"


class UnsupportedParameterError(InvalidRequestError):
    """A field of the OpenAI API that this engine does not serve."""

    code = "unsupported_parameter"

    def __init__(self, param: str, *, hint: str = "") -> None:
        text = f"'{param}' is not supported by the on-device engine"
        super().__init__(f"{text}; {hint}." if hint else f"{text}.", param=param)


class UnsupportedByEngineError(InvalidRequestError):
    """What the engine in use, or an installation without an optional library, does not serve."""

    code = "unsupported"

    def __init__(self, param: str) -> None:
        super().__init__(f"'{param}' is not supported by the engine in use.", param=param)


class InvalidSchemaError(InvalidRequestError):
    """A JSON schema that is malformed, beyond our bounds, or uses what is not supported."""

    code = "invalid_json_schema"

    def __init__(self, reason: str, *, param: str) -> None:
        super().__init__(f"The JSON schema in '{param}' {reason}.", param=param)


class ContextLengthExceededError(InvalidRequestError):
    """The prompt leaves no room for a single token of answer."""

    code = "context_length_exceeded"


class ModelNotFoundError(InvalidRequestError):
    """The request names another model than the one that is loaded."""

    status = 404
    code = "model_not_found"

    def __init__(self) -> None:
        super().__init__("This engine does not serve the model asked for.", param="model")


class EndpointNotFoundError(InvalidRequestError):
    """No such path."""

    status = 404
    code = "unknown_url"

    def __init__(self) -> None:
        super().__init__("No such endpoint.")


class MethodNotAllowedError(InvalidRequestError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"Only {allowed} is allowed here.")
        self.allowed = allowed

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return ((b"allow", self.allowed.encode()),)


class BodyTooLargeError(InvalidRequestError):
    """The request body is over the bound."""

    status = 413
    code = "request_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request body is larger than {limit_bytes} bytes.")


class EngineBusyError(LocalEngineError):
    """The waiting line is full."""

    status = 429
    code = "engine_busy"
    kind = "rate_limit_error"
    retryable = True

    def __init__(self, *, waiting: int, retry_after_s: int) -> None:
        super().__init__(f"{waiting} requests are waiting already; try again later.")
        self.retry_after_s = retry_after_s

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return ((b"retry-after", str(self.retry_after_s).encode()),)


class GenerationCancelledError(LocalEngineError):
    """Nobody waits for this answer any more."""

    status = 499
    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("The generation was cancelled.")


class DeadlineExceededError(LocalEngineError):
    """The time that the request gave itself is over."""

    status = 504
    code = "deadline_exceeded"

    def __init__(self) -> None:
        super().__init__("The request's deadline passed before its answer was there.")


class DecodeError(LocalEngineError):
    """llama.cpp returned an error for one step."""

    code = "decode_failed"
    retryable = True

    def __init__(self, return_code: int) -> None:
        super().__init__(f"The engine failed in a decode step (code {return_code}).")


class EngineUnavailableError(LocalEngineError):
    """The engine cannot take requests now."""

    status = 503
    code = "engine_unavailable"
    retryable = True

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return ((b"retry-after", b"1"),)


class EngineSetupError(LocalEngineError):
    """Something on this machine must be changed before the engine can run."""

    status = 503
    code = "engine_setup"


class LibraryMissingError(EngineSetupError):
    """Neither llama-cpp-python nor xllamacpp can be loaded."""

    code = "engine_missing"


class ModelFileError(EngineSetupError):
    """The model file cannot be used; the message says what to do."""

    code = "model_file"


class GgufError(ModelFileError):
    """A GGUF header that is malformed or beyond our bounds."""

    code = "model_header"
