"""What the soak makes of its samples."""

import pytest

from benchmarks.soak import fifth, slope_per_hour

RISING = [(float(second), 100.0 + second) for second in range(0, 500, 5)]


def test_a_fifth_is_a_median_of_its_part() -> None:
    samples = [(float(number), value) for number, value in enumerate([9, 9, 1, 3, 5, 5, 5, 5, 7, 8])]
    assert [fifth(samples, number) for number in range(5)] == [9, 2, 5, 5, 7.5]


def test_a_slope_is_per_hour() -> None:
    assert slope_per_hour(RISING) == pytest.approx(3600)
    assert slope_per_hour([(second, 7.0) for second, _ in RISING]) == pytest.approx(0)
