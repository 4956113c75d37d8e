"""docs/compose.yaml: its settings are ours, and what its parts say of each other agrees. No engine is asked here."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from app.settings import Settings, from_environment

COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).resolve().parents[2] / "docs" / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
GIVEN = {"API_KEY": "k" * 32, "POSTGRES_PASSWORD": "0123456789abcdef"}
PORT = Settings.model_fields["port"].default


def with_values(text: str) -> str:
    """`text` as Compose reads it, with the variables of GIVEN; each of them must be asked for."""
    return re.sub(r"\$\{(\w+):\?[^}]+\}", lambda found: GIVEN[found[1]], text)


@pytest.mark.parametrize("name", ["one", "two"])
def test_a_replica_starts_with_these_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {key: with_values(value) for key, value in SERVICES[name]["environment"].items()}
    assert {key.lower() for key in given} <= set(Settings.model_fields)
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    settings = from_environment()
    assert settings.environment == "production"
    assert settings.database_url == SecretStr(
        f"postgresql://vectorspace:{GIVEN['POSTGRES_PASSWORD']}@database:5432/vectorspace"
    )
    assert SERVICES[name]["ports"][0].endswith(f":{PORT}")
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= settings.shutdown_timeout_s + 4


def test_the_database_is_what_the_replicas_ask_for() -> None:
    database = {key: with_values(value) for key, value in SERVICES["database"]["environment"].items()}
    assert database == {
        "POSTGRES_USER": "vectorspace",
        "POSTGRES_DB": "vectorspace",
        "POSTGRES_PASSWORD": GIVEN["POSTGRES_PASSWORD"],
    }
    assert "pgvector" in SERVICES["database"]["image"]
    assert SERVICES["database"]["volumes"][0].split(":")[0] in COMPOSE["volumes"]
