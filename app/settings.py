"""Every setting: each field says its meaning, its unit, and what raising it does.

Nothing else of ours reads the environment but `probe.py` (HOST, PORT) and `commands/service.py` (the keys), which must
start quickly.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.errors import CannotStart
from app.keys import A_KEY, between_commas, is_key

ROOT = Path(__file__).resolve().parent.parent
# As browsers send it: lower case, no path, no slash at the end.
_origin = re.compile(r"https?://[a-z0-9.\-\[\]:]+")

# Nothing before the host, and nothing after the path: a name and password in an address would end up in messages.
_address = re.compile(r"https?://[A-Za-z0-9.\-_\[\]:]+(/[^\s?#@]*)?")


# What others call these two. A key that nobody asks for is worse than none.
MISTAKEN = {"API_KEYS": "API_KEY", "API_KEYS_FILE": "API_KEY_FILE"}


class Settings(BaseSettings):
    """Every setting of the service, from environment variables of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    port: int = Field(8000, ge=1, le=65535, description="TCP port that the service listens on.")
    host: str = Field("::", description="IP address to listen on; `::` serves IPv6 and IPv4.")
    environment: Literal["development", "production"] = Field(
        "development", description="`production` refuses to start without a key and logs JSON lines."
    )
    api_key: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Key that requests must bring; several are separated by commas. Unset: open to all."
    )
    api_key_file: Path | None = Field(
        None, description="File with further keys, one a line; a change of it counts within a second, with no restart."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Web pages that may ask, as `https://example.com`; several are separated by commas."
    )

    model: str = Field(
        "all-MiniLM-L6-v2", description="Embedding model: the name of a folder under `MODELS_DIRECTORY`."
    )
    model_precision: Literal["int8", "fp32"] = Field(
        "int8", description="`fp32` is the exact model: four times larger, about a third as fast."
    )
    kernels: Literal["auto", "off"] = Field(
        "auto",
        description="`off`: ONNX Runtime alone computes the model, a quarter slower; `auto`: with operators of our "
        "own, where the CPU has AVX2.",
    )
    models_directory: Path = Field(ROOT / "models", description="Folder that holds the model folders.")
    data_directory: Path = Field(ROOT / "data", description="Folder for everything that must outlive the process.")

    database_url: SecretStr | None = Field(
        None,
        description="Keep everything in this PostgreSQL, `postgresql://…`, or in this Chroma server, `https://…`, "
        "instead of `DATA_DIRECTORY`.",
    )
    database_token: SecretStr | None = Field(
        None, description="Token of the Chroma server, where `DATABASE_URL` does not hold it."
    )
    database_connections: int = Field(
        12,  # the calls that `Workers` makes at once: fewer, and they wait for each other's connections
        ge=1,
        le=1000,
        description="Connections to the database; a running export has one of its own besides.",
    )
    database_timeout_s: int = Field(
        30,
        ge=1,
        le=3600,
        description="Seconds that a statement may take. More: longer waits for a database that hangs.",
    )

    threads: int = Field(
        0,
        ge=0,
        le=256,
        description="Batches encoded at once, one CPU each; 0 follows the container's CPU quota. From 2 on, one that "
        "is alone takes two CPUs.",
    )
    max_batch_tokens: int = Field(
        512,
        ge=64,
        le=65536,
        description="Tokens in a batch, padding counted; half as many beside searches. More: memory, longer waits.",
    )
    max_queue_texts: int = Field(
        4096,
        ge=1,
        le=1_000_000,
        description="Texts that may wait, queries and passages each; beyond, 429. More: longer waits under load.",
    )
    max_queue_s: int = Field(
        20,
        ge=1,
        le=600,
        description="Seconds that a text may wait for its batch, as estimated; beyond, 429. More: longer waits.",
    )
    cache_mb: int = Field(
        16,
        ge=0,
        le=100_000,
        description="Megabytes of vectors kept to answer a text that comes again, one of many a third time. 0: none.",
    )
    max_texts: int = Field(2048, ge=1, le=100_000, description="Texts in one request. More: larger responses.")
    max_tokenize_characters: int = Field(
        32_768,
        ge=1,
        le=10_000_000,
        description="Characters in one `/tokenize` or `/v1/passages`, 800 bytes each at worst while it runs.",
    )
    max_body_bytes: int = Field(
        8_000_000, ge=1024, le=1_000_000_000, description="Bytes in one request body. More: more memory a request."
    )
    max_connections: int = Field(
        4096, ge=16, le=100_000, description="Open connections; further ones wait until one ends. More: 15 kB each."
    )
    idle_timeout_s: int = Field(
        75, ge=1, le=3600, description="Seconds that a connection may be silent; then it is closed."
    )

    max_documents: int = Field(
        1000, ge=1, le=100_000, description="Documents in one request, imports aside. More: longer writes."
    )
    max_record_bytes: int = Field(
        1_000_000, ge=1024, le=100_000_000, description="Bytes in one record of an import. More: more memory an import."
    )
    max_metadata_bytes: int = Field(
        16_384, ge=2, le=10_000_000, description="Bytes of one document's metadata as JSON. More: slower filters."
    )
    max_metadata_depth: int = Field(8, ge=1, le=100, description="Levels of objects and lists in metadata.")
    max_collections: int = Field(1000, ge=1, le=100_000, description="Collections in the store. More: a longer start.")
    max_limit: int = Field(1000, ge=1, le=10_000, description="Documents in one answer. More: larger responses.")
    max_answer_bytes: int = Field(
        32_000_000,
        ge=1024,
        le=1_000_000_000,
        description="Bytes of texts and metadata in one answer: a page ends earlier, a search is refused. More: more "
        "memory a request.",
    )
    max_offset: int = Field(10_000, ge=0, le=1_000_000, description="Hits a search may leave out. More: slower search.")
    max_query_characters: int = Field(
        32_768, ge=1, le=1_000_000, description="Characters in a search's query. More: slower keyword search."
    )
    max_map_documents: int = Field(
        2000,
        ge=1,
        le=10_000,
        description="Documents on a map; of more, a sample. More: the time of one CPU grows with the square.",
    )
    max_maps: int = Field(
        8, ge=1, le=100, description="Maps drawn, or waiting to be, at once; beyond, 429. More: longer waits."
    )
    max_streams: int = Field(
        8, ge=1, le=1000, description="Imports and exports at once; beyond, 429. More: more memory."
    )

    openai_api_key: SecretStr | None = Field(
        None, description="Key for an OpenAI-compatible service, which then writes answers. Unset: it is never called."
    )
    openai_base_url: str = Field(
        "https://api.openai.com/v1", description="Where that service is, up to and without `/chat/completions`."
    )
    openai_model: str = Field(
        "gpt-4.1-mini", min_length=1, description="Its language model that writes answers, as the service names it."
    )
    openai_context_tokens: int = Field(
        4000,
        ge=500,
        le=1_000_000,
        description="Tokens of sources, question and rules, estimated. More: dearer answers.",
    )
    openai_answer_tokens: int = Field(
        500, ge=1, le=100_000, description="Tokens in an answer; then it is cut off. More: dearer answers."
    )
    openai_connect_timeout_s: int = Field(5, ge=1, le=600, description="Seconds for a connection to that service.")
    openai_first_timeout_s: int = Field(
        30, ge=1, le=3600, description="Seconds from a question to the first word of its answer. More: longer waits."
    )
    openai_next_timeout_s: int = Field(15, ge=1, le=3600, description="Seconds from one word of an answer to the next.")
    openai_timeout_s: int = Field(
        90, ge=1, le=3600, description="Seconds for an answer or for vectors, retries included. More: longer waits."
    )
    max_sources: int = Field(
        20, ge=1, le=100, description="Passages that an answer may be made from. More: slower, dearer answers."
    )
    max_asks: int = Field(32, ge=1, le=1000, description="Questions answered at once; beyond, 429. More: more memory.")

    shutdown_timeout_s: int = Field(
        25, ge=0, le=600, description="Seconds that running requests get to finish after SIGTERM."
    )
    run_as_uid: int | None = Field(
        None, ge=1, description="Started as root, own the data directory with this user id and become it."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="`auto` is `json` in production, else `text`."
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None, description="Send OpenTelemetry traces to this receiver; needs the image built with `OTEL=1`."
    )
    otel_exporter_otlp_traces_endpoint: str | None = Field(None, description="The same, for traces alone.")
    otel_traces_exporter: Literal["otlp", "none"] | None = Field(
        None, description="`otlp` sends traces to the receiver on this machine, `none` sends none."
    )

    @field_validator("host")
    @classmethod
    def _host_is_an_address(cls, value: str) -> str:
        try:
            ipaddress.ip_address(value)  # Granian takes no names
        except ValueError:
            raise ValueError("it does not appear to be an IPv4 or IPv6 address") from None  # the library's shows it
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _origin.fullmatch(origin):
                raise ValueError(
                    "each is a scheme, a host and no path, as https://example.com; * is not taken, "
                    "since any page that a user opens could then ask"
                )
        return value

    @field_validator("api_key")
    @classmethod
    def _keys_are_headers(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(is_key(key.get_secret_value()) for key in value):
            raise ValueError(A_KEY)
        return value

    @field_validator("openai_api_key")
    @classmethod
    def _key_is_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_key(value.get_secret_value()):
            raise ValueError(A_KEY)
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _base_is_an_address(cls, value: str) -> str:
        if not _address.fullmatch(value) or not 0 < (urlsplit(value).port or 80) <= 65535:
            raise ValueError("it is http:// or https://, a host, and a path; the key has its own setting")
        return value

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, value: SecretStr | None) -> SecretStr | None:
        known = ("postgresql://", "postgres://", "http://", "https://")
        if value is not None and not value.get_secret_value().startswith(known):
            raise ValueError("it starts with postgresql://, http:// or https://")
        return value

    @field_validator("api_key", mode="before")
    @classmethod
    def _split_into_keys(cls, value: object) -> object:
        if isinstance(value, str) and not between_commas(value):
            raise ValueError("it is set, and there is no key in it")  # else the service would be open to all
        return cls._split(value)

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return between_commas(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _production_has_a_key(self) -> "Settings":
        if self.environment == "production" and not self.api_key and self.api_key_file is None:
            raise ValueError(
                "ENVIRONMENT=production needs API_KEY: set it to a long random secret, e.g. openssl rand -hex 32, "
                "or API_KEY_FILE to a file of them"
            )
        return self

    @property
    def traced(self) -> bool:
        """Whether traces are sent; where to and how, OpenTelemetry's SDK reads from its own variables."""
        if self.otel_traces_exporter is not None:
            return self.otel_traces_exporter == "otlp"
        return bool(self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint)

    @property
    def json_logs(self) -> bool:
        return self.log_format == "json" or (self.log_format == "auto" and self.environment == "production")


def from_environment() -> Settings:
    """raises  CannotStart, naming each setting that is wrong and why, never its value"""
    for name, setting in MISTAKEN.items():
        if os.environ.get(name):
            raise CannotStart(f"{name} is no setting, {setting} is: the keys would be left out, and all be let in")
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            f"{str(one['loc'][0]).upper()}: {one['msg']}" if one["loc"] else one["msg"].removeprefix("Value error, ")
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise CannotStart("; ".join(wrong)) from None
