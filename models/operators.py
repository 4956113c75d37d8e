"""Steps of an encoder that end in eight bits, each as one operator of our own with its meaning in ONNX's operators.

kernels/ computes each in one go where its library is there and the CPU has AVX2; everywhere else ONNX Runtime computes
what is written here. kernels/README.md has the operators' contract, tests hold the two together.
"""

from models.graph import Function, Operations
from models.onnx_file import AttributeValue

MULTIPLE = 16  # of which widths must be one
HEAD_WIDTHS = (32, 64)
ALL = 2**63 - 1  # up to the last one, for Slice


def normalise(
    graph: Operations, name: str, states: str, one: str, zero: str, rows: str, flat: str, epsilon: AttributeValue
) -> str:
    """Layer normalisation without gain and bias, (rows, width), written as instance normalisation of one channel a row.

    The two are the same, but ONNX Runtime 1.28 computes LayerNormalization number by number: 4.5 ms for 2,048 rows
    of 384 on one thread, against 0.8 ms for this with its gain and bias.

    one, zero   float32 (1,), the gain and bias of a normalisation that has its own behind it
    rows, flat  the shapes (rows, 1, width) and (rows, width)
    """
    states = graph.add("Reshape", states, rows, name=f"{name}.rows")
    states = graph.add("InstanceNormalization", states, one, zero, name=f"{name}.plain", epsilon=epsilon)
    return graph.add("Reshape", states, flat, name=f"{name}.flat")


def attention(
    graph: Operations,
    name: str,
    parts: tuple[str, str, str],
    shape: str,
    flat: str,
    lengths: str,
    heads: AttributeValue,
    factor: AttributeValue,
) -> str:
    """What each token takes of its text's values, (rows, width).

    parts    query, key and value, (rows, width)
    shape    texts, tokens, width, int64 (3,)
    factor   what a score is multiplied by
    lengths  tokens of each text, int64 (texts,): padding behind them is not looked at
    """
    deep = [
        graph.add("Reshape", part, shape, name=f"{name}.deep_{each}")
        for part, each in zip(parts, ("query", "key", "value"), strict=True)
    ]
    nothing = ("", "", "")  # no mask, nothing remembered: the lengths say it all
    context = graph.add(
        *("Attention", *deep, *nothing, lengths),
        name=f"{name}.deep",
        q_num_heads=heads,
        kv_num_heads=heads,
        scale=factor,
    )
    return graph.add("Reshape", context, flat, name=f"{name}.flat")


def _gelu_quantize() -> Function:
    function = Function("GeluQuantize", "x", "scale", "zero", "first")
    hidden = function.add("Gelu", "x", name="hidden")
    quantised = function.add("QuantizeLinear", hidden, "scale", "zero", name="quantised")
    bounds = (function.integers("all", ALL), function.integers("columns", 1))
    return function.returns(quantised, function.add("Slice", hidden, "first", *bounds, name="apart"))


def _add_normalize_quantize() -> Function:
    function = Function("AddNormalizeQuantize", "x", "residual", "gain", "restore", "scale", "zero", epsilon=float)
    total = function.add("Add", "x", "residual", name="total")
    flat = function.add("Shape", "x", name="shape")
    width = function.add("Shape", "gain", name="width")
    rows = function.add("Concat", function.integers("one_channel", -1, 1), width, name="rows", axis=0)
    one, nothing = function.floats("one", 1.0), function.floats("nothing", 0.0)
    plain = normalise(function, "norm", total, one, nothing, rows, flat, function.given("epsilon"))
    scaled = function.add("Mul", plain, "gain", name="scaled")
    quantised = function.add("QuantizeLinear", scaled, "scale", "zero", name="quantised")
    return function.returns(quantised, function.add("Mul", scaled, "restore", name="restored"))


def _attention_quantize() -> Function:
    function = Function("AttentionQuantize", "parts", "shape", "lengths", "scale", "zero", heads=int, factor=float)
    names = ("query", "key", "value")
    query, key, value = function.add_several("Split", "parts", names=names, axis=1, num_outputs=3)
    flat = function.add("Shape", query, name="flat")
    heads, factor = function.given("heads"), function.given("factor")
    context = attention(function, "context", (query, key, value), "shape", flat, "lengths", heads, factor)
    return function.returns(function.add("QuantizeLinear", context, "scale", "zero", name="quantised"))


GELU_QUANTIZE = _gelu_quantize()
ADD_NORMALIZE_QUANTIZE = _add_normalize_quantize()
ATTENTION_QUANTIZE = _attention_quantize()
