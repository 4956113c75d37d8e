"""The two descriptions of the service on Railway: evaluated by Railway's own SDK, nothing in them lost, and alike."""

import importlib.util
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import railway_sdk

from app.api.health import router
from app.server import LAST_RESORT_S
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TOML = tomllib.loads((ROOT / "railway.toml").read_text())
GUIDE = (ROOT / "docs" / "railway.md").read_text()
DATA_DIRECTORY = "/data"
DOCKERFILE = (ROOT / "Dockerfile.alpine").read_text()

# docs.railway.com/config-as-code/reference. The SDK hands `build` and `deploy` on as they are, so Railway would lose a
# wrong key. Numbers are numbers, whatever that page's examples show (github.com/railwayapp/docs/issues/1243).
BUILD = {"builder": str, "dockerfilePath": str, "buildCommand": str, "watchPatterns": list}
DEPLOY = {
    "startCommand": str,
    "preDeployCommand": list,
    "healthcheckPath": str,
    "healthcheckTimeout": int,
    "restartPolicyType": str,
    "restartPolicyMaxRetries": int,
    "drainingSeconds": int,
    "overlapSeconds": int,
    "cronSchedule": str,
    "multiRegionConfig": dict,
}
# docs.railway.com/config-as-code/reference: what these may say.
VALUES = {
    "builder": {"RAILPACK", "NIXPACKS", "DOCKERFILE"},
    "restartPolicyType": {"ON_FAILURE", "ALWAYS", "NEVER"},
}
# docs.railway.com/variables/reference, "User-provided configuration variables"
RAILWAYS_OWN = {
    "RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
    "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS",
    "RAILWAY_DOCKERFILE_PATH",
    "RAILWAY_HEALTHCHECK_TIMEOUT_SEC",
    "RAILWAY_RUN_UID",
    "RAILWAY_SHM_SIZE_BYTES",
}


