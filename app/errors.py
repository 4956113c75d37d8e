"""What can go wrong, as one tree: each error is named by its cause and carries the numbers that disagree.

VectorSpaceError
├── CannotStart                 before the first request; the process ends with this message
│   ├── ModelMissing            no such model folder, or a file of it is absent
│   ├── ModelAltered            a file differs from its card
│   ├── AddressTaken            the port cannot be listened on
│   ├── KeysUnreadable          the file of keys cannot be read, or holds none
│   ├── PrivilegesKept          started as root and unable to become the service's user
│   ├── TracesUnavailable       traces are asked for, and what sends them is not installed
│   ├── DirectoryTaken          another process owns the data directory
│   ├── DirectoryNewer          a later version of this service wrote the data directory
│   ├── DirectoryUnusable       the data directory cannot be written, or its ledger cannot be read
│   ├── DatabaseNewer           a later version of this service wrote the database
│   └── DatabaseUnusable        the database refuses the service, or lacks what it needs
├── InvalidInput                the caller's to mend
│   ├── EmptyText               a text without a character
│   ├── TokenInput              token ids instead of text
│   ├── TextTooLong             more tokens than the model reads
│   ├── TooManyTexts            more texts than one request may hold
│   ├── BodyTooLarge            more bytes than one request may hold
│   ├── BodyIncomplete          a request body that broke off, or whose chunks are not as they say
│   ├── BodyStalled             a request body that stopped coming
│   ├── EncodedBody             a compressed request body
│   ├── UnknownModel            a model that is not served here
│   ├── UnsupportedDimension    a vector length that the model cannot give
│   ├── UnknownPrompt           a prompt that the model does not have
│   ├── NotNormalised           vectors of another length than 1, which the model cannot give
│   ├── LimitPassed             more of something than a setting allows
│   ├── UnknownParameter        a name in the query string that the route does not have
│   ├── RepeatedParameter       a name that comes several times in the query string, and has one value
│   ├── UnknownFormat           an import in a form that is not read here
│   ├── InvalidName             a collection's name that cannot be one
│   ├── InvalidDocument         a document that cannot be kept: its id, text, metadata or vector
│   ├── InvalidFilter           a filter that cannot be understood
│   ├── InvalidCursor           a cursor that no listing gave
│   ├── CollectionNotFound      no collection of this name
│   ├── DocumentNotFound        no document of this id
│   ├── SpaceMismatch           another model, dimension or distance than the collection's
│   │   └── VectorsElsewhere    a text to embed, and a collection whose model is not served here
│   ├── RemoteUnset             a model of an OpenAI-compatible service, and no key for it
│   ├── TooManyCollections      more collections than the service may hold
│   ├── ModeUnsupported         a search mode that the chosen store does not have
│   └── DatabaseRefused         something that the database does not take, such as more than its quota
├── Unauthorized                no key, or a wrong one
├── CrossOrigin                 another site's page asks in its reader's name
├── TooManyStreams              more imports and exports at once than the service may run
├── QueueFull                   more waits than the service has promised to hold
│   └── WaitTooLong             what waits takes longer than the service has promised to let anyone wait
├── AnswerUnread                the client stopped reading a streamed answer
├── NotReady                    starting, or shutting down
├── DatabaseAway                the database cannot be reached, or does not answer in time
├── StorageFull                 the disk is full: the write was refused, what was there stays readable
├── NoReranker                  a rerank, and no model here that could
├── TooManyAsks                 more questions at once than the service may answer
├── TooManyMaps                 more maps at once than may be drawn or waited for
├── RemoteFailed                the OpenAI-compatible service failed, or answered what cannot be used
├── ModelChanged                a file of the model was written to while it was in use; the process ends
├── EncoderFailed               the model runtime refused a batch; its words are kept as the cause
└── CommandFailed               a command on the terminal could not do what it was asked
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

RemoteKind = Literal[
    "unauthorized",  # it does not take the key
    "rate_limited",  # too many requests, or a quota that is used up
    "refused",  # the request is not one that it serves: a model that it does not have, a text that is too long
    "server_error",  # a status of 500 and above
    "unreachable",  # no connection
    "timed_out",  # no first word, no next word, or no end in time
    "cut_off",  # the connection broke off, or an answer had no end
    "malformed",  # the answer is not what the protocol says
    "empty",  # an answer without a word
    "declined",  # the model says that it will not answer
]


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


class KeysUnreadable(CannotStart):
    code = "keys_unreadable"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}: API_KEY_FILE is a text file with one key a line")


class PrivilegesKept(CannotStart):
    code = "privileges_kept"


class TracesUnavailable(CannotStart):
    code = "traces_unavailable"

    def __init__(self, missing: str | None) -> None:
        super().__init__(
            f"traces are asked for (OTEL_…), and {missing} is not installed: build the image with --build-arg OTEL=1, "
            "or set OTEL_TRACES_EXPORTER=none"
        )


class DirectoryTaken(CannotStart):
    code = "directory_taken"

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(
            f"{path} belongs to another process ({holder}): stop that one, or give this one its own DATA_DIRECTORY"
        )


class DirectoryNewer(CannotStart):
    code = "directory_newer"

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{path} was written in format {found} and this version knows formats up to {known}: run the newer version"
        )


class DirectoryUnusable(CannotStart):
    code = "directory_unusable"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be used: {reason}")


class DatabaseNewer(CannotStart):
    code = "database_newer"

    def __init__(self, place: str, found: int, known: int) -> None:
        super().__init__(
            f"the database {place} is in format {found} and this version knows formats up to {known}: "
            "run the newer version"
        )


class DatabaseUnusable(CannotStart):
    """`place` is where it is, without user and password."""

    code = "database_unusable"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"the database {place} cannot be used: {reason}")


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


class BodyIncomplete(InvalidInput):
    code = "body_incomplete"

    def __init__(self, read: int) -> None:
        super().__init__(f"the request body broke off after {read} bytes, or its chunks are not as they say")


class BodyStalled(InvalidInput):
    code = "body_stalled"

    def __init__(self, limit_s: int) -> None:
        super().__init__(f"nothing of the request body came for {limit_s} s (IDLE_TIMEOUT_S): send it again")


class EncodedBody(InvalidInput):
    code = "encoded_body"

    def __init__(self, encoding: str) -> None:
        super().__init__(f"the request body is encoded as {encoding[:80]!r}: send it plain, without Content-Encoding")


class UnknownModel(InvalidInput):
    code = "model_not_found"

    def __init__(self, name: str, served: list[str]) -> None:
        super().__init__(f"the model {name!r} is not served here: this service has {', '.join(served)}", param="model")


class UnsupportedDimension(InvalidInput):
    code = "unsupported_dimension"

    def __init__(self, model: str, asked: int, given: int, shorter: Sequence[int] = ()) -> None:
        choice = f"; it can be cut to {', '.join(map(str, shorter))}" if shorter else "; it cannot be cut"
        super().__init__(
            f"{model} gives vectors of {given} dimensions and {asked} were asked for{choice}", param="dimensions"
        )


class UnknownPrompt(InvalidInput):
    code = "unknown_prompt"

    def __init__(self, model: str, asked: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{model} has no prompt {asked[:80]!r}: there are {', '.join(known)}, and none at all",
            param="prompt_name",
        )


class NotNormalised(InvalidInput):
    code = "not_normalised"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"{model} normalises inside its graph, so that its vectors always have length 1: leave out normalize=false",
            param="normalize",
        )


class LimitPassed(InvalidInput):
    """`setting` is the one that holds the limit."""

    code = "limit_passed"

    def __init__(
        self, what: str, found: int, limit: int, setting: str, *, param: str | None = None, remedy: str = ""
    ) -> None:
        advice = f": {remedy}" if remedy else ""
        super().__init__(f"{what}: {found}, and at most {limit} are allowed ({setting}){advice}", param=param)


class UnknownParameter(InvalidInput):
    code = "unknown_parameter"

    def __init__(self, name: str, known: list[str]) -> None:
        taken = f"it takes {', '.join(known)}" if known else "it takes none"
        super().__init__(f"{name[:80]!r} is no parameter of this address: {taken}", param=name[:80])


class RepeatedParameter(InvalidInput):
    code = "repeated_parameter"

    def __init__(self, name: str, times: int) -> None:
        super().__init__(f"{name!r} is given {times} times, and one of them would count: give it once", param=name)


class UnknownFormat(InvalidInput):
    code = "unknown_format"

    def __init__(self, found: str, known: list[str]) -> None:
        super().__init__(f"an import of {found[:80] or 'no content type'} is not read here: send {', '.join(known)}")


class InvalidName(InvalidInput):
    code = "invalid_name"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:80]!r} cannot name a collection: 1 to 128 letters, digits, '.', '_' or '-', "
            "the first a letter or digit",
            param="name",
        )


class InvalidDocument(InvalidInput):
    code = "invalid_document"

    def __init__(self, which: str, reason: str) -> None:
        super().__init__(f"document {which}: {reason}", param="documents")


class InvalidFilter(InvalidInput):
    code = "invalid_filter"

    def __init__(self, reason: str) -> None:
        super().__init__(reason, param="filter")


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"

    def __init__(self, cursor: str) -> None:
        super().__init__(f"no listing gave the cursor {cursor[:80]!r}", param="cursor")


class CollectionNotFound(InvalidInput):
    code = "collection_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no collection {name[:128]!r}", param="name")


class DocumentNotFound(InvalidInput):
    code = "document_not_found"

    def __init__(self, collection: str, id: str) -> None:
        super().__init__(f"the collection {collection!r} has no document {id[:128]!r}", param="id")


class SpaceMismatch(InvalidInput):
    """`what` is model, dimension or distance; `has` the collection's, `given` the other."""

    code = "space_mismatch"

    def __init__(self, collection: str, what: str, has: object, given: object) -> None:
        super().__init__(f"the collection {collection!r} has the {what} {has}, and {given} was given", param=what)


