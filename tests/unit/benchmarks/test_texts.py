"""The benchmark's texts: as long as their workload says, and no two alike."""

import random
from itertools import product
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from benchmarks.peers.texts import LENGTHS, Texts

MAX_TOKENS = 256
WORDS = ["".join(letters) for letters in product("bdfgklmnprst", "aeiou", "bdfgklmnprst", "aeiou")]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token for each run of letters or of signs, and two special ones, as in the model's own."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made = Tokenizer(WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    made.save(str(path))
    return path


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    """Three hundred texts of one to six hundred words."""
    choose = random.Random(1)
    return [" ".join(choose.choices(WORDS, k=choose.randint(1, 600))) for _ in range(300)]


@pytest.mark.parametrize("workload", LENGTHS)
def test_texts_have_the_length_of_their_workload(corpus: list[str], tokenizer: Path, workload: str) -> None:
    texts = Texts(corpus, tokenizer, MAX_TOKENS, seed=3).take(workload, 200)
    lengths = [len(each.ids) for each in Tokenizer.from_file(str(tokenizer)).encode_batch(texts)]
    least, most = LENGTHS[workload] or (3, MAX_TOKENS)
    assert least <= min(lengths)
    assert max(lengths) <= most
    assert len(set(texts)) == 200


def test_texts_are_new_at_each_call_and_the_same_for_a_seed(corpus: list[str], tokenizer: Path) -> None:
    first, again, other = (Texts(corpus, tokenizer, MAX_TOKENS, seed) for seed in (1, 1, 2))
    texts = first.take("sentences", 50)
    assert again.take("sentences", 50) == texts
    assert not set(first.take("sentences", 50)) & set(texts)
    assert other.take("sentences", 50) != texts


def test_words_end_when_there_are_no_more(corpus: list[str], tokenizer: Path) -> None:
    supply = Texts(corpus, tokenizer, MAX_TOKENS, seed=1)
    words = supply.take("words", 1_000_000)
    assert sorted(words) == sorted(WORDS)
    assert supply.take("words", 1) == []
