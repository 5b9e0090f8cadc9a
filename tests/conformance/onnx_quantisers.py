"""Random quantisers of random models: QONNX's and ONNX's, on activations and on weights."""

import numpy as np
from onnx_maker import DOMAIN, FRAMES, Grid, Value

ROUNDING = ["ROUND", "FLOOR", "CEIL", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "HALF_EVEN", "round"]


def quantise(m, x, grid=None):
    """`x` behind a random quantiser; `grid`: the one to use, so that two tensors share it."""
    if grid is not None:
        return uniform(m, x, grid.scale)
    kinds = [uniform, uniform, uniform, linear, thresholds, bipolar]
    return m.pick(kinds)(m, x)


def uniform(m, x, scale=None):
    """Quant or IntQuant with any rounding, zero point and range; now and then a scale for each channel."""
    positive = m.array(x).min() >= 0
    bits = m.pick([4, 2, 3, 8, 5, 1])
    signed = m.chance(20 if positive else 85)
    narrow = m.chance(30) and (signed or bits > 1)
    zero = m.number(-2, 1 << bits) - (1 << bits) // 2 * signed if m.chance(15) and bits > 1 else 0
    levels = max(1, (1 << (bits - signed)) - 1)
    split = scale is None and m.chance(5)
    scale = m.scale(m.spread(x) / levels) if scale is None else scale
    factors = m.rng.choice([0.5, 1.0, 2.0], m.channels(x)) if split else np.ones(1)
    shaped = m.per_channel(x, scale * factors) if split else m.constant(np.full(m.pick([(), (1,)]), scale))
    y = m.op(
        m.pick(["Quant", "IntQuant"]),
        [x.name, shaped, m.constant(float(zero)), m.constant(float(bits))],
        domain=DOMAIN,
        signed=int(signed),
        narrow=int(narrow),
        rounding_mode=m.pick(ROUNDING),
    )
    return m.derived(x, y, grid=None if split else Grid(scale, zero, bits, signed))


def bipolar(m, x):
    """BipolarQuant: -scale or scale."""
    scale = m.scale(1.0)
    y = m.op("BipolarQuant", [x.name, m.constant(scale)], domain=DOMAIN)
    return m.derived(x, y, grid=Grid(scale, 0, 2))


def thresholds(m, x):
    """MultiThreshold at values that occur, so that equality counts."""
    count, rows = m.number(1, 15), m.pick([m.channels(x), 1])
    seen = np.sort(m.rng.choice(m.array(x).reshape(-1), (rows, count)), axis=1)
    scale = float(np.float32(m.pick([1.0, 0.5, 2.0] if m.exact else [1.0, 0.5, 0.3])))
    bias = scale * m.number(-count, 0)
    rank = m.array(x).ndim
    plain = {2: "NC", 3: "NCW", 4: "NCHW"}[rank]
    layout = plain if x.axis == 1 else plain.replace("C", "") + "C"
    y = m.op(
        "MultiThreshold",
        [x.name, m.constant(seen)],
        domain=DOMAIN,
        out_dtype="INT8",
        out_scale=scale,
        out_bias=bias if np.float32(bias) == bias else 0.0,  # codes lie on a grid that goes through 0
        data_layout="" if layout in ("NC", "NCHW") and m.chance(50) else layout,
    )
    return m.derived(x, y, grid=Grid(scale, 0, 5))


def linear(m, x):
    """QuantizeLinear, perhaps Clip, and DequantizeLinear."""
    kind = m.pick([np.int8, np.uint8])
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    zero = m.number(0, 100) if m.chance(40) else 0
    clip = m.opset >= 13 and m.chance(40)
    levels = m.number(1, 7) if clip else 127
    scale = m.scale(m.spread(x) / levels)
    split = m.opset >= 13 and m.chance(8)
    factors = m.rng.choice([0.5, 1.0, 2.0], m.channels(x)) if split else np.ones(())
    options = {"axis": x.axis} if split else {}
    both = [m.constant(scale * factors), m.constant(np.full(factors.shape, zero), kind)]
    y = m.op("QuantizeLinear", [x.name, *both], **options)
    if clip:
        ends = (max(low, zero - levels), min(high, zero + levels))
        y = m.op("Clip", [y, *(m.constant(end, kind) for end in ends)])
    grid = None if split else Grid(float(np.float32(scale)), zero, 8)
    return m.derived(x, m.op("DequantizeLinear", [y, *both], **options), grid=grid)


