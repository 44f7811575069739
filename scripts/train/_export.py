"""From the learnt net to the file that is shipped: normalisation folded into the convolutions, plain ONNX, checked."""

from __future__ import annotations

import copy
import io
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import torch
from _net import Block, RoadUsers
from _planes import OnPlanes, planes_of
from onnx import helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

OPSET = 13
SAME = 1e-3
"""Largest difference between the file's answers and the net's, in strides and scores."""


def to_onnx(net: RoadUsers, *, height: int, width: int) -> bytes:
    """A folded net as ONNX for the planes of pictures of any size in steps of 32, this one meant; its answers compared
    with the net's own on noise."""
    model = _packed(OnPlanes(net).eval(), height, width)
    model.doc_string = "road-users: pedestrian, bicycle, motorcycle (with riders), car, bus, truck"
    helper.set_model_props(model, {"height": str(height), "width": str(width)})
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    for size in ((height, width), (96, 160)):
        if _difference(data, net, size) > SAME:
            raise SystemExit("the exported file does not answer as the net does")
    return data


def _packed(answer: OnPlanes, height: int, width: int) -> onnx.ModelProto:
    planes = (torch.rand(1, 1, height, width), torch.rand(1, 2, height // 2, width // 2))
    packed = io.BytesIO()
    free = {
        "luma": {2: "height", 3: "width"},
        "chroma": {2: "half_height", 3: "half_width"},
        "output": {1: "points"},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter asks for one package more
        names = {"input_names": ["luma", "chroma"], "output_names": ["output"], "dynamic_axes": free}
        torch.onnx.export(answer, planes, packed, opset_version=OPSET, dynamo=False, **names)
    return onnx.load_from_string(packed.getvalue())


def _difference(data: bytes, net: RoadUsers, size: tuple[int, int]) -> float:
    """The largest between the file's answer and the net's, on noise of this size whose chroma has half the pixels."""
    rng = torch.Generator().manual_seed(0)
    coarse = 255 * torch.rand(1, 3, size[0] // 2, size[1] // 2, generator=rng)
    pictures = coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    luma, chroma = planes_of(pictures)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    found = session.run(None, {"luma": luma.numpy(), "chroma": chroma.numpy()})[0]
    with torch.no_grad():
        raw = net(pictures)
        expected = torch.cat([raw[..., :4], raw[..., 4:].sigmoid()], dim=2).numpy()
    return float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")


def blend(start: RoadUsers, learnt: RoadUsers, *, share: float) -> RoadUsers:
    """A folded net between two, weight by weight: `share` of the learnt one, the rest of the one it started from.

    What the start knew of pictures unlike those that were learnt from is kept so (arXiv 2109.01903)."""
    net, before = folded(learnt), folded(start).state_dict()
    net.load_state_dict({name: torch.lerp(before[name], new, share) for name, new in net.state_dict().items()})
    return net


def folded(net: RoadUsers) -> RoadUsers:
    """The net without normalisation, which its convolutions have taken in."""
    net = copy.deepcopy(net).eval().cpu()
    for block in [module for module in net.modules() if isinstance(module, Block)]:
        block[0] = fuse_conv_bn_eval(block[0], block[1])
        block[1] = nn.Identity()
    return net
