"""What cameras have been seen to say, and what none should: lines of RTSP and of session descriptions."""

from __future__ import annotations

import base64

STATUSES = (
    b"RTSP/1.0 100 Continue", b"RTSP/1.0 302 Found", b"RTSP/1.0 401 Unauthorized", b"RTSP/1.0 403 Forbidden",
    b"RTSP/1.0 404 Not Found", b"RTSP/1.0 454 Session Not Found", b"RTSP/1.0 461 Unsupported Transport",
    b"RTSP/1.0 500 Internal", b"RTSP/1.0 503 Busy", b"RTSP/2.0 200 OK", b"HTTP/1.1 200 OK", b"RTSP/1.0",
    b"RTSP/1.0 -7 x", b"ANNOUNCE rtsp://x/ RTSP/1.0", b"SET_PARAMETER rtsp://x/ RTSP/1.0",
    b"RTSP/1.0 99999999999 OK",
)  # fmt: skip
HEADERS = (
    b"Server: WMServer/9.1", b"Server: RealServer", b"Server: RealMedia", b"RealChallenge1: 1234",
    b"Location: rtsp://127.0.0.1:%PORT%/b", b"Location: rtsp://", b"Location: http://127.0.0.1:%PORT%/",
    b"Location: file:///etc/passwd", b"Notice: 2101 x", b"Notice: 5502 x",
    b"Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=0-99999;source=127.0.0.1",
    b"Transport: RAW/RAW/UDP", b"Transport: x-pn-tng/tcp;interleaved=0", b"Transport: MP2T/H2221/UDP;unicast",
    b"Transport: RTP/AVP;multicast;destination=224.2.0.1;port=9000-1;ttl=300",
    b"Transport: RTP/AVP/TCP;interleaved=255-0;mode=record", b"Transport: ;;;,,,===",
    b"Transport: RTP/AVP/TCP;unicast;interleaved=-1--1", b"Session: " + b"9" * 2000 + b";timeout=-1",
    b"Session: ;timeout=99999999999", b"Content-Length: -1", b"Content-Length: 4294967297",
    b"Content-Length: 100000000", b"Content-Length: 99999999999999999999", b"Content-Type: text/html",
    b"Content-Base: rtsp://" + b"x" * 3000, b"Content-Base: ", b"Content-Base: http://a:b@c/%00",
    b"WWW-Authenticate: Basic realm=\"x\"", b"WWW-Authenticate: Digest",
    b"WWW-Authenticate: Digest realm=" + b"r" * 3000,
    b"WWW-Authenticate: Digest realm=\"x\", nonce=\"\", algorithm=SHA-9, qop=\"auth-int\", stale=true",
    b"Authentication-Info: nextnonce=\"1\"", b"X-Accept-Dynamic-Rate: 1",
    b"RTP-Info: url=,seq=-1;rtptime=99999999999", b"Range: npt=-1e9-", b"Range: clock=19700101T-",
    b"Public: GET_PARAMETER", b"CSeq: 99999999", b": ", b"Content-Length", b"\0\0\0: \0",
)  # fmt: skip
CODECS = (
    "H264/90000", "H265/90000", "HEVC/90000", "MP4V-ES/90000", "JPEG/90000", "VP8/90000", "VP9/90000", "AV1/90000",
    "H261/90000", "H263/90000", "H263-1998/90000", "H263-2000/90000", "theora/90000", "X-QT/600", "X-QUICKTIME/600",
    "X-QDM/90000", "MP2T/90000", "MPV/90000", "raw/90000", "SMPTE291/90000", "vnd.onvif.metadata/90000",
    "MPEG4-GENERIC/90000", "mpa-robust/90000", "DV/90000", "X-MP3-draft-00/90000", "X-Purevoice/8000",
    "mpeg4-generic/48000/2", "L16/44100/99", "rtx/90000", "ulpfec/90000", "opus/48000/2",
)  # fmt: skip
FORMATS = (
    "packetization-mode=1;profile-level-id=42C01E;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==",
    "packetization-mode=9;profile-level-id=ZZZZZZ;sprop-parameter-sets=,,,=,====",
    "sprop-vps=QAEMAf//;sprop-sps=QgEB;sprop-pps=RAE=", "sprop-max-don-diff=99;sprop-vps=" + "A" * 3000,
    "profile-level-id=1;config=000001B001000001B58913", "config=" + "F" * 4001,
    "sampling=YCbCr-4:2:0;width=99999;height=99999;depth=8", "sampling=RGBA;width=2;height=2;depth=16;interlace",
    "configuration=AAAAAQAAAA", "mode=AAC-hbr;sizelength=99;indexlength=3;indexdeltalength=3;config=1210",
    "streamtype=5;mode=generic;sizelength=13;auxiliarydatasizelength=7", "apt=96",
    "delivery-method=in_band;configuration=" + base64.b64encode(bytes(200)).decode(), "a", "=", ";;;;",
    "\u20ac=\u20ac",
)  # fmt: skip
ATTRIBUTES = (
    "a=control:track1", "a=control:*", "a=control:rtsp://127.0.0.1/x", "a=control:", "a=control:" + "x" * 5000,
    "a=range:npt=0-1e300", "a=range:npt=-5--7", "a=framesize:96 99999-99999", "a=framesize:96 0-0",
    "a=framerate:1e99", "a=framerate:0", "a=cliprect:0,0,9999,99999", "a=x-dimensions:70000,1",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40, "a=key-mgmt:mikey AA==", "a=sendonly", "a=recvonly",
    "a=IsRealDataType:integer;1", "a=AvgBitRate:integer;99999999999", "a=StreamCount:integer;255",
    "a=OpaqueData:buffer;\"AAAA\"", "a=ASMRuleBook:string;\"#($Bandwidth < 1),priority=9;\"",
    "a=MaxBitRate:integer;1", "a=pgmpu:data:application/vnd.ms.wms-hdr.asfv1;base64,MCaydY5mzxGm2QCqAGLObA==",
    "a=stream:1", "a=mid:1", "a=ssrc:1 cname:x", "a=extmap:1 urn:x", "b=AS:999999999999", "b=TIAS:-1",
    "c=IN IP4 224.2.1.1/127/3", "c=IN IP6 ::1", "c=IN IP4 999.1.1.1",
    "a=source-filter: incl IN IP4 * 1.2.3.4 5.6.7.8", "a=rtcp:1", "a=rtcp-mux", "i=x", "k=clear:x",
)  # fmt: skip
