"""The facts on a terminal, in colour, or line by line for whatever else reads them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text as Styled

from edge.language import Language, Text
from edge.link import LinkState
from edge.status.facts import CameraFacts, Facts, Level
from edge.status.words import FILE_WRONG, STATES, advice

MARKS: dict[Level, tuple[str, str]] = {"ok": ("●", "green"), "notice": ("▲", "yellow"), "fault": ("✖", "red")}
LEVELS: dict[Level, Text] = {"ok": Text("ok", "tốt"), "notice": Text("notice", "lưu ý"), "fault": Text("fault", "lỗi")}
"""In place of the marks, where there is no terminal."""
FRESH_SECONDS = 10.0
"""Messages so young are on their way."""
COLUMNS = ("who", "what", "since", "numbers")
DIM = ("dim", "dim")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is told of: its mark, who it is, how it does since when, and what to do."""

    level: Level
    who: str
    name: str
    what: str
    since: str = ""
    numbers: str = ""
    do: str = ""

    @property
    def rest(self) -> str:
        """What has no column of its own."""
        return "  ".join(filter(None, (self.name, self.do and f"→ {self.do}")))

    def told(self, language: Language) -> str:
        """All of it in one line, its parts apart by points."""
        parts = (self.who, self.name, self.what, self.since, self.numbers, self.do and f"→ {self.do}")
        return " · ".join(filter(None, (LEVELS[self.level][language], *parts)))


def show(told: Facts, language: Language, console: Console | None = None) -> None:
    """Prints all of it: in columns and colours on a terminal, else one line for each thing."""
    console = console or Console()
    page = _Page(told, language)
    if not console.is_terminal:
        for text in [page.title, *(line.told(language) for line in page.lines)]:
            console.print(text, soft_wrap=True, highlight=False, markup=False)
        return
    console.print(Styled(page.title, style="bold"))
    console.print(_table(page.lines, most=console.width))


def _table(lines: Sequence[Line], *, most: int) -> Group:
    """Lines in columns. What to do stands beside each, or, where that has no room for one of them, below each."""
    widths = [max(cell_len(getattr(line, name)) for line in lines) for name in COLUMNS]
    heads = [_head(line, widths) for line in lines]
    room = most - max(head.cell_len for head in heads) - 2
    rows: list[RenderableType] = []
    beside = all(cell_len(line.rest) <= room for line in lines)
    for line, head in zip(lines, heads, strict=True):
        fits = cell_len(line.rest if beside else line.name) <= room and (beside or not line.do)
        if fits:
            head.append(f"  {line.rest}")
        head.rstrip()
        rows.append(head)
        if not fits and line.do:
            rows.append(Padding(Styled(line.rest), (0, 0, 0, 4)))
    return Group(*rows)


def _head(line: Line, widths: Sequence[int]) -> Styled:
    mark, colour = MARKS[line.level]
    head = Styled(f"{mark} ", style="", no_wrap=True, overflow="ellipsis")
    head.stylize(colour)
    for name, width, style in zip(COLUMNS, widths, ("bold", "" if line.level == "ok" else colour, *DIM), strict=True):
        head.append(set_cell_size(getattr(line, name), width) + "  ", style)
    head.right_crop(2)
    return head


