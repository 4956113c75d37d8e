"""What can go wrong, as one tree: each error is named by its cause and carries the numbers that disagree.

VectorSpaceError
├── CannotStart                 before the first request; the process ends with this message
│   ├── ModelMissing            no such model folder, or a file of it is absent
│   ├── ModelAltered            a file differs from its card
│   ├── AddressTaken            the port cannot be listened on
│   └── PrivilegesKept          started as root and unable to become the service's user
├── InvalidInput                the caller's to mend
│   ├── EmptyText               a text without a character
│   ├── TokenInput              token ids instead of text
│   ├── TextTooLong             more tokens than the model reads
│   ├── TooManyTexts            more texts than one request may hold
│   ├── BodyTooLarge            more bytes than one request may hold
│   ├── UnknownModel            a model that is not served here
│   └── UnsupportedDimension    a vector length that the model cannot give
├── Unauthorized                no key, or a wrong one
├── QueueFull                   more waits than the service has promised to hold
├── NotReady                    starting, or shutting down
└── EncoderFailed               the model runtime refused a batch; its words are kept as the cause
"""

from pathlib import Path


class VectorSpaceError(Exception):
    """The root. `code` names the kind for programs; the message is for people."""

    code = "internal_error"


class CannotStart(VectorSpaceError):
    code = "cannot_start"


class ModelMissing(CannotStart):
    code = "model_missing"

    def __init__(self, path: Path, remedy: str) -> None:
        super().__init__(f"{path} is missing: {remedy}")


class ModelAltered(CannotStart):
    code = "model_altered"

    def __init__(self, path: Path, expected: str, found: str) -> None:
        super().__init__(f"{path} is not the file that its card describes: expected {expected}, found {found}")


class AddressTaken(CannotStart):
    code = "address_taken"

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host} port {port}: {reason}. Choose another with PORT or HOST")


class PrivilegesKept(CannotStart):
    code = "privileges_kept"


class InvalidInput(VectorSpaceError):
    """Bad input. `param` names the field of the request that is to blame."""

    code = "invalid_input"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class EmptyText(InvalidInput):
    code = "empty_text"

    def __init__(self, index: int) -> None:
        super().__init__(f"text {index} of the input is empty: every text needs at least one character", param="input")


class TokenInput(InvalidInput):
    code = "token_input"

    def __init__(self) -> None:
        super().__init__(
            "the input holds token ids, which belong to the vocabulary of another model: send the text itself. "
            "With LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False)",
            param="input",
        )


class TextTooLong(InvalidInput):
    code = "text_too_long"

    def __init__(self, index: int, tokens: int, limit: int) -> None:
        super().__init__(
            f"text {index} of the input has {tokens} tokens and the model reads {limit}: "
            "shorten or split it, or send truncate=true to have the rest cut off",
            param="input",
        )


class TooManyTexts(InvalidInput):
    code = "too_many_texts"

    def __init__(self, texts: int, limit: int) -> None:
        super().__init__(
            f"the request holds {texts} texts and may hold {limit} (MAX_TEXTS): send several requests", param="input"
        )


class BodyTooLarge(InvalidInput):
    code = "body_too_large"

    def __init__(self, limit: int, size: int | None = None) -> None:
        found = f"{size} bytes" if size is not None else f"more than {limit} bytes"
        super().__init__(f"the request body has {found} and may have {limit} (MAX_BODY_BYTES)")


class UnknownModel(InvalidInput):
    code = "model_not_found"

    def __init__(self, name: str, served: list[str]) -> None:
        super().__init__(f"the model {name!r} is not served here: this service has {', '.join(served)}", param="model")


class UnsupportedDimension(InvalidInput):
    code = "unsupported_dimension"

    def __init__(self, model: str, asked: int, given: int) -> None:
        super().__init__(f"{model} gives vectors of {given} dimensions and {asked} were asked for", param="dimensions")


class Unauthorized(VectorSpaceError):
    code = "unauthorized"


class QueueFull(VectorSpaceError):
    """`retry_after_s` is an estimate from the current rate, in whole seconds, at least 1."""

    code = "queue_full"

    def __init__(self, waiting: int, arriving: int, limit: int, retry_after_s: int) -> None:
        super().__init__(f"{waiting} texts wait, {arriving} more would pass the limit of {limit} (MAX_QUEUE_TEXTS)")
        self.retry_after_s = retry_after_s


class NotReady(VectorSpaceError):
    code = "not_ready"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EncoderFailed(VectorSpaceError):
    code = "encoder_failed"
