"""The official `openai` package against the real service: what its users do, and the errors that they would see."""

from collections.abc import Iterator

import numpy as np
import openai
import pytest

from tests.process.conftest import Process

MODEL = "all-MiniLM-L6-v2"


@pytest.fixture
def client(service: Process) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0) as client:
        yield client


def test_embeddings_by_its_default_encoding(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=MODEL, input=["a cat on a sofa", "a kitten on a couch", "tax law"])
    assert [row.index for row in answer.data] == [0, 1, 2]
    vectors = np.array([row.embedding for row in answer.data])
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    cat, kitten, law = vectors
    assert cat @ kitten > cat @ law + 0.3
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 18  # 5 + 5 + 2 words, two special tokens each


def test_float_and_base64_agree(client: openai.OpenAI) -> None:
    plain = client.embeddings.create(model=MODEL, input="agreement", encoding_format="float").data[0].embedding
    packed = client.embeddings.create(model=MODEL, input="agreement").data[0].embedding
    np.testing.assert_array_equal(np.array(plain, np.float32), np.array(packed, np.float32))


@pytest.mark.parametrize(("dtype", "length"), [("int8", 384), ("binary", 48)])
def test_smaller_numbers_come_as_they_are_or_not_at_all(client: openai.OpenAI, dtype: str, length: int) -> None:
    """By its default the package would read float32 in their bytes."""
    with pytest.raises(openai.BadRequestError, match='encoding_format="float"'):
        client.embeddings.create(model=MODEL, input="small", extra_body={"embedding_dtype": dtype})
    answer = client.embeddings.create(
        model=MODEL, input="small", encoding_format="float", extra_body={"embedding_dtype": dtype}
    )
    numbers = answer.data[0].embedding
    assert len(numbers) == length
    assert all(number == int(number) and -128 <= number <= 127 for number in numbers)


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).owned_by == "sentence-transformers"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_errors_have_the_shape_that_the_client_reads(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model=MODEL, input=[[1, 2, 3]])
    assert refused.value.code == "token_input"
    assert refused.value.param == "input"
    assert "check_embedding_ctx_length=False" in refused.value.message
    with pytest.raises(openai.NotFoundError) as unknown:
        client.embeddings.create(model="text-embedding-3-small", input="a")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as long:
        client.embeddings.create(model=MODEL, input="word " * 1000)
    assert long.value.code == "text_too_long"
    assert "1002 tokens" in long.value.message


def test_our_own_fields_go_through_extra_body(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=MODEL, input="word " * 1000, extra_body={"truncate": True})
    assert answer.usage.prompt_tokens == 256
