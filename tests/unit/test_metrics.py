"""The numbers, as Prometheus reads them."""

from prometheus_client.parser import text_string_to_metric_families

from app.observability.encoding import EncodingMetrics
from app.observability.metrics import Counters, Histogram, Histograms, Info, States, Value, text_of


def test_a_value_is_read_when_it_is_asked_for() -> None:
    numbers = [3]
    value = Value("vectorspace_things", "gauge", "Things.", lambda: numbers[0])
    numbers[0] = 4
    assert (
        text_of([value]) == "# HELP vectorspace_things Things.\n# TYPE vectorspace_things gauge\nvectorspace_things 4\n"
    )


def test_a_histogram_counts_what_is_at_most_each_bound() -> None:
    histogram = Histogram("h", "Seconds.", (0.5, 1.0))
    for value in (0.25, 0.5, 0.75, 4):
        histogram.observe(value)
    assert list(histogram.lines())[2:] == [
        'h_bucket{le="0.5"} 2',
        'h_bucket{le="1.0"} 3',
        'h_bucket{le="+Inf"} 4',
        "h_sum 5.5",
        "h_count 4",
    ]


def test_a_batch_is_counted_with_its_padding() -> None:
    encoding = EncodingMetrics()
    encoding.encoded([3, 5], [0.002, 0.0], 0.004)
    encoding.joined(2)
    encoding.refused()
    lines = text_of(encoding.metrics()).splitlines()
    assert {
        "vectorspace_encoded_texts_total 2",
        "vectorspace_encoded_tokens_total 8",
        "vectorspace_padding_tokens_total 2",
        "vectorspace_joined_texts_total 2",
        "vectorspace_refused_requests_total 1",
        'vectorspace_batch_texts_bucket{le="1"} 0',
        'vectorspace_batch_texts_bucket{le="2"} 1',
        "vectorspace_batch_seconds_count 1",
        'vectorspace_queue_wait_seconds_bucket{le="0.001"} 1',
        "vectorspace_queue_wait_seconds_count 2",
    } <= set(lines)


def test_labels_are_escaped() -> None:
    odd = 'a "quoted" \\ path\nof two lines'
    (family,) = text_string_to_metric_families(text_of([Info("vectorspace_odd", "Odd.", {"what": odd})]))
    assert family.samples[0].labels == {"what": odd}


def test_each_combination_of_labels_has_its_count() -> None:
    counters = Counters("c_total", "Things.", ("a", "b"))
    for values in (("x", "1"), ("x", "2"), ("x", "1")):
        counters.add(*values)
    assert list(counters.lines())[2:] == ['c_total{a="x",b="1"} 2', 'c_total{a="x",b="2"} 1']


def test_histograms_of_one_name_have_one_head() -> None:
    histograms = Histograms("h", "Seconds.", (1,), "route")
    histograms.observe("b", 0.5)
    histograms.observe("a", 2)
    assert list(histograms.lines()) == [
        "# HELP h Seconds.",
        "# TYPE h histogram",
        'h_bucket{route="a",le="1"} 0',
        'h_bucket{route="a",le="+Inf"} 1',
        'h_sum{route="a"} 2.0',
        'h_count{route="a"} 1',
        'h_bucket{route="b",le="1"} 1',
        'h_bucket{route="b",le="+Inf"} 1',
        'h_sum{route="b"} 0.5',
        'h_count{route="b"} 1',
    ]


def test_one_state_holds() -> None:
    states = States("s", "How.", "state", ("on", "off"), "off")
    assert list(states.lines())[2:] == ['s{state="on"} 0', 's{state="off"} 1']
