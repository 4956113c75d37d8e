"""The page's parts that only reckon, asked in the browser that runs them."""

import json
import math
import shlex
from typing import Any

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import Open
from tests.process.conftest import Process


@pytest.fixture
def page(service: Process, open_page: Open) -> Page:
    page = open_page(service, "#/search")
    expect(page.locator("#health-text")).to_have_text("Ready")
    return page


def call(page: Page, module: str, body: str, *values: Any) -> Any:
    """What `body` returns, with the module as `m` and the values as `v`."""
    return page.evaluate(f"async (v) => {{ const m = await import('./web/{module}.js'); {body} }}", list(values))


BUCKETS = """
# HELP seconds A histogram.
seconds_bucket{{route="/a",le="0.1"}} {0}
seconds_bucket{{route="/a",le="1"}} {1}
seconds_bucket{{route="/a",le="+Inf"}} {2}
seconds_bucket{{route="/b",le="0.1"}} 100
seconds_bucket{{route="/b",le="1"}} 100
seconds_bucket{{route="/b",le="+Inf"}} 100
"""


def test_quantiles_are_prometheus_own(page: Page) -> None:
    body = """
        const [before, now] = [m.parse(v[0]), m.parse(v[1])];
        return v[2].map((share) => m.quantile(now, before, "seconds", share, ({ route }) => route === "/a"));
    """
    # Ten up to 0.1, five up to 1, five above.
    before, now = BUCKETS.format(10, 20, 20), BUCKETS.format(20, 35, 40)
    found = call(page, "metrics", body, before, now, [0.25, 0.5, 0.6, 0.75, 0.99])
    assert found == pytest.approx([0.05, 0.1, 0.1 + 0.9 * 2 / 5, 1, 1])
    assert call(page, "metrics", body, now, now, [0.5]) == [None]


@pytest.mark.parametrize("id", ["..", "."])
def test_an_id_that_no_address_can_hold_harms_nothing(page: Page, id: str) -> None:
    """None is kept any more; a store may have one of before."""
    with pytest.raises(Error, match="cannot be named in an address"):
        call(page, "api", "return m.inside('notes', 'documents', v[0])", id)
    assert call(page, "api", "return m.inside('notes', 'documents', v[0])", f"{id}a/") == (
        f"v1/collections/notes/documents/{id}a%2F"
    )


def test_labels_with_quotes_and_commas_are_read(page: Page) -> None:
    text = 'a{x="1,2",y="say \\"hi\\"}"} 3\na{x="",y="z"} 4e1\nb NaN\n'
    found = call(page, "metrics", "return [...m.parse(v[0]).get('a')]", text)
    assert [each["labels"] for each in found] == [{"x": "1,2", "y": 'say "hi"}'}, {"x": "", "y": "z"}]
    assert [each["value"] for each in found] == [3, 40]


def test_words_that_set_groups_apart(page: Page) -> None:
    groups = [
        ["the goal of the match", "a match with one goal", "they lost that match"],
        ["this soup with lentils", "that soup with bread", "they like soup"],
        ["one of its kind"],
    ]
    found = call(page, "words", "return m.distinctive(v[0])", groups)
    assert found[0][0] == "match"
    assert found[1][0] == "soup"
    assert found[2] == []


def test_groups_beyond_the_colours_are_rings_and_then_grey(page: Page) -> None:
    counts = [30 - n for n in range(16)]
    points = [
        {"x": 0, "y": 0, "text": "", "metadata": {"k": f"v{n}"}} for n, count in enumerate(counts) for _ in range(count)
    ]
    points.append({"x": 0, "y": 0, "text": "", "metadata": {}})
    body = """
        const { groups, of } = m.grouped(v[0], "k");
        return { groups: groups.map((each) => ({ ...each, ...m.colourOf(each) })), of: [...of] };
    """
    found = call(page, "groups", body, points)
    groups = found["groups"]
    assert [each["label"] for each in groups] == [*(f"v{n}" for n in range(14)), "others"]
    assert len({(each["colour"], each["ring"]) for each in groups}) == 15
    assert len(groups[-1]["members"]) == counts[14] + counts[15] + 1
    assert all(index in groups[group]["members"] for index, group in enumerate(found["of"]))


def test_zooming_keeps_what_is_under_the_pointer(page: Page) -> None:
    body = """
        const view = new m.Viewport();
        view.resize(1000, 600, 300, 200);
        view.drag(40, -25);
        const before = view.toPixels(0.3, -0.2);
        view.zoomAt(...before, 3.7);
        const after = view.toPixels(0.3, -0.2);
        const far = view.toPixels(0.8, 0.8);
        view.zoomAt(0, 0, 1e9);
        return { before, after, far, zoom: view.zoom };
    """
    found = call(page, "viewport", body)
    assert found["after"] == pytest.approx(found["before"])
    assert math.dist(found["far"], found["after"]) > 600
    assert found["zoom"] < 1000