class VectorsElsewhere(SpaceMismatch):
    """A text came without a vector, and the model here makes others than the collection has."""

    def __init__(self, collection: str, what: str, has: object, here: object) -> None:
        InvalidInput.__init__(
            self,
            f"the vectors of the collection {collection!r} have the {what} {has}, and {here} is what is served here: "
            f"bring vectors with your texts, or search by keyword",
            param=what,
        )


class RemoteUnset(InvalidInput):
    code = "remote_unset"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"{model[:80]} is a model of an OpenAI-compatible service: set OPENAI_API_KEY to use it", param="model"
        )


class TooManyCollections(InvalidInput):
    code = "too_many_collections"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the service holds {limit} collections and may hold no more (MAX_COLLECTIONS)")


class ModeUnsupported(InvalidInput):
    """The caller's to mend, by another mode, and so no failure of the service. `store` is what was chosen."""

    code = "mode_unsupported"

    def __init__(self, mode: str, store: str) -> None:
        super().__init__(
            f"the mode {mode} ranks by words, and {store} ranks by meaning alone: leave out mode, or send semantic. "
            "The store in DATA_DIRECTORY and the one in PostgreSQL have all three modes",
            param="mode",
        )


class DatabaseRefused(InvalidInput):
    code = "database_refused"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"the database {place} does not take it: {reason}")


