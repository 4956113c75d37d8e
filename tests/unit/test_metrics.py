"""The numbers, as Prometheus reads them."""

from app.observability.encoding import EncodingMetrics
from app.observability.metrics import Histogram, Value, text_of


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
    encoding.refused(7)
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
