"""What a person is told of a camera: what is the matter and what to do, in both languages, all in this place."""

from __future__ import annotations

from dataclasses import dataclass

from edge.causes import TOLD
from edge.language import Text

NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class Advice:
    """What is the matter, and what to do about it."""

    what: Text
    do: Text = NOTHING


STATES = {
    "ok": Advice(Text("ok", "tốt")),
    "nostream": Advice(
        Text("no pictures", "không có hình"),
        Text("check its power, cable and address", "kiểm tra nguồn, dây mạng, địa chỉ"),
    ),
    "auth": Advice(
        Text("password refused", "sai mật khẩu"),
        Text(
            "mend its file in secrets/; on a device then: edge apply",
            "sửa tệp của nó trong secrets/; trên thiết bị thì chạy thêm: edge apply",
        ),
    ),
    "config": Advice(Text("its file is wrong", "tệp cấu hình sai"), Text("run: edge check", "chạy: edge check")),
    "outdated": Advice(
        Text("its new file is wrong", "tệp mới bị sai"),
        Text("run: edge check; the one before counts", "chạy: edge check; bản trước vẫn đang đếm"),
    ),
    "frozen": Advice(Text("picture frozen", "hình đứng yên"), Text("restart the camera", "khởi động lại camera")),
    "dark": Advice(
        Text("picture dark", "hình tối"),
        Text("check the light, and that nothing covers the lens", "kiểm tra đèn, và xem có gì che ống kính không"),
    ),
    "bright": Advice(
        Text("picture too bright", "hình quá sáng"),
        Text("set its exposure; turn it out of the sun", "chỉnh độ phơi sáng; tránh nắng chiếu thẳng"),
    ),
    "blind": Advice(
        Text("picture blurred or covered", "hình mờ hoặc bị che"),
        Text("clean the lens, focus, clear the view", "lau ống kính, chỉnh nét, bỏ vật che"),
    ),
    "moved": Advice(
        Text("camera turned away", "camera bị xoay"),
        Text("turn it back, or draw its lines anew", "xoay về như cũ, hoặc vẽ lại các vạch"),
    ),
    "shifted": Advice(
        Text("moved, lines follow", "hơi lệch, vạch đã theo"),
        Text("fasten the camera at the next visit", "siết lại camera trong lần bảo trì tới"),
    ),
    "stopped": Advice(
        Text("does not run", "không chạy"),
        Text("systemctl status edge-camera@{camera}", "systemctl status edge-camera@{camera}"),
    ),
    "silent": Advice(
        Text("runs and says nothing", "chạy nhưng không báo gì"),
        Text("systemctl restart edge-camera@{camera}", "systemctl restart edge-camera@{camera}"),
    ),
    "starting": Advice(Text("starting", "đang khởi động")),
    "gone": Advice(
        Text("its file is gone", "không còn tệp cấu hình"),
        Text("nothing, or put its file back", "không cần làm gì, hoặc đặt lại tệp"),
    ),
}
"""By the state that a camera's status message tells, and by what is only seen from here: `stopped`, `silent`,
`starting`, `gone`, `outdated`."""

FILE_WRONG = Text("its new file is wrong too: edge check", "tệp mới cũng bị sai: edge check")
"""Of a camera that something else ails as well."""

CAUSES = {
    "refused": Advice(
        Text("refuses the connection", "từ chối kết nối"),
        Text("check its address and port, switch its RTSP on", "kiểm tra địa chỉ, cổng; bật RTSP trên camera"),
    ),
    "unreachable": Advice(
        Text("not found in the network", "không thấy trong mạng"),
        Text("check its power, cable and address", "kiểm tra nguồn, dây mạng, địa chỉ"),
    ),
    "timeout": Advice(
        Text("no answer", "camera không trả lời"),
        Text("check its power and network, restart it", "kiểm tra nguồn và mạng, khởi động lại camera"),
    ),
    "auth": STATES["auth"],
    "busy": Advice(
        Text("full, or password changed", "hết chỗ hoặc đổi mật khẩu"),
        Text(
            "close other viewers; if nobody watches, check its password",
            "tắt bớt phần mềm đang xem; nếu không ai xem, kiểm tra mật khẩu",
        ),
    ),
    "declined": Advice(
        Text("refuses the stream", "từ chối luồng"),
        Text("try the other transport, close other viewers", "thử transport khác, tắt bớt phần mềm đang xem"),
    ),
    "notfound": Advice(
        Text("no such stream", "không có luồng này"),
        Text("mend the path in source.url", "sửa đường dẫn trong source.url"),
    ),
    "codec": Advice(
        Text("codec unknown", "không giải mã được"),
        Text("set the camera to H.264 or H.265", "đặt camera dùng H.264 hoặc H.265"),
    ),
    "changed": Advice(
        Text("the stream changed", "luồng vừa thay đổi"),
        Text("nothing, it is connected anew", "không cần làm gì, máy đang nối lại"),
    ),
    "novideo": Advice(
        Text("no video in the stream", "luồng không có hình"),
        Text("switch its video on", "bật video của luồng này trên camera"),
    ),
    "nokey": Advice(
        Text("no key frame comes", "không có khung hình khóa"),
        Text("set its I-frame interval to 1-4 s, smart codec off", "đặt I-frame interval 1-4 giây, tắt smart codec"),
    ),
    "damaged": Advice(
        Text("pictures arrive damaged", "hình bị hỏng khi truyền"),
        Text("set transport: tcp, check the cable", "đặt transport: tcp, kiểm tra dây mạng"),
    ),
    "ended": Advice(
        Text("camera ended the stream", "camera tự ngắt luồng"),
        Text("restart it if that happens again", "khởi động lại camera nếu còn lặp lại"),
    ),
    "reset": Advice(
        Text("connection broke", "kết nối bị đứt"),
        Text("check cable, switch and power", "kiểm tra dây mạng, switch, nguồn"),
    ),
    "unsteady": Advice(
        Text("connection keeps breaking", "kết nối cứ đứt liên tục"),
        Text("check cable, switch and power", "kiểm tra dây mạng, switch, nguồn"),
    ),
    "clock": Advice(
        Text("times in stream wrong", "giờ trong luồng sai"),
        Text("set the camera's clock by NTP", "cho camera lấy giờ qua NTP"),
    ),
}
"""By the cause of a stream's fault, `edge.causes`."""

_CAUSE_OF = {text: cause for cause, text in TOLD.items()}


def causes_in(reason: str) -> list[str]:
    """The causes that the reason of a status message tells of; whatever else it says is left out."""
    return [_CAUSE_OF[part] for part in reason.split("; ") if part in _CAUSE_OF]


def advice(state: str, reason: str) -> Advice:
    """What to tell of a camera: its state, or the cause where that says more."""
    causes = causes_in(reason)
    if causes and state in ("ok", "nostream"):
        return CAUSES[causes[0]]
    unknown = Advice(Text(state, state), Text("see its log: journalctl", "xem nhật ký: journalctl"))
    return STATES.get(state, unknown)
