"""infinity_server.py OPTIONS: infinity-emb's own command, with a module back where its optimum looks for it.

torch has moved its older ONNX exporter; optimum 1.27, the last that infinity-emb runs with, imports it from the former
place. It serves exports, and no request.
"""

import sys

from torch.onnx._internal.torchscript_exporter import symbolic_opset14

sys.modules["torch.onnx.symbolic_opset14"] = symbolic_opset14

from infinity_emb.cli import cli  # noqa: E402  after the module is there

if __name__ == "__main__":
    cli()
