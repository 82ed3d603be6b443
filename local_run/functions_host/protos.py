"""The message classes that Microsoft's worker library is given in place of the protocol's generated ones.

The library reads attributes and calls constructors; it never serialises. So each class keeps what it is given, and a
field that nobody set reads as None. Two things it does rely on: a capitalised name that is no field must raise
AttributeError (it probes values for `TypedData`), and the enums are plain integers with the protocol's numbers.
"""

from types import SimpleNamespace
from typing import Any


class Message:
    """Keeps its keyword arguments as attributes."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name[:1].isupper() or name.startswith("_"):
            raise AttributeError(name)
        return None


class TypedData(Message):
    """One value, under the name of its kind: `string`, `json`, `bytes`, `http`, `int` or `double`."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name
        """The kind that is set; None when there is none."""
        return next((kind for kind, value in self.__dict__.items() if value is not None), None)


class ParameterBinding(Message):
    """A named value that goes into a function or comes out of it."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's name
        """Always `data`; shared memory is never used."""
        return "data"


class BindingInfo(Message):
    """A binding, with the enum of its directions."""

    undefined = 0
    out = 1
    inout = 2


setattr(BindingInfo, "in", 0)  # a keyword cannot be written as an attribute


class StatusResult(Message):
    """How a call ended, with the enum of the ways."""

    Failure = 0
    Success = 1
    Cancelled = 2


class RpcHttpCookie(Message):
    """A cookie of an HTTP answer."""

    SameSite = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


class RpcHttp(Message):
    """An HTTP request or answer."""


class RpcException(Message):
    """What a function raised: `message` and `stack_trace`."""


class RpcFunctionMetadata(Message):
    """What indexing found out about a function."""


class RpcRetryOptions(Message):
    """A function's retry policy."""


class NullableString(Message):
    """A string that may be absent."""


class NullableBool(Message):
    """A truth value that may be absent."""


class NullableDouble(Message):
    """A number that may be absent."""


class NullableTimestamp(Message):
    """A time that may be absent."""


class Timestamp(Message):
    """Seconds since 1970, UTC."""


class WorkerMetadata(Message):
    """The worker's versions."""


class WorkerInitResponse(Message):
    """Answers the call that imports and indexes the app."""


class FunctionMetadataResponse(Message):
    """The functions of the app."""


class FunctionLoadResponse(Message):
    """Answers a call that does nothing in this library."""


class InvocationResponse(Message):
    """How an invocation ended, and what came out of it."""


class FunctionEnvironmentReloadResponse(Message):
    """Answers a call that only Azure's placeholder mode makes."""
