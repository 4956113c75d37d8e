"""Settings: read once, refused by name, never printed when secret, and all of them in docs/settings.md."""

import re
from pathlib import Path

import pytest

from app.errors import CannotStart
from app.settings import Settings, from_environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_defaults_need_no_environment() -> None:
    settings = from_environment()
    assert (settings.port, settings.host, settings.environment) == (8000, "::", "development")
    assert not settings.json_logs


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert from_environment().port == 8000


def test_keys_are_split_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "one-secret, two-secret,")
    settings = from_environment()
    assert [key.get_secret_value() for key in settings.api_key] == ["one-secret", "two-secret"]
    assert "secret" not in repr(settings) + str(settings)


@pytest.mark.parametrize("wrong", ["private-ü", "private,private-ключ", "private word", "private\x7f", ",", " , ", " "])
def test_what_no_request_could_bring_is_no_key(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("API_KEY", wrong)
    with pytest.raises(CannotStart, match="API_KEY: ") as refused:
        from_environment()
    assert "private" not in str(refused.value)


def test_an_empty_key_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "")
    assert from_environment().api_key == ()


def test_production_needs_a_key_and_says_which_setting_to_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(CannotStart, match="ENVIRONMENT=production needs API_KEY"):
        from_environment()
    monkeypatch.setenv("API_KEY", "k")
    assert from_environment().json_logs


def test_a_key_file_is_enough_for_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("API_KEY_FILE", "/run/secrets/keys")
    assert from_environment().api_key_file == Path("/run/secrets/keys")


def test_origins_are_split_and_each_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, http://localhost:3000,http://[::1]:8080")
    assert from_environment().cors_origins == ("https://a.example", "http://localhost:3000", "http://[::1]:8080")
    for wrong in ("*", "a.example", "https://a.example/", "https://A.example", "null", "https://*.example"):
        monkeypatch.setenv("CORS_ORIGINS", wrong)
        with pytest.raises(CannotStart, match="CORS_ORIGINS"):
            from_environment()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("OPENAI_API_KEY", "sk-private with-blank"),
        ("OPENAI_API_KEY", "sk-private-ü"),
        ("OPENAI_BASE_URL", "http://private:word@localhost/v1"),
        ("OPENAI_BASE_URL", "http://localhost/v1?key=private"),
        ("OPENAI_BASE_URL", "localhost/private"),
        ("OPENAI_BASE_URL", "http://private:99999/v1"),
    ],
)
def test_a_service_has_an_address_and_a_key_that_a_header_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, wrong: str
) -> None:
    monkeypatch.setenv(name, wrong)
    with pytest.raises(CannotStart, match=name) as refused:
        from_environment()
    assert "private" not in str(refused.value)


def test_a_key_of_a_service_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-private")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://[::1]:11434/v1/")
    settings = from_environment()
    assert "sk-private" not in repr(settings) + str(settings)


def test_each_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "99999")
    monkeypatch.setenv("MODEL_PRECISION", "int2-very-private")
    monkeypatch.setenv("HOST", "very-private")
    with pytest.raises(CannotStart) as refused:
        from_environment()
    assert "PORT" in str(refused.value)
    assert "MODEL_PRECISION" in str(refused.value)
    assert "HOST: Value error, it does not appear to be an IPv4 or IPv6 address" in str(refused.value)
    assert "very-private" not in str(refused.value)


@pytest.mark.parametrize(("wrong", "right"), [("API_KEYS", "API_KEY"), ("API_KEYS_FILE", "API_KEY_FILE")])
def test_keys_under_another_name_do_not_leave_the_service_open(
    monkeypatch: pytest.MonkeyPatch, wrong: str, right: str
) -> None:
    monkeypatch.setenv(wrong, "private")
    with pytest.raises(CannotStart, match=f"{wrong} is no setting, {right} is") as refused:
        from_environment()
    assert "private" not in str(refused.value)
    monkeypatch.setenv(wrong, "")
    assert not from_environment().api_key


def rows_of(page: str) -> dict[str, str]:
    """By name, what a page says of a setting: default and meaning."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", (ROOT / page).read_text(), re.MULTILINE))


def test_every_setting_is_listed_with_its_default() -> None:
    rows = {name: row.split(" | ")[0] for name, row in rows_of("docs/settings.md").items()}
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, int | str) and not isinstance(default, bool):
            assert f"`{default}`" in rows[name.upper()], f"{name.upper()}: docs/settings.md says {rows[name.upper()]}"
        assert field.description


def test_readme_says_the_same_of_the_few_that_it_lists() -> None:
    readme, all_of_them = rows_of("README.md"), rows_of("docs/settings.md")
    assert readme
    assert {name for name in readme if readme[name].split(" | ")[0] != all_of_them[name].split(" | ")[0]} == set()