class Unauthorized(VectorSpaceError):
    code = "unauthorized"


class CrossOrigin(VectorSpaceError):
    code = "cross_origin"

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"a page of {origin[:80] or 'another site'} may not ask this service: allow its origin in CORS_ORIGINS"
        )


class TooManyStreams(VectorSpaceError):
    code = "too_many_streams"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} imports and exports run, and no more may (MAX_STREAMS): try again when one has ended"
        )


class QueueFull(VectorSpaceError):
    """`retry_after_s` is an estimate from the current rate, in whole seconds, at least 1."""

    code = "queue_full"

    def __init__(self, waiting: int, arriving: int, limit: int, retry_after_s: int) -> None:
        super().__init__(f"{waiting} texts wait, {arriving} more would pass the limit of {limit} (MAX_QUEUE_TEXTS)")
        self.retry_after_s = retry_after_s


class WaitTooLong(QueueFull):
    def __init__(self, wait_s: float, limit_s: float, retry_after_s: int) -> None:
        VectorSpaceError.__init__(
            self, f"what waits takes about {wait_s:.0f} s, and none may wait longer than {limit_s:g} s (MAX_QUEUE_S)"
        )
        self.retry_after_s = retry_after_s


class AnswerUnread(VectorSpaceError):
    """Nothing can be said to that client any more: the log has it."""

    code = "answer_unread"

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"the answer was not read for {limit_s:g} s (IDLE_TIMEOUT_S)")


class NotReady(VectorSpaceError):
    code = "not_ready"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DatabaseAway(VectorSpaceError):
    """It comes back by itself. A write that ended so may have been kept: sending it again does no harm."""

    code = "database_away"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"the database {place} is away: {reason}")


class StorageFull(VectorSpaceError):
    code = "storage_full"

    def __init__(self, reason: str) -> None:
        super().__init__(f"nothing was written, the disk is full ({reason}): make room or enlarge the volume")


class NoReranker(VectorSpaceError):
    """`wanted` is a model that could."""

    code = "no_reranker"

    def __init__(self, model: str, wanted: str) -> None:
        super().__init__(
            f"this service has no reranker: {model} is an embedding model, and ranking texts against a query wants a "
            f"cross-encoder such as {wanted}, whose weights are not here. /similarity compares by embedding"
        )


class TooManyAsks(VectorSpaceError):
    code = "too_many_asks"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} questions are being answered, and no more may be (MAX_ASKS): try again shortly")


class TooManyMaps(VectorSpaceError):
    code = "too_many_maps"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} maps are drawn or wait for it, and no more may (MAX_MAPS): try again shortly")


class RemoteFailed(VectorSpaceError):
    """`kind` is for programs, `reason` a half sentence about the service, in our words.

    passing        whether the same call may work a moment later
    retry_after_s  seconds that the service asks to be left alone; None where it says nothing
    param          the field of our request that it refuses, where it names one
    """

    code = "remote_failed"

    def __init__(
        self,
        kind: RemoteKind,
        reason: str,
        *,
        passing: bool = False,
        retry_after_s: float | None = None,
        param: str = "",
    ) -> None:
        super().__init__(f"the OpenAI-compatible service failed: {reason}")
        self.kind = kind
        self.reason = reason
        self.passing = passing
        self.retry_after_s = retry_after_s
        self.param = param


class ModelChanged(VectorSpaceError):
    """What computes is no longer what was checked: nothing may be computed with it any more."""

    code = "model_changed"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was written to while it was in use: a model is replaced as a whole, by another folder"
        )


class EncoderFailed(VectorSpaceError):
    code = "encoder_failed"


class CommandFailed(VectorSpaceError):
    code = "command_failed"
