"""infinity_server.py OPTIONS: infinity-emb's own command, with two names back where its optimum looks for them.

torch has moved its older ONNX exporter; optimum 1.27, the last that infinity-emb runs with, imports two functions from
the former place. They serve exports, and no request.
"""

import torch.onnx.symbolic_opset14 as former
from torch.onnx._internal.torchscript_exporter import symbolic_opset14 as present

for name in ("_attention_scale", "_causal_attention_mask", "_onnx_symbolic", "_type_utils", "jit_utils"):
    if not hasattr(former, name):
        setattr(former, name, getattr(present, name))

from infinity_emb.cli import cli  # noqa: E402  after the names are there

if __name__ == "__main__":
    cli()
