"""The learning itself: steps of the optimiser, the running mean of the weights, and a state that survives a stop."""

from __future__ import annotations

import copy
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from _batches import Batch, Batches, Plan, load
from _loss import Loss, Target, make_points, measure
from _net import STRIDES, RoadUsers
from _scenes import Album
from torch import nn

RATE = 6e-4
WEIGHT_DECAY = 0.03
MEAN = 0.999
"""Share of the running mean that stays at each step, once it has warmed up."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where and how: `folder` of the states, `device`, how many processes make batches, and `origin` for the card."""

    folder: Path
    device: torch.device
    workers: int
    seed: int
    origin: dict[str, str]

    @property
    def flat(self) -> Path:
        """The state while the rate is flat: any plan can go on from it."""
        return self.folder / "flat.pt"

    @property
    def settling(self) -> Path:
        """The state while the rate falls: only the same plan goes on from it."""
        return self.folder / "settling.pt"


class Learner:
    """A net, its optimiser and the running mean of its weights."""

    def __init__(self, net: RoadUsers, run: Run, plan: Plan) -> None:
        self.net = net.to(run.device, memory_format=torch.channels_last)
        self.run, self.plan, self.step = run, plan, 0
        self.net.train()
        freeze_early(self.net)
        self.mean = copy.deepcopy(self.net).eval()
        self._optimizer = torch.optim.AdamW(_groups(self.net), lr=RATE)

    def resume(self) -> bool:
        """Go on where this plan was stopped, or where another one had not yet begun to settle; False if nowhere."""
        state = _read(self.run.settling)
        if state is None or state["plan"] != asdict(self.plan):
            state = _read(self.run.flat)
        if state is None:
            return False
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        return True

    def save(self) -> None:
        """Replace the state at once, so that a stop in between leaves the one before."""
        state = {
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "plan": asdict(self.plan),
            "seed": self.run.seed,
            "origin": self.run.origin,
        }
        file = self.run.flat if self.step <= self.plan.flat_until else self.run.settling
        beside = file.with_suffix(".new")
        torch.save(state, beside)
        beside.replace(file)

    def learn(self, batch: Batch) -> Loss:
        """One step."""
        for group in self._optimizer.param_groups:
            group["lr"] = RATE * self.plan.rate(self.step)
        pictures = batch.pictures.to(self.run.device).float().contiguous(memory_format=torch.channels_last)
        targets = [_move(target, self.run.device) for target in batch.targets]
        points = make_points(*pictures.shape[2:], STRIDES, device=self.run.device)
        with torch.autocast(self.run.device.type, torch.bfloat16):
            raw = self.net(pictures)
        loss = measure(raw.float(), targets, points)
        self._optimizer.zero_grad(set_to_none=True)
        loss.total.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 20.0)
        self._optimizer.step()
        self.step += 1
        self._follow()
        return loss

    def _follow(self) -> None:
        keep = min(MEAN, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mine, new in zip(self.mean.state_dict().values(), self.net.state_dict().values(), strict=True):
                if mine.is_floating_point():
                    mine.lerp_(new, 1 - keep)
                else:
                    mine.copy_(new)


def freeze_early(net: RoadUsers) -> None:
    """Edges and colours are known already: the layers up to stride 4, half of the work, stay as they are."""
    for part in (net.backbone.stem, net.backbone.fine[:2]):
        part.requires_grad_(requires_grad=False)
        part.eval()


def train(learner: Learner, album: Album) -> None:
    """Learn until the end of the plan, saving after every pass over the pictures and where the rate begins to fall."""
    plan, run = learner.plan, learner.run
    a_pass = max(1, len(album.examples) // plan.batch)
    progress = Progress(learner.step, plan)
    for batch in load(Batches(album, plan, seed=run.seed, first=learner.step), workers=run.workers):
        progress.note(learner.step + 1, learner.learn(batch))
        if learner.step % a_pass == 0 or learner.step in (plan.flat_until, plan.steps):
            learner.save()


class Progress:
    """Prints a line every 20 steps: how far, how wrong (a running mean), how fast, how much longer."""

    def __init__(self, first: int, plan: Plan) -> None:
        self._first, self._plan, self._started = first, plan, time.monotonic()
        self._means: list[float] | None = None

    def note(self, step: int, loss: Loss) -> None:
        new = [float(part.detach()) for part in (loss.box, loss.there, loss.kind)]
        old = self._means or new
        self._means = [0.98 * mean + 0.02 * value for mean, value in zip(old, new, strict=True)]
        if step % 20 and step != self._plan.steps:
            return
        pace = (time.monotonic() - self._started) / (step - self._first)
        shown = " ".join(f"{name} {mean:.3f}" for name, mean in zip(("box", "there", "kind"), self._means, strict=True))
        left = (self._plan.steps - step) * pace / 60
        share = 100 * step / self._plan.steps
        each = 1000 * pace / self._plan.batch
        print(
            f"step {step}/{self._plan.steps} ({share:.0f} %) {shown} {each:.0f} ms a picture, {left:.0f} min left",
            flush=True,
        )


def _groups(net: RoadUsers) -> list[dict[str, object]]:
    """Weights decay; offsets and normalisations do not."""
    free = [parameter for parameter in net.parameters() if parameter.requires_grad]
    return [
        {"params": [one for one in free if one.dim() > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [one for one in free if one.dim() == 1], "weight_decay": 0.0},
    ]


def _move(target: Target, device: torch.device) -> Target:
    return Target(target.boxes.to(device), target.classes.to(device), target.unknown.to(device))


def _read(file: Path) -> dict[str, object] | None:
    return torch.load(file, map_location="cpu", weights_only=True) if file.exists() else None
