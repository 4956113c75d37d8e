"""What goes into a batch together: like lengths, within the budget, with little padding, the oldest always."""

from app.embedding.waiting import BATCH_COSTS_TOKENS, Entry, Waiting


def waiting(*lengths: int) -> Waiting[str]:
    queue: Waiting[str] = Waiting()
    for length in lengths:
        queue.add(Entry((1,) * length))
    return queue


def lengths(batch: list[Entry[str]]) -> list[int]:
    return sorted(entry.length for entry in batch)


def test_what_is_alike_goes_at_once_when_it_fits() -> None:
    queue = waiting(4, 5, 6)
    assert lengths(queue.take(100)) == [4, 5, 6]
    assert len(queue) == queue.tokens == 0
    assert queue.take(100) == []


def test_the_oldest_takes_its_nearest_in_length() -> None:
    queue = waiting(10, 100, 11, 9, 90, 10)
    assert lengths(queue.take(44)) == [9, 10, 10, 11]
    assert lengths(queue.clear()) == [90, 100]


def test_padding_counts_against_the_budget() -> None:
    assert lengths(waiting(10, 20, 20).take(59)) == [10, 20]  # three rows of 20 would be 60


def test_padding_costs_no_more_than_a_second_batch() -> None:
    assert lengths(waiting(20, 20 + BATCH_COSTS_TOKENS).take(1000)) == [20, 20 + BATCH_COSTS_TOKENS]
    assert lengths(waiting(20, 21 + BATCH_COSTS_TOKENS).take(1000)) == [20]
    assert lengths(waiting(20, *[12] * 5).take(1000)) == [12, 12, 20]


def test_of_one_length_the_oldest_go_in_their_order() -> None:
    queue: Waiting[str] = Waiting()
    entries = [Entry[str]((number,) * 5) for number in range(6)]
    for entry in entries:
        queue.add(entry)
    assert queue.take(10) + queue.take(20) == entries


def test_a_text_longer_than_the_budget_goes_alone() -> None:
    assert lengths(waiting(300, 299, 3).take(256)) == [300]


def test_what_is_removed_is_not_taken() -> None:
    queue = waiting(5, 5)
    gone = Entry[str]((1,) * 7)
    queue.add(gone)
    queue.remove(gone)
    assert gone not in queue
    assert queue.tokens == 10
    assert lengths(queue.take(100)) == [5, 5]
