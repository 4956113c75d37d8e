"""sentence-transformers on torch behind FastAPI and uvicorn, as this stack is usually written.

    MODEL=FOLDER uvicorn torch_app:app

A plain `def` endpoint, which FastAPI runs in its thread pool, calls `encode` with the library's batches of 32 (it sorts
by length itself); a response model, so that pydantic writes the JSON. Nothing is tuned, and nothing is left out that
the documentation of the three would tell a reader to do.
"""

import os

from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(os.environ["MODEL"], device="cpu")
app = FastAPI()


class EmbedRequest(BaseModel):
    texts: list[str]


class EmbedResponse(BaseModel):
    embeddings: list[list[float]]


@app.post("/embed")
def embed(request: EmbedRequest) -> EmbedResponse:
    vectors = model.encode(request.texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    return EmbedResponse(embeddings=vectors.tolist())
