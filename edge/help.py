"""What each command does, in one line, in both languages."""

from __future__ import annotations

from edge.language import Text

PROGRAM = Text(
    "Counts road users beside the camera; tells the centre.",
    "Đếm phương tiện và người đi bộ ngay bên camera rồi báo về trung tâm.",
)
COMMANDS = {
    "run": Text("start the publisher and every camera in the foreground", "chạy bộ gửi tin và mọi camera ngay tại đây"),
    "camera": Text("analyse one camera", "phân tích một camera"),
    "publish": Text("send what is counted to the centre", "gửi số đếm về trung tâm"),
    "apply": Text(
        "make the configuration the one that runs under systemd; restart what changed",
        "áp dụng cấu hình cho systemd; khởi động lại những gì đã đổi",
    ),
    "status": Text(
        "how the cameras, the centre's connection and the disk do: exit code 0 all well, 1 something is wrong",
        "tình trạng camera, kết nối tới trung tâm và ổ đĩa: mã thoát 0 là tốt, 1 là có lỗi",
    ),
    "check": Text(
        "tell every fault of the configuration, with file, line and column",
        "chỉ ra mọi lỗi cấu hình, kèm tệp, dòng và cột",
    ),
    "replay": Text("count in a video file, by the file's own clock", "đếm trong một tệp video, theo giờ của tệp"),
    "evaluate": Text(
        "count in a video file and compare with its truth", "đếm trong một tệp video và so với số đếm đúng"
    ),
    "listen": Text(
        "the centre's side: validate, store, find gaps, show", "phía trung tâm: kiểm tra, lưu, tìm chỗ thiếu, hiển thị"
    ),
    "export": Text("write what the centre has stored as tables", "xuất dữ liệu trung tâm đã lưu thành bảng"),
    "models": Text("list the models and verify their weights", "liệt kê các mô hình và kiểm tra trọng số"),
    "schema": Text(
        "print the JSON Schema of a message, or the AsyncAPI document, or write all",
        "in JSON Schema của một loại tin, hoặc tài liệu AsyncAPI, hoặc ghi tất cả ra tệp",
    ),
    "demo": Text(
        "camera, broker, worker, publisher and centre on this machine, with a street video",
        "chạy thử camera, broker, phân tích, gửi tin và trung tâm trên máy này, với video đường phố",
    ),
}
