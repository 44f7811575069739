"""Where the learning starts: from published weights of YOLOX-nano, or from a net that this training has exported.

An exported net has no batch normalisation any more. It gets one back that changes nothing at first: mean and variance
are those that the layer gives on real pictures. Only then does it learn at the pace of a fresh net.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from _net import Block, RoadUsers
from _planes import to_colours
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from edge.dataflow import CLASSES

COCO = {"pedestrian": 0, "bicycle": 1, "motorcycle": 3, "car": 2, "bus": 5, "truck": 7}
"""Places of our classes among the 80 of COCO."""
Weights = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


def start_from(net: RoadUsers, file: bytes, pictures: Tensor) -> None:
    """Give the net the weights of an ONNX file, layer by layer in the order of their use; `pictures` (n, 3, h, w),
    some dozens, set the normalisation."""
    weights = _read(file)
    layers = _in_order(net)
    if len(weights) != len(layers):
        raise SystemExit(f"start: {len(weights)} convolutions, expected {len(layers)} as in YOLOX-nano")
    for (weight, bias), layer in zip(weights, layers, strict=True):
        convolution = layer[0] if isinstance(layer, Block) else layer
        if weight.shape[0] == 80 and convolution.out_channels == len(CLASSES):
            columns = [COCO[kind] for kind in CLASSES]
            weight, bias = weight[columns], bias[columns]
        if weight.shape[1:] == (12, 3, 3):
            weight = _with_regrouping(weight)
        if tuple(convolution.weight.shape) != weight.shape:
            raise SystemExit(f"start: a layer of {weight.shape}, expected {tuple(convolution.weight.shape)}")
        _set(layer, torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy()))
    _normalise(layers, net, pictures)


def _read(file: bytes) -> Weights:
    graph = onnx.load_from_string(file).graph
    values = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    for node in graph.node:  # equal values are written once
        if node.op_type == "Identity" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    layers: Weights = []
    for weight, *offset in ([values[name] for name in node.input[1:]] for node in graph.node if node.op_type == "Conv"):
        layers.append((weight, offset[0]) if offset else _together(*layers.pop(), weight))
    return layers


def _together(
    weight: NDArray[np.float32], offset: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One layer of two whose answers are added, as the export parts them: luma and chroma, or fine and coarse."""
    if weight.shape[1] == 1:
        return to_colours(torch.tensor(weight), torch.tensor(other)).numpy(), offset
    return np.concatenate([other, weight], axis=1), offset


def _in_order(net: RoadUsers) -> list[nn.Module]:
    """Blocks and last convolutions in the order in which a picture meets them."""
    met: list[nn.Module] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, _: met.append(module))
        for module in net.modules()
        if isinstance(module, Block) or (isinstance(module, nn.Conv2d) and module.bias is not None)
    ]
    with torch.no_grad():
        net.eval()(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    return met


def _with_regrouping(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """YOLOX puts the four pixels of each 2x2 beside each other as channels (upper left, lower left, upper right, lower
    right) before its first 3x3 convolution: one of 6x6 with stride 2 on the picture itself is the same."""
    whole = np.zeros((weight.shape[0], 3, 6, 6), np.float32)
    for place, (down, right) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
        whole[:, :, down::2, right::2] = weight[:, 3 * place : 3 * place + 3]
    return whole


def _set(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
    """Weights of one layer; a block's rows get length 1, which its normalisation makes good for."""
    with torch.no_grad():
        if not isinstance(layer, Block):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
            return
        length = weight.flatten(1).norm(dim=1).clamp(min=1e-6)
        layer[0].weight.copy_(weight / length[:, None, None, None])
        layer[1].weight.copy_(length)
        layer[1].bias.copy_(bias)


def _normalise(layers: list[nn.Module], net: RoadUsers, pictures: Tensor) -> None:
    """Set each block's mean and variance to what it sees, and its factor and offset so that nothing changes."""

    def settle(norm: nn.BatchNorm2d, seen: tuple[Tensor, ...]) -> None:
        mean, variance = seen[0].mean(dim=(0, 2, 3)), seen[0].var(dim=(0, 2, 3))
        length = norm.weight.clone()
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_(length * (variance + norm.eps).sqrt())
        norm.bias.add_(length * mean)

    hooks = [layer[1].register_forward_pre_hook(settle) for layer in layers if isinstance(layer, Block)]
    with torch.no_grad():
        net.eval()(pictures)
    for hook in hooks:
        hook.remove()
