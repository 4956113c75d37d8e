"""export.py FOLDER FILE: the encoder as ONNX, float32, as the hub has it: three inputs, one state for each token.

Runs in the environment of infinity-emb, whose transformers still exports. No fusions, no pooling: libraries on ONNX
Runtime bring their own.
"""

import sys

import torch
from transformers import AutoModel

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OUTPUT = "last_hidden_state"


class Encoder(torch.nn.Module):
    """The model with its inputs in order and one output, a tensor in place of a record."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.model = AutoModel.from_pretrained(folder, attn_implementation="eager")

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        states: torch.Tensor = self.model(**given).last_hidden_state
        return states


def main() -> None:
    folder, file = sys.argv[1:]
    ids = torch.ones(2, 8, dtype=torch.int64)
    torch.onnx.export(
        Encoder(folder).eval(),
        (ids, ids, torch.zeros_like(ids)),
        file,
        input_names=INPUTS,
        output_names=[OUTPUT],
        dynamic_axes={name: {0: "batch", 1: "tokens"} for name in [*INPUTS, OUTPUT]},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main()
