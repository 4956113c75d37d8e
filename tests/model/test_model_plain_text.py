"""The made model's tokenizer, and the one beside it for plain text: both read the same."""

from tokenizers import Tokenizer

from app.embedding.plain_text import PlainFirst, of_plain
from models.reference_texts import Reference
from tests.model.conftest import Model


def test_the_reference_texts_have_the_tokens_of_the_models_own_file(int8: Model, reference: Reference) -> None:
    tokenizer = Tokenizer.from_file(str(int8.folder.tokenizer))
    assert of_plain(tokenizer) is not tokenizer
    plain_first = PlainFirst(tokenizer)
    texts = [*reference.texts, "[CLS] and [sep] and [SEP]", "UPPER\tlower\r\nnext", "naïve café", "a\x00b\x7fc"]
    wanted = tokenizer.encode_batch(texts)
    assert plain_first.ids(texts) == [each.ids for each in wanted]
    for text in texts:
        found, bare = plain_first.encode(text), tokenizer.encode(text, add_special_tokens=False)
        assert (found.ids, found.offsets) == (bare.ids, bare.offsets)