def load(**choices: object) -> ModuleType:
    """The file as a fresh module, found by its path as the CLI finds it, with other values of its constants."""
    spec = importlib.util.spec_from_file_location("railway_sdk_user", ROOT / ".railway" / "railway.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in choices.items():
        assert hasattr(module, name)
        setattr(module, name, value)
    return module


def evaluate(module: ModuleType, **context: str) -> dict[str, Any]:
    """What the CLI gets: the project's graph, by way of JSON."""
    graph: dict[str, Any] = json.loads(json.dumps(module.main(railway_sdk.create_railway_context(context)).to_graph()))
    return graph


def node(graph: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The only resource of this type."""
    [found] = [resource for resource in graph["resources"] if resource["type"] == kind]
    return dict(found)


def dropped(name: str, keywords: Mapping[str, Any]) -> set[str]:
    """Keys without which `service` makes the very same thing: those that it does not know."""
    whole = railway_sdk.service(name, **keywords).to_graph()
    return {
        key
        for key in keywords
        if railway_sdk.service(name, **{other: keywords[other] for other in keywords if other != key}).to_graph()
        == whole
    }


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Name and keywords of each `service` that a file loaded from here on writes."""
    calls: list[tuple[str, dict[str, Any]]] = []
    real = railway_sdk.service

    def service(name: str, **keywords: Any) -> Any:
        calls.append((name, keywords))
        return real(name, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(railway_sdk, "service", service)
        yield calls


@pytest.fixture
def service() -> dict[str, Any]:
    return node(evaluate(load()), "service")


@pytest.mark.parametrize("choices", [{}, {"REPOSITORY": "owner/name"}, {"REGION": "us-west2"}])
def test_the_sdk_drops_no_key(written: list[tuple[str, dict[str, Any]]], choices: dict[str, str]) -> None:
    module = load(**choices)
    evaluate(module)
    [(name, keywords)] = written
    given = {key: value for key, value in keywords.items() if value is not None}
    assert ("source" in given, "replicas" in given) == ("REPOSITORY" in choices, "REGION" in choices)
    assert not dropped(name, given)


def test_volume_and_service_are_in_one_region() -> None:
    graph = evaluate(load(REGION="us-west2"))
    assert node(graph, "service")["deploy"]["multiRegionConfig"] == {"us-west2": {"numReplicas": 1}}
    assert node(graph, "volume")["config"] == {"region": "us-west2"}


@pytest.mark.parametrize("key", ["healthCheck", "healthcheck_timeout", "volume_mounts", "restartPolicyType", "port"])
def test_a_key_of_another_spelling_would_be_seen(key: str) -> None:
    assert dropped("x", {"healthcheck": "/health", key: "anything"}) == {key}


@pytest.mark.parametrize(("section", "known"), [("build", BUILD), ("deploy", DEPLOY)])
def test_every_key_that_the_sdk_hands_on_is_railways(
    service: dict[str, Any], section: str, known: dict[str, type]
) -> None:
    for keys in (service[section], TOML[section]):
        assert {key: type(value) for key, value in keys.items()}.items() <= known.items()


def test_what_has_few_values_has_one_of_them(service: dict[str, Any]) -> None:
    for file in (service, TOML):
        given = {**file["build"], **file["deploy"]}
        assert all(given[key] in allowed for key, allowed in VALUES.items())
        assert given["builder"] == "DOCKERFILE"


def test_a_repository_is_built_from_its_branch() -> None:
    source = node(evaluate(load(REPOSITORY="owner/name", BRANCH="stable")), "service")["source"]
    assert (source["repo"], source["branch"]) == ("owner/name", "stable")


def test_the_guides_variables_are_the_files(service: dict[str, Any]) -> None:
    """Those of the raw editor; the key is of whoever deploys."""
    block = GUIDE.partition("*Raw Editor*")[2].partition("```")[2].partition("```")[0]
    told = dict(line.strip().split("=", 1) for line in block.splitlines() if line.strip())
    assert told.pop("API_KEY")
    ours = {name: each["value"] for name, each in service["variables"].items() if each["type"] == "literal"}
    assert told == ours
    assert f"mount path `{DATA_DIRECTORY}`" in GUIDE
    assert f"health check path `{service['deploy']['healthcheckPath']}`" in GUIDE


def test_both_files_say_the_same(service: dict[str, Any]) -> None:
    assert {"build": service["build"], "deploy": service["deploy"]} == TOML


def test_the_variables_say_what_the_fields_say(service: dict[str, Any]) -> None:
    variables = {name: value.get("value") for name, value in service["variables"].items()}
    assert variables["RAILWAY_DOCKERFILE_PATH"] == service["build"]["dockerfilePath"]
    assert variables["RAILWAY_HEALTHCHECK_TIMEOUT_SEC"] == str(service["deploy"]["healthcheckTimeout"])
    assert variables["RAILWAY_DEPLOYMENT_DRAINING_SECONDS"] == str(service["deploy"]["drainingSeconds"])
    assert variables["RAILWAY_DEPLOYMENT_OVERLAP_SECONDS"] == str(service["deploy"]["overlapSeconds"])


def test_every_variable_is_a_setting_or_railways_own(service: dict[str, Any]) -> None:
    settings = {name.upper() for name in Settings.model_fields}
    assert set(service["variables"]) <= settings | RAILWAYS_OWN
    literal = {
        name.lower(): value["value"] for name, value in service["variables"].items() if value["type"] == "literal"
    }
    accepted = Settings.model_validate({**literal, "api_key": "k"})
    assert accepted.environment == "production"


def test_the_key_is_kept_in_railway_and_never_in_the_file(service: dict[str, Any]) -> None:
    assert service["variables"]["API_KEY"] == {"type": "preserve"}


def test_draining_outlasts_the_services_own_limit(service: dict[str, Any]) -> None:
    assert service["deploy"]["drainingSeconds"] > Settings.model_fields["shutdown_timeout_s"].default + LAST_RESORT_S


def test_the_health_check_is_a_route_of_the_service(service: dict[str, Any]) -> None:
    assert service["deploy"]["healthcheckPath"] in {getattr(route, "path", None) for route in router.routes}


def test_the_volume_is_the_images_data_directory_and_root_hands_it_over(service: dict[str, Any]) -> None:
    [mount] = service["volumeAttachments"].values()
    assert mount["volume"] == node(evaluate(load()), "volume")["address"]
    assert f"DATA_DIRECTORY={mount['mountPath']} " in DOCKERFILE
    assert service["variables"]["RAILWAY_RUN_UID"]["value"] == "0"
    assert re.search(r"RUN_AS_UID=\d+", DOCKERFILE)


def watched(pattern: str) -> set[Path]:
    """Files that a pattern of ours matches: one path, or with /** at its end all under it."""
    assert re.fullmatch(r"(/[\w.-]+)+(/\*\*)?", pattern), f"{pattern}: anchored, and no other wildcard"
    path = ROOT / pattern.removesuffix("/**").lstrip("/")
    return {file for file in path.rglob("*") if file.is_file()} if pattern.endswith("/**") else {path}


def test_every_watch_pattern_matches_and_the_image_is_made_of_nothing_else(service: dict[str, Any]) -> None:
    matched = [watched(pattern) for pattern in service["build"]["watchPatterns"]]
    assert all(files and all(file.exists() for file in files) for files in matched)
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert copied
    sources = {ROOT / name for names in copied for name in names.split()}
    sources |= {ROOT / "Dockerfile.alpine", ROOT / ".dockerignore"}
    everything = set().union(*matched)
    for source in sources:
        files = {file for file in source.rglob("*") if file.is_file()} if source.is_dir() else {source}
        assert files <= everything, source


def test_postgres_is_off_until_asked_for() -> None:
    without, having = evaluate(load()), evaluate(load(POSTGRES=True))
    assert {resource["type"] for resource in without["resources"]} == {"service", "volume"}
    assert node(having, "database")["engine"] == "postgres"
    assert [resource for resource in having["resources"] if resource["type"] != "database"] == without["resources"]


def test_an_apply_leaves_the_rest_of_the_environment_and_its_name_alone() -> None:
    module = load()
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", module.PARTIAL)
    assert evaluate(module, projectName="acme")["name"] == "acme"
