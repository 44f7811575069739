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
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

OPSET = 13
SAME = 1e-3
"""Largest difference between the file's answers and the net's, in strides and scores."""


class Answer(nn.Module):
    """The net as the family `yolox` is read: objectness and scores through their sigmoid."""

    def __init__(self, net: RoadUsers) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> Tensor:
        raw = self.net(pictures)
        return torch.cat([raw[..., :4], raw[..., 4:].sigmoid()], dim=2)


def to_onnx(net: RoadUsers, *, height: int, width: int) -> bytes:
    """A folded net as ONNX for pictures of this size, its answers compared with the net's own on noise."""
    answer = Answer(net).eval()
    pictures = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (1, 3, height, width)).astype(np.float32))
    packed = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter asks for one package more
        names = {"input_names": ["images"], "output_names": ["output"]}
        torch.onnx.export(answer, (pictures,), packed, opset_version=OPSET, dynamo=False, **names)
    model = onnx.load_from_string(packed.getvalue())
    model.doc_string = "road-users: pedestrian, bicycle, motorcycle (with riders), car, bus, truck"
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = answer(pictures).numpy()
    found = session.run(None, {"images": pictures.numpy()})[0]
    if found.shape != expected.shape or np.abs(found - expected).max() > SAME:
        raise SystemExit("the exported file does not answer as the net does")
    return data


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
