"""fastembed behind FastAPI and uvicorn, with the same endpoint as torch_app.py; fastembed itself brings no server.

MODEL=FOLDER uvicorn fastembed_app:app
"""

import os

from fastapi import FastAPI
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType
from pydantic import BaseModel

NAME = "all-MiniLM-L6-v2"

TextEmbedding.add_custom_model(
    model=NAME,
    pooling=PoolingType.MEAN,
    normalization=True,
    sources=ModelSource(hf=NAME),  # never asked: the files are given below
    dim=384,
    model_file="model.onnx",
)
model = TextEmbedding(NAME, specific_model_path=os.environ["MODEL"])
app = FastAPI()


class EmbedRequest(BaseModel):
    texts: list[str]


class EmbedResponse(BaseModel):
    embeddings: list[list[float]]


@app.post("/embed")
def embed(request: EmbedRequest) -> EmbedResponse:
    return EmbedResponse(embeddings=[vector.tolist() for vector in model.embed(request.texts, batch_size=32)])