class _Page:
    """The lines in one language."""

    def __init__(self, told: Facts, language: Language) -> None:
        self._told, self._language = told, language

    def _say(self, en: str, vi: str) -> str:
        return vi if self._language == "vi" else en

    @property
    def title(self) -> str:
        """The device, the time, and whether it runs at all."""
        parts = [self._told.node or "?", time.strftime("%H:%M:%S", time.localtime(self._told.at))]
        if not self._told.running:
            parts.append(self._nothing())
        return " · ".join(parts)

    def _nothing(self) -> str:
        start = "systemctl start edge.target" if self._told.systemd else "edge run"
        en, vi = f"nothing runs here; to start it: {start}", f"ở đây chưa chạy gì; để chạy: {start}"
        if where := self._told.missing:
            en += f" (no journal in {where}; where it runs elsewhere, ask in the folder of its start"
            en += ", or set EDGE_STATE or EDGE_RUN as there)"
            vi += f" (không có nhật ký đếm trong {where}; nếu đang chạy ở nơi khác, hãy hỏi trong thư mục đã chạy nó"
            vi += ", hoặc đặt EDGE_STATE hay EDGE_RUN như ở đó)"
        return self._say(en, vi)

    @property
    def lines(self) -> list[Line]:
        """Cameras first."""
        lost = [self._lost()] if self._told.lost else []
        return [*map(self._camera, self._told.cameras), self._publisher(), self._disk(), self._clock(), *lost]

    def _camera(self, camera: CameraFacts) -> Line:
        said = advice(camera.state, camera.reason)
        rate = "" if camera.rate_hz is None else f"{camera.rate_hz:.1f}/s"
        age = "" if camera.age_s is None else f"{camera.age_s:.1f} s"
        return Line(
            camera.level, camera.id, camera.name, said.what[self._language], self._since(camera.since),
            " ".join(filter(None, (rate, age))), self._to_do(camera, said.do),
        )  # fmt: skip

    def _to_do(self, camera: CameraFacts, do: Text) -> str:
        """What to do about its state, and about its file where the state does not tell of that."""
        named = "systemctl" not in do.en or self._told.systemd
        first = do[self._language].format(camera=camera.id) if named else self._look_at_run()
        file = camera.file_wrong and camera.state not in ("config", "outdated")
        return "; ".join(filter(None, (first, FILE_WRONG[self._language] if file else "")))

    def _publisher(self) -> Line:
        link, publishing = self._told.link, self._told.publishing
        level, what, do = self._link(link) if publishing else self._no_publisher()
        if not self._told.node:
            level, what, do = self._wrong_file()
        since = self._since(link.since) if link and publishing else ""
        where = ", ".join(filter(None, (link.broker if link else "", self._kept())))
        return Line(level, self._say("centre", "trung tâm"), where, what, since, do=do)

    def _no_publisher(self) -> tuple[Level, str, str]:
        return "fault", self._say("publisher does not run", "bộ gửi tin không chạy"), self._look_at_publisher()

    def _look_at_publisher(self) -> str:
        return "systemctl status edge-publisher" if self._told.systemd else self._look_at_run()

    def _look_at_run(self) -> str:
        """Nothing where the title says how to start it."""
        return self._say("look at what edge run says", "xem edge run báo gì") if self._told.running else ""

    def _wrong_file(self) -> tuple[Level, str, str]:
        what = self._say("edge.yaml is of no use", "edge.yaml không dùng được")
        return "fault", what, STATES["config"].do[self._language]

    def _link(self, link: LinkState | None) -> tuple[Level, str, str]:
        if link is None:
            return "notice", self._say("starting", "đang khởi động"), ""
        if not link.connected:
            return "fault", self._say("no connection", "chưa nối được"), link.reason
        if self._told.held_up:
            return "fault", self._say("messages are held up", "tin chưa gửi được"), self._look_at_publisher()
        if self._told.unheard:
            do = self._say("start the centre's side, check its rights", "chạy phía trung tâm, kiểm tra quyền của nó")
            return "notice", self._say("nobody subscribes", "chưa ai nhận tin"), do
        if self._told.unanswered:
            do = self._say("check that the centre runs: edge listen", "kiểm tra trung tâm có chạy không: edge listen")
            return "notice", self._say("centre confirms no more", "trung tâm ngừng xác nhận"), do
        if not link.confirms:
            return "notice", self._say("no centre confirms yet", "trung tâm chưa xác nhận"), ""
        return "ok", self._say("connected", "đã nối"), ""

    def _kept(self) -> str:
        told = self._told
        if not told.oldest or told.at - told.oldest < FRESH_SECONDS:
            return ""
        oldest = self._lasting(told.at - told.oldest)
        return self._say(f"{told.waiting} kept, oldest {oldest}", f"giữ {told.waiting} bản tin, cũ nhất {oldest}")

    def _disk(self) -> Line:
        told, who, room = self._told, self._say("disk", "ổ đĩa"), ""
        if told.free_bytes is not None:
            size = f"{told.free_bytes / 1e9:.1f} GB"
            room = self._say(f"{size} free", f"còn {size}")
        if told.disk_fails:
            do = self._say("free space, check its rights, or replace it", "giải phóng chỗ, kiểm tra quyền, hoặc thay ổ")
            return Line("fault", who, room, self._say("cannot be written", "không ghi được"), do=do)
        if told.flushed_ago is None:
            return Line("notice", who, room, self._say("nothing written yet", "chưa ghi gì"))
        ago = self._lasting(told.flushed_ago)
        if told.disk_hangs:
            do = self._say("look at its log: dmesg; replace it", "xem nhật ký: dmesg; thay ổ")
            return Line("fault", who, room, self._say(f"not written for {ago}", f"đã {ago} không ghi được"), do=do)
        return Line("ok", who, room, self._say(f"written {ago} ago", f"đã ghi {ago} trước"))

    def _clock(self) -> Line:
        who = self._say("clock", "đồng hồ")
        match self._told.clock:
            case True:
                return Line("ok", who, "", self._say("synchronised", "đúng giờ"))
            case False:
                what = self._say("not synchronised", "chưa đồng bộ giờ")
                do = self._say(
                    "timedatectl; check the way to its time server", "timedatectl; kiểm tra đường tới máy chủ giờ"
                )
                held = self._told.held
                waits = self._say(f"{held} intervals wait for it", f"{held} khoảng đếm đang chờ") if held else ""
                return Line("fault", who, waits, what, do=do)
        do = self._say("on a device, install one: apt install chrony", "trên thiết bị phải cài: apt install chrony")
        return Line("notice", who, "", self._say("no time service", "không có dịch vụ giờ"), do=do)

    def _lost(self) -> Line:
        words = {"expired": self._say("too old", "quá hạn"), "no_room": self._say("no room", "hết chỗ")}
        total = sum(number for _, number in self._told.lost)
        what = self._say(f"{total} messages never sent", f"{total} bản tin không gửi được")
        why = ", ".join(f"{words[word]} {number}" for word, number in self._told.lost)
        return Line("notice", self._say("lost", "đã mất"), why, what)

    def _since(self, moment: float | None) -> str:
        """Such as `14:02 (3 h 10 min)`, in local time; with the day where it is not of today."""
        if moment is None:
            return ""
        local, now = time.localtime(moment), time.localtime(self._told.at)
        at = time.strftime("%H:%M" if local[:3] == now[:3] else "%d/%m %H:%M", local)
        return f"{at} ({self._lasting(self._told.at - moment)})"

    def _lasting(self, seconds: float) -> str:
        """In one unit, or two where it is a few hours."""
        seconds = max(0, round(seconds))
        days, hours, minutes = seconds // 86400, seconds // 3600, seconds // 60
        hour, minute = self._say("h", "giờ"), self._say("min", "phút")
        if hours < 10 and hours:
            return f"{hours} {hour} {minutes % 60} {minute}"
        if minutes < 1:
            return f"{seconds} {self._say('s', 'giây')}"
        return f"{days} {self._say('d', 'ngày')}" if days else f"{hours} {hour}" if hours else f"{minutes} {minute}"
