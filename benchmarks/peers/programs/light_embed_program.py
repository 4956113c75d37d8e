"""light_embed_program.py FOLDER: light-embed in process, with its defaults; it brings no server."""

import sys

from answering import answer
from light_embed import TextEmbedding


def main() -> None:
    folder = sys.argv[1]
    # A name of its own: one of the library's list would be looked for on its hub.
    config = {
        "model_name": "local/all-MiniLM-L6-v2",
        "base_model": "sentence-transformers/all-MiniLM-L6-v2",
        "onnx_file": "model.onnx",
        "pooling_config_path": "1_Pooling",
        "normalize": True,
    }
    model = TextEmbedding(folder, model_config=config)
    answer(lambda texts: model.encode(texts, batch_size=32))


if __name__ == "__main__":
    main()
