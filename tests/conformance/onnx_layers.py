"""Random layers of random models: each takes an activation on a grid and gives one, or None where it does not fit."""

import numpy as np
from onnx_maker import DOMAIN, FRAMES, Grid, Value
from onnx_quantisers import quantise, trunc, uniform, weights


def bias(m, x_scale, w_scale, channels, shape=None):
    """Nothing, floats, or a bias on the grid of the sums."""
    kind = m.pick(["none", "none", "float", "quantised"])
    if kind == "none":
        return []
    floats = m.rng.normal(0, 1, channels)
    if kind == "float" or x_scale is None or w_scale is None:
        return [m.constant(floats)]
    scale = np.float32(x_scale) * np.float32(w_scale)
    inputs = [m.constant(floats), m.constant(scale), m.constant(0.0), m.constant(32.0)]
    name = m.op("Quant", inputs, domain=DOMAIN, signed=1, narrow=0, rounding_mode="ROUND")
    m.constants[name] = m.values.pop(name)
    return [name]


def scale_of(x):
    return None if x.grid is None else x.grid.scale


# ---- sums of products -----------------------------------------------------------------------------------------------


def conv(m, x, outputs=None, same=False):
    """Conv of an image or a signal: any groups, strides, pads; `same` keeps the size."""
    size = m.shape(x)[1:]
    ins = m.channels(x)
    depthwise = m.chance(25)
    divisors = [g for g in (2, 3) if ins % g == 0]
    groups = ins if depthwise else (m.pick(divisors) if divisors and m.chance(20) else 1)
    if outputs is None:
        outputs = groups * m.number(1, max(1, 4 // groups))
    elif outputs % groups:
        groups = 1
    kernel = [m.number(1, min(3, n)) for n in size]
    options = {} if m.chance(20) else {"kernel_shape": kernel}
    if same:
        begin = [(k - 1) // 2 for k in kernel]
        options["pads"] = [*begin, *(k - 1 - b for k, b in zip(kernel, begin, strict=True))]
    elif m.chance(8):
        options["auto_pad"] = m.pick(["VALID", "SAME_UPPER", "SAME_LOWER"])
    else:
        options["pads"] = [m.number(0, k - 1) for k in (*kernel, *kernel)]
    if not same and m.chance(35):
        options["strides"] = [m.number(1, 2) for _ in kernel]
    if groups > 1:
        options["group"] = groups
    w, w_scale = weights(m, (outputs, ins // groups, *kernel), 0)
    y = m.op("Conv", [x.name, w, *bias(m, scale_of(x), w_scale, outputs)], **options)
    return m.derived(x, y, grid=None)


def dense(m, x):
    """Gemm or MatMul of a vector."""
    ins, outputs = m.channels(x), m.number(1, 6)
    if m.chance(50):
        turned = m.chance(50)
        w, w_scale = weights(m, (outputs, ins) if turned else (ins, outputs), 0 if turned else 1)
        options = {"transB": 1} if turned else {}
        y = m.op("Gemm", [x.name, w, *bias(m, scale_of(x), w_scale, outputs)], **options)
    else:
        w, _ = weights(m, (ins, outputs), 1)
        y = m.op("MatMul", [x.name, w])
    return m.derived(x, y, grid=None)


def last_axis(m, x):
    """MatMul on the last axis: a 1x1 convolution of channels-last images."""
    w, _ = weights(m, (m.channels(x), m.number(1, 4)), 1)
    return m.derived(x, m.op("MatMul", [x.name, w]), grid=None)


# ---- float operations -----------------------------------------------------------------------------------------------


def floats(m, x, most=3):
    """`x` behind some float operations, a channel at a time."""
    makers = [constant_operand, constant_operand, curve, curve]
    if x.axis == 1:
        makers += [batch_norm, batch_norm]
    for _ in range(m.number(0, most)):
        x = m.pick(makers)(m, x)
    return x


def constant_operand(m, x):
    """Add, Sub, Mul or Div with a constant, on either side."""
    kind = m.pick(["Add", "Sub", "Mul", "Div"])
    count = m.channels(x) if m.chance(60) else 1
    if kind in ("Add", "Sub"):
        values = m.rng.normal(0, 0.4, count) * m.spread(x)
    else:
        values = m.rng.uniform(0.3, 2, count) * np.where(m.rng.random(count) < 0.25, -1, 1)
    if m.chance(25):
        values = 2.0 ** np.round(np.log2(np.abs(values) + 1e-6))
    other = m.per_channel(x, values) if count > 1 else m.constant(values.reshape(m.pick([(), (1,)])))
    swap = kind != "Div" and m.chance(30)
    y = m.op(kind, [other, x.name] if swap else [x.name, other])
    return m.derived(x, y, grid=None)


def batch_norm(m, x):
    """BatchNormalization, some gains negative."""
    n, size = m.channels(x), m.spread(x)
    arrays = (
        m.rng.uniform(0.3, 2, n) * np.where(m.rng.random(n) < 0.3, -1, 1),
        m.rng.normal(0, 0.5, n),
        m.rng.normal(0, size / 3, n),
        m.rng.uniform(0.2, 1.5, n) * size * size,
    )
    y = m.op("BatchNormalization", [x.name, *(m.constant(a) for a in arrays)], epsilon=m.pick([1e-5, 1e-3]))
    return m.derived(x, y, grid=None)


def curve(m, x):
    """Relu and its kin."""
    kind = m.pick(["Relu", "Relu", "LeakyRelu", "Clip", "Clip", "Identity", "Sigmoid", "Tanh"])
    inputs, options = [x.name], {}
    if kind == "LeakyRelu":
        options["alpha"] = m.pick([0.125, 0.1])
    if kind == "Clip":
        low, high = m.pick([(-1.0, 1.0), (0.0, 6.0), (-0.7, None), (None, 0.9)])
        inputs += [m.constant(low) if low is not None else ""]
        inputs += [m.constant(high)] if high is not None else []
    grid = x.grid if kind == "Identity" else None
    return m.derived(x, m.op(kind, inputs, **options), grid=grid)


# ---- pools ----------------------------------------------------------------------------------------------------------


def _window(m, x):
    size = m.shape(x)[1:]
    kernel = [m.number(1, min(3, n)) for n in size]
    options = {"kernel_shape": kernel, "strides": [m.number(1, 2) for _ in kernel]}
    if m.chance(40):
        options["pads"] = [m.number(0, k - 1) for k in (*kernel, *kernel)]
    if m.chance(20):
        options["ceil_mode"] = 1
    return options


def max_pool(m, x):
    """MaxPool, windows that overlap, pads, ceil_mode."""
    return m.derived(x, m.op("MaxPool", [x.name], **_window(m, x)))


def average_pool(m, x):
    """AveragePool, GlobalAveragePool or ReduceMean over the image."""
    kind = m.pick(["AveragePool", "GlobalAveragePool", "ReduceMean"])
    axes = list(range(2, m.array(x).ndim))
    if kind == "AveragePool":
        options = _window(m, x) | {"count_include_pad": m.number(0, 1)}
        options.pop("ceil_mode", None)  # versions of ONNX do not agree on what is counted
        return m.derived(x, m.op(kind, [x.name], **options), grid=None)
    if kind == "GlobalAveragePool":
        return m.derived(x, m.op(kind, [x.name]), grid=None)
    inputs = [x.name, m.constant(axes, np.int64)] if m.opset >= 18 else [x.name]
    options = {} if m.opset >= 18 else {"axes": axes}
    return m.derived(x, m.op(kind, inputs, keepdims=m.number(0, 1), **options), grid=None)


# ---- moves ----------------------------------------------------------------------------------------------------------


def pad(m, x):
    """Pad of the image with a value of the grid."""
    rank = m.array(x).ndim
    pads = np.zeros((2, rank), np.int64)
    pads[:, 2:] = m.rng.integers(0, 3, (2, rank - 2))
    inputs = [x.name, m.constant(pads.reshape(-1), np.int64)]
    if x.grid is not None and m.chance(40):
        inputs.append(m.constant(np.float32(x.grid.scale) * np.float32(m.number(-1, 2))))
    return m.derived(x, m.op("Pad", inputs))


def resize(m, x):
    """Resize to twice the size, nearest neighbours."""
    rank = m.array(x).ndim
    roi = m.constant(np.zeros(0)) if m.opset < 13 else ""
    options = m.pick([
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor"},
    ])  # fmt: skip
    scales = m.constant([1.0, 1.0, *[2.0] * (rank - 2)])
    return m.derived(x, m.op("Resize", [x.name, roi, scales], mode="nearest", **options))


def depth_to_space(m, x):
    """DepthToSpace of 4 channels."""
    if m.array(x).ndim != 4:
        return None
    if m.channels(x) != 4:
        x = quantise(m, conv(m, x, 4))
    return m.derived(x, m.op("DepthToSpace", [x.name], blocksize=2, mode=m.pick(["DCR", "CRD"])))


def reshape(m, x, shape):
    """Reshape to (batch, *shape), the batch said in one of the ways that there are."""
    first = m.pick([0, -1, m.batch or 0])
    shape = list(shape)
    if first != -1 and m.chance(30):
        shape[-1] = -1
    target = m.constant([first, *shape], np.int64)
    return m.op("Reshape", [x.name, target], sample={target: np.array([FRAMES if first > 0 else first, *shape])})


def flatten(m, x):
    """To a vector, by Flatten or Reshape."""
    if m.array(x).ndim == 2:
        return x
    y = m.op("Flatten", [x.name], axis=1) if m.chance(50) else reshape(m, x, [int(np.prod(m.shape(x)))])
    return Value(y, 1, x.grid)


def turned(m, x):
    """Rows and columns exchanged."""
    if m.array(x).ndim != 4:
        return None
    return m.derived(x, m.op("Transpose", [x.name], perm=[0, 1, 3, 2]))


def folded(m, x):
    """An image as a signal, or a vector as an image."""
    shape = m.shape(x)
    if len(shape) == 3:
        return m.derived(x, reshape(m, x, [shape[0], shape[1] * shape[2]]))
    if len(shape) == 1 and shape[0] % 4 == 0:
        return m.derived(x, reshape(m, x, [shape[0] // 4, 2, 2]))
    return None


def unsqueezed(m, x):
    """A vector as an image of one pixel and back, or a signal as an image of one row."""
    rank = m.array(x).ndim
    axes = {2: [2, 3], 3: [2]}.get(rank)
    if axes is None:
        return None
    y = _axes(m, "Unsqueeze", x.name, axes)
    back = m.chance(50)
    return m.derived(x, _axes(m, "Squeeze", y, axes) if back else y)


def _axes(m, kind, name, axes):
    if m.opset >= 13:
        return m.op(kind, [name, m.constant(axes, np.int64)])
    return m.op(kind, [name], axes=axes)


# ---- branches -------------------------------------------------------------------------------------------------------


def residual(m, x):
    """x plus, or minus, a convolution of it; then float operations and a quantiser."""
    if m.array(x).ndim not in (3, 4) or x.grid is None:
        return None
    shared = x.grid if m.chance(90) else Grid(m.scale(x.grid.scale))
    y = quantise(m, floats(m, conv(m, x, m.channels(x), same=True), 2), shared)
    pair = [x.name, y.name] if m.chance(50) else [y.name, x.name]
    if m.chance(15):
        pair = [x.name, x.name]
    total = m.derived(x, m.op(m.pick(["Add", "Add", "Sub"]), pair), grid=None)
    return quantise(m, floats(m, total, 2))


def concat(m, x):
    """x beside a convolution of it, or beside itself along an axis of the image."""
    rank = m.array(x).ndim
    if rank == 2:
        y = quantise(m, floats(m, dense(m, x), 1))
        return m.derived(x, m.op("Concat", [x.name, y.name], axis=m.pick([1, -1])), grid=None)
    if m.chance(25) and x.grid is not None:
        y = quantise(m, conv(m, x, m.channels(x), same=True), x.grid)
        return m.derived(x, m.op("Concat", [x.name, y.name], axis=m.number(2, rank - 1)))
    y = quantise(m, floats(m, conv(m, x, m.number(1, 2), same=True), 1), x.grid)
    made = m.op("Concat", [x.name, y.name], axis=m.pick([1, 1 - rank]))
    return m.derived(x, made)


# ---- layers ---------------------------------------------------------------------------------------------------------


def convolution(m, x):
    """Conv, float operations, perhaps a pool, quantiser."""
    if m.array(x).ndim not in (3, 4):
        return None
    y = floats(m, conv(m, x))
    if m.chance(12):
        y = max_pool(m, y)
    return quantise(m, y)


def linear_layer(m, x):
    """Flatten where need be, dense, float operations, quantiser."""
    return quantise(m, floats(m, dense(m, flatten(m, x))))


def channels_last(m, x):
    """Transposed to channels last, MatMul on the last axis, float operations, quantiser, and perhaps back."""
    rank = m.array(x).ndim
    if rank not in (3, 4):
        return None
    perm = [0, *range(2, rank), 1]
    y = Value(m.op("Transpose", [x.name], perm=perm), rank - 1, x.grid)
    y = quantise(m, floats(m, last_axis(m, y)))
    back = [0, rank - 1, *range(1, rank - 1)]
    return m.derived(y, m.op("Transpose", [y.name], perm=back), axis=1)


def pooled(m, x):
    """A pool by maximum or average; the average gets a quantiser or a Trunc."""
    if m.array(x).ndim not in (3, 4):
        return None
    if m.chance(50):
        return max_pool(m, x)
    y = average_pool(m, x)
    if x.grid is not None and m.chance(30):
        cut = trunc(m, m.derived(y, y.name, grid=x.grid))
        return cut
    return quantise(m, floats(m, y, 2))


def again(m, x):
    """Float operations and another quantiser on what is quantised, or a Trunc."""
    if m.chance(30):
        return trunc(m, x)
    return uniform(m, floats(m, x, 2))


def moved(m, x):
    """One of the operators that only move numbers."""
    rank = m.array(x).ndim
    makers = [pad, resize, turned, depth_to_space, folded, unsqueezed] if rank in (3, 4) else [folded, unsqueezed]
    return m.pick(makers)(m, x)


LAYERS = [
    *(convolution, pooled, convolution, moved, convolution, residual, pooled, concat, moved),
    *(linear_layer, channels_last, again),
]