def test_a_passage_is_marked_by_code_points(page: Page) -> None:
    body = """
        const p = document.createElement("p");
        p.append(...m.marked(v[0], v[1], m.wordsOf(v[2]), { whole: true }).filter(Boolean));
        const bold = [...p.querySelectorAll("b")].map((each) => each.textContent);
        return [p.textContent, p.querySelector("mark").textContent, bold];
    """
    text = "🐭🐭 before. Le CAFÉ est là 🐈. after 🐭"
    span = {"start": text.index("Le"), "end": text.index(" after")}
    assert call(page, "passage", body, text, span, "café là") == [text, "Le CAFÉ est là 🐈.", ["CAFÉ", "là"]]


def test_a_filter_is_what_the_interface_takes(page: Page, service: Process) -> None:
    body = """
        const filters = new m.Filters(document.createElement("ul"), () => {});
        const seen = [filters.value ?? null];
        for (const [key, value] of v[0]) {
            filters.add(key, value);
            seen.push(filters.value);
        }
        return seen;
    """
    found = call(page, "filters", body, [["topic", "food"], ["topic", "space"], ["topic", "food"], ["length", 41]])
    either = {"topic": {"$in": ["food", "space"]}}
    assert found == [None, {"topic": "food"}, either, either, {"$and": [either, {"length": 41}]}]
    status, answer = service.post("/v1/collections/news/search", {"query": "a", "filter": found[-1]})
    assert status == 200
    assert [hit["id"] for hit in answer["hits"]] == ["coffee"]


def test_code_for_a_request_quotes_what_it_must(page: Page) -> None:
    body = "return ['curl', 'Python', 'JavaScript'].map((each) => m.code(each, v[0], v[1]))"
    asked = {"query": 'it\'s "so" \\ $HOME `x`', "filter": {"on": True, "no": None, "at": [1, False]}}
    curl, python, _ = call(page, "request", body, "a.b", asked)
    words = shlex.split(curl.replace("\\\n", " "))
    assert json.loads(words[words.index("-d") + 1]) == asked
    space: dict[str, Any] = {}
    exec(python.split("request =")[0], space)  # noqa: S102, as who copies it does
    assert space["body"] == asked


def test_a_counter_that_went_down_began_anew(page: Page) -> None:
    body = """
        const [before, now] = v.map(m.parse);
        const route = ({ route }) => route === "/a";
        const grown = [undefined, route].map((which) => m.increase(now, before, "n", which));
        return [...grown, m.quantile(now, before, "seconds", 0.5, route)];
    """
    before = 'n{route="/a"} 100\nn{route="/b"} 5\n' + BUCKETS.format(70, 90, 100)
    now = 'n{route="/a"} 4\nn{route="/b"} 8\nn{route="/c"} 1\n' + BUCKETS.format(0, 4, 4)
    increased, of_a, half = call(page, "metrics", body, before, now)
    assert (increased, of_a) == (4 + 3 + 1, 4)
    assert half == pytest.approx(0.1 + 0.9 / 2)


def test_numbers_are_rounded_before_their_unit_is_chosen(page: Page) -> None:
    seconds = [0.00099951, 0.9997, 9.6, 59.4, 59.7, 61.2, 3599.7]
    found = call(page, "format", "return v[0].map(m.duration)", seconds)
    assert found == ["1.0 ms", "1.0 s", "9.6 s", "59 s", "1 min 0 s", "1 min 1 s", "1 h 0 min"]
    assert call(page, "format", "return v[0].map(m.bytes)", [999, 999_400, 999_950]) == ["999 B", "999 kB", "1.0 MB"]


def test_a_text_that_is_cut_off_says_so(page: Page) -> None:
    found = call(page, "format", "return v[0].map((text) => m.clipped(text, 3))", ["😀" * 5, "abcd", "abc", "😀" * 3])
    assert found == ["😀😀😀…", "abc…", "abc", "😀😀😀"]


def test_a_field_that_few_points_have_is_not_the_first_colour(page: Page) -> None:
    points = [{"metadata": {"rare": "ab"[n % 2]} if n < 4 else {}} for n in range(10)]
    assert call(page, "groups", "return m.fieldsOf(v[0])", points) == [{"key": "rare", "fits": False}]
    assert call(page, "groups", "return m.fieldsOf(v[0])", points[:8]) == [{"key": "rare", "fits": True}]