def trunc(m, x):
    """Trunc of a tensor on a grid, to fewer bits."""
    if x.grid is None:
        return None
    grid, keep = x.grid, m.number(1, 4)
    drop = m.number(1, 3)
    zero = m.constant(float(grid.zero)) if grid.zero % (1 << drop) == 0 else m.constant(0.0)
    inputs = [x.name, m.constant(grid.scale), zero, m.constant(float(keep + drop))]
    options = {"rounding_mode": m.pick(["FLOOR", "ROUND", "CEIL", "DOWN", "UP", "HALF_UP", "HALF_DOWN"])}
    scale = grid.scale
    if m.trunc_version == 2:
        scale = scale * 2**drop
        inputs += [m.constant(scale), m.constant(float(keep))]
        options |= {"signed": int(m.chance(50)), "narrow": 0}
    else:
        inputs += [m.constant(float(keep))]
    return m.derived(x, m.op("Trunc", inputs, domain=DOMAIN, **options), grid=Grid(scale, 0, 8))


# ---- weights --------------------------------------------------------------------------------------------------------


def weights(m, shape, axis):
    """Quantised weights of `shape`, output channels along `axis`: (tensor name, one scale or None)."""
    floats = m.rng.normal(0, 0.5, shape)
    kinds = [*[_quant] * 5, _bipolar, _bipolar, _dequantise, _dequantise, _folded]
    return m.pick(kinds)(m, floats, axis)


def _scales(m, floats, levels, axis):
    """A scale, or one for each output channel, in the shape that broadcasts."""
    base = float(np.abs(floats).max()) / levels
    if m.chance(50):
        return np.asarray(m.scale(base))
    shape = [1] * floats.ndim
    shape[axis] = floats.shape[axis]
    factors = m.rng.uniform(0.3, 1.5, shape)
    return 2.0 ** np.round(np.log2(base * factors)) if m.exact else np.float32(base * factors)


def _quant(m, floats, axis):
    bits = m.pick([4, 2, 3, 8])
    signed = not m.chance(10)
    narrow = m.chance(50)
    zero = m.number(0, 3) if m.chance(10) else 0
    scales = _scales(m, floats, max(1, (1 << (bits - 1)) - 1), axis)
    name = m.op(
        m.pick(["Quant", "IntQuant"]),
        [m.constant(floats), m.constant(scales), m.constant(float(zero)), m.constant(float(bits))],
        domain=DOMAIN,
        signed=int(signed),
        narrow=int(narrow),
        rounding_mode=m.pick(ROUNDING),
    )
    return _fixed(m, name), float(scales) if scales.ndim == 0 else None


def _bipolar(m, floats, axis):
    scale = m.scale(0.5)
    return _fixed(m, m.op("BipolarQuant", [m.constant(floats), m.constant(scale)], domain=DOMAIN)), scale


def _dequantise(m, floats, axis):
    codes = m.rng.integers(-128, 128, floats.shape)
    scales = _scales(m, floats, 128, axis)
    along = scales.ndim > 0 and m.opset >= 13
    zero = np.zeros(scales.size if along else (), np.int8)
    used = scales.reshape(-1) if along else np.asarray(scales.reshape(-1)[0])
    inputs = [m.constant(codes, np.int8), m.constant(used), m.constant(zero, np.int8)]
    name = m.op("DequantizeLinear", inputs, **({"axis": axis} if along else {}))
    return _fixed(m, name), None if along else float(np.float32(used))


def _folded(m, floats, axis):
    """Weights whose quantiser was folded: floats on a grid."""
    scale = m.scale(0.25)
    codes = np.clip(np.rint(floats / scale), -7, 7)
    codes.reshape(-1)[0] = 1
    return m.constant(np.float32(codes) * np.float32(scale)), scale


def _fixed(m, name):
    """A computed tensor that does not depend on the input."""
    m.constants[name] = m.values.pop(name)
    return name


def raw_input(m, shape, scale):
    """The model's input; its frames lie on and between the codes of `scale`, and far outside."""
    frames = m.rng.integers(-40, 41, (FRAMES, *shape)) * (scale / 2)
    frames[0] = 0
    frames[1], frames[2] = scale * 1000, -scale * 1000
    frames[3:5] += m.rng.normal(0, scale, (2, *shape))
    m.values["input"] = frames.astype(np.float32)
    return Value("input")
