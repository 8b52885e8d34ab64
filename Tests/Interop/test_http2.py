"""RFC 9113 and RFC 7541 section by section: what a client may send, and what a server must answer to what it may not.

A connection error is a GOAWAY with one of the codes, and the end of the connection; a stream error is a RST_STREAM
with one of them, or a connection error. What is allowed is answered, and the connection goes on.
"""

import contextlib
import socket
import struct

import pytest

from raw_http2 import ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE
from raw_http2 import block, fields, frame, message

PRIORITY, PUSH_PROMISE, CONTINUATION = 2, 5, 9
PADDED, PRIORITISED = 8, 32
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL, FLOW_CONTROL, CLOSED, SIZE, REFUSED, COMPRESSION = 0, 1, 3, 5, 6, 7, 9
GET = [(":method", "GET"), (":scheme", "http"), (":path", "/healthz"), (":authority", "localhost")]
# Calls whose streams stay open: the request is not complete.
CALL = fields("/grpc.health.v1.Health/Check")


class Peer:
    """A connection that says whatever it is told to, and remembers what it hears."""

    def __init__(self, port, settings=b"", preface=PREFACE):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.frames, self.rest, self.is_closed = [], b"", False
        self.send(preface + frame(SETTINGS, 0, 0, settings))
        if preface == PREFACE:
            self.expect(lambda kind, flags, stream, payload: kind == SETTINGS and flags & ACK)

    def send(self, *parts):
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(b"".join(parts))

    def get(self, stream=1, ends=True, flags=0, prefix=b"", pairs=GET):
        """A request for the page of people, or its begin."""
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0) | flags, stream, prefix + block(pairs)))

    def read(self):
        """The next frame, taken note of; None at the end."""
        while len(self.rest) < 9 or len(self.rest) < 9 + int.from_bytes(self.rest[:3], "big"):
            try:
                data = self.socket.recv(65_536)
            except ConnectionError:
                data = b""
            if not data:
                self.is_closed = True
                return None
            self.rest += data
        length = int.from_bytes(self.rest[:3], "big")
        kind, flags, stream = self.rest[3], self.rest[4], int.from_bytes(self.rest[5:9], "big")
        payload, self.rest = self.rest[9 : 9 + length], self.rest[9 + length :]
        found = (kind, flags, stream, payload)
        self.frames.append(found)
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        return found

    def expect(self, wanted):
        """The first frame from here on that is wanted."""
        while True:
            found = self.read()
            assert found, f"the connection ended, after {self.frames}"
            if wanted(*found):
                return found

    def answered(self, stream):
        """Waits for the whole answer on a stream, and returns its DATA."""
        def ends(kind, flags, id, _):
            return id == stream and (kind == RST_STREAM or kind in (DATA, HEADERS) and flags & END_STREAM)

        last = self.expect(ends)
        assert last[0] != RST_STREAM, f"the stream was reset: {last}"
        return b"".join(payload for kind, _, id, payload in self.frames if kind == DATA and id == stream)

    def lives(self):
        """The connection goes on."""
        self.send(frame(PING, 0, 0, b"are you?"))
        self.expect(lambda kind, flags, _, payload: kind == PING and flags & ACK and payload == b"are you?")
        assert not any(kind == GOAWAY for kind, *_ in self.frames), self.frames

    def fails(self, *codes):
        """The connection ends, with one of these codes."""
        self.send(frame(PING, 0, 0, b"\0" * 8))
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        while self.read():
            pass
        said = [int.from_bytes(payload[4:8], "big") for kind, _, _, payload in self.frames if kind == GOAWAY]
        assert said and said[0] in codes, f"GOAWAY {said}, not {codes}: {self.frames}"

    def fails_stream(self, stream, *codes):
        """The stream is reset, or the connection ends, with one of these codes."""
        # The answer to a PING overtakes others, but the next one not what was to be said before the first.
        rounds = 0
        self.send(frame(PING, 0, 0, b"\0" * 8))
        while found := self.read():
            kind, flags, id, payload = found
            if kind == RST_STREAM and id == stream:
                assert int.from_bytes(payload, "big") in codes, f"RST_STREAM {payload}, not {codes}"
                return
            if kind == GOAWAY:
                return self.fails(*codes)
            if kind == PING and flags & ACK:
                rounds += 1
                assert rounds < 3, f"nothing was wrong with stream {stream}: {self.frames}"
                self.send(frame(PING, 0, 0, b"\0" * 8))
        raise AssertionError(f"the connection ended without a word: {self.frames}")

    def close(self):
        self.socket.close()


@pytest.fixture
def peer(server):
    with contextlib.closing(Peer(server.port)) as peer:
        yield peer


def cases(*rows):
    return pytest.mark.parametrize("name, send", rows, ids=[row[0] for row in rows])


def number(value):
    return struct.pack(">I", value)


def request(text=block(GET), stream=1, more=0):
    """A whole request in one frame."""
    return frame(HEADERS, END_HEADERS | END_STREAM | more, stream, text)


def begun(text):
    """A request that DATA follows."""
    return frame(HEADERS, END_HEADERS, 1, text)


def last(text=b"x"):
    """The last DATA."""
    return frame(DATA, END_STREAM, 1, text)


def settings(*pairs):
    return b"".join(struct.pack(">HI", id, value) for id, value in pairs)


# Section 3.4: the preface.


def test_a_preface_that_is_none_ends_the_connection(server):
    with contextlib.closing(Peer(server.port, preface=b"INVALID CONNECTION PREFACE\r\n\r\n")) as peer:
        peer.fails(PROTOCOL)


def test_a_preface_without_settings_ends_the_connection(server):
    with contextlib.closing(Peer(server.port, preface=PREFACE + frame(PING, 0, 0, b"\0" * 8))) as peer:
        peer.fails(PROTOCOL)


# What is allowed.


@cases(
    ("5.1: PRIORITY of an idle stream", lambda p: p.send(frame(PRIORITY, 0, 1, number(0) + b"\x0f"))),
    ("4.1: a frame of an unknown kind", lambda p: p.send(frame(22, 0, 0, b"\0" * 8))),
    ("4.1: flags that mean nothing", lambda p: p.send(frame(PING, 0x16, 0, b"\0" * 8))),
    ("4.1: the reserved bit", lambda p: p.send(frame(PING, 0, 1 << 31, b"\0" * 8))),
    ("5.5: an unknown kind on a stream", lambda p: p.send(frame(22, 0, 1, b"\0" * 8))),
    ("6.5.2: a setting that nobody knows", lambda p: p.send(frame(SETTINGS, 0, 0, settings((0xFF, 1))))),
    ("6.7: the acknowledgement of no PING", lambda p: p.send(frame(PING, ACK, 0, b"invalid!"))),
    ("6.9: WINDOW_UPDATE", lambda p: p.send(frame(WINDOW_UPDATE, 0, 0, number(1)))),
    ("6.5.3: a setting twice", lambda p: p.send(frame(SETTINGS, 0, 0, settings((4, 100), (4, 65_535))))),
    ("5.3: PRIORITY of a closed stream",
     lambda p: (p.get(), p.answered(1), p.send(frame(PRIORITY, 0, 1, number(0) + b"\x0f")))),
    ("5.1: WINDOW_UPDATE of a stream that has ended",
     lambda p: (p.get(), p.send(frame(WINDOW_UPDATE, 0, 1, number(1))))),
    ("5.1: RST_STREAM of a stream that has ended",
     lambda p: (p.get(), p.answered(1), p.send(frame(RST_STREAM, 0, 1, number(8))))),
    ("7: RST_STREAM with a code that nobody knows",
     lambda p: (p.get(ends=False), p.send(frame(RST_STREAM, 0, 1, number(0xFF))))),
)
def test_what_means_nothing_is_passed_over(peer, name, send):
    send(peer)
    peer.lives()
    peer.get(3)
    assert peer.answered(3) == b"SERVING\n"


def in_two(pairs, count):
    """A request's header block cut into HEADERS and so many CONTINUATIONs."""
    whole = block(pairs)
    cut = len(whole) // (count + 1)
    parts = [whole[index * cut : (index + 1) * cut if index < count else None] for index in range(count + 1)]
    frames = [frame(HEADERS, END_STREAM, 1, parts[0])]
    return frames + [frame(CONTINUATION, END_HEADERS if part is parts[-1] else 0, 1, part) for part in parts[1:]]


def padded(text, count=8):
    return bytes([count]) + text + b"\0" * count


@cases(
    ("GET", lambda p: p.get()),
    ("6.2: padded HEADERS", lambda p: p.send(frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, padded(block(GET))))),
    ("6.2: HEADERS with a priority", lambda p: p.get(1, flags=PRIORITISED, prefix=number(0) + b"\xff")),
    ("6.2: an exclusive dependency", lambda p: p.get(1, flags=PRIORITISED, prefix=number(1 << 31 | 3) + b"\xff")),
    ("6.10: CONTINUATION", lambda p: p.send(*in_two(GET, 1))),
    ("6.10: several CONTINUATIONs", lambda p: p.send(*in_two(GET, 4))),
    ("6.1: an empty DATA at the end", lambda p: (p.get(ends=False), p.send(last(b"")))),
    ("6.1: several DATA", lambda p: (p.get(ends=False), p.send(frame(DATA, 0, 1, b"x"), last(b"y")))),
    ("6.1: padded DATA", lambda p: (p.get(ends=False), p.send(frame(DATA, END_STREAM | PADDED, 1, padded(b"x"))))),
    ("4.2: DATA of the largest frame", lambda p: (p.get(ends=False), p.send(last(b"x" * 16_384)))),
    ("8.1: trailers",
     lambda p: (p.get(ends=False), p.send(frame(DATA, 0, 1, b"x"), request(block([("x-check", "1")]))))),
    ("8.1.1: the content-length that comes",
     lambda p: (p.get(1, ends=False, pairs=GET + [("content-length", "2")]), p.send(frame(DATA, 0, 1, b"x"),
      last(b"y")))),
    ("RFC 7541 6.1: an indexed field", lambda p: p.send(request(b"\x82\x86" + block(GET[2:])))),
    ("RFC 7541 6.2.1: a literal that is indexed",
     lambda p: p.send(request(b"\x82\x86\x44\x08/healthz" + block(GET[3:]) + b"\x40\x01x\x01y"))),
    ("RFC 7541 6.2.2: a literal that is not",
     lambda p: p.send(request(b"\x82\x86\x04\x08/healthz" + block(GET[3:]) + b"\x00\x01x\x01y"))),
    ("RFC 7541 6.2.3: a literal that never is",
     lambda p: p.send(request(b"\x82\x86\x14\x08/healthz" + block(GET[3:]) + b"\x10\x01x\x01y"))),
    ("RFC 7541 6.3: a table's size", lambda p: p.send(request(b"\x20" + block(GET)))),
    ("RFC 7541 4.2: a table's size twice", lambda p: p.send(request(b"\x20\x3f\xe1\x0f" + block(GET)))),
    ("RFC 7541 5.2: Huffman's code",
     lambda p: p.send(request(b"\x82\x86" + b"\x00\x05:path\x08/healthz" + b"\x41\x86\xa0\xe4\x1d\x13\x9d\x09"))),
)
def test_a_request_is_answered(peer, name, send):
    send(peer)
    assert peer.answered(1) == b"SERVING\n"
    peer.lives()


def test_HEAD_is_answered_without_a_body(peer):
    peer.get(1, pairs=[(":method", "HEAD"), *GET[1:]])
    assert peer.answered(1) == b""


def test_a_call_with_its_whole_exchange(peer):
    peer.send(frame(HEADERS, END_HEADERS, 1, CALL), last(message()))
    assert peer.answered(1) == message(b"\x08\x01")


# Frames (sections 4 and 6), and the states of streams (section 5).

OPEN = frame(HEADERS, END_HEADERS, 1, CALL)
ENDED = request()
HALF = frame(HEADERS, END_STREAM, 1, block(GET))


@pytest.mark.parametrize("name, parts, codes", [
    ("4.2: HEADERS that are too large", [frame(HEADERS, END_HEADERS, 1, b"\0" * 16_385)], [SIZE]),
    ("4.3: a header block that is none", [request(b"\x4c\x0a\xff\xff" + b"\xff" * 20)], [COMPRESSION]),
    ("4.3: PRIORITY within a header block", [HALF, frame(PRIORITY, 0, 1, number(0) + b"\x0f")], [PROTOCOL]),
    ("4.3: another stream's HEADERS within one", [HALF, request(stream=3)], [PROTOCOL]),
    ("5.5: an unknown frame within a header block", [HALF, frame(22, 0, 0, b"\0")], [PROTOCOL]),
    ("5.1: DATA of an idle stream", [last()], [PROTOCOL]),
    ("5.1: RST_STREAM of an idle stream", [frame(RST_STREAM, 0, 1, number(8))], [PROTOCOL]),
    ("5.1: WINDOW_UPDATE of an idle stream", [frame(WINDOW_UPDATE, 0, 1, number(100))], [PROTOCOL]),
    ("5.1: CONTINUATION of an idle stream", [frame(CONTINUATION, END_HEADERS, 1, block(GET))], [PROTOCOL]),
    ("5.1.1: a stream of the server's", [request(stream=2)], [PROTOCOL]),
    ("5.1.1: a number below the last", [request(stream=5), request(stream=3)], [PROTOCOL, CLOSED]),
    ("6.1: DATA of no stream", [frame(DATA, END_STREAM, 0, b"x")], [PROTOCOL]),
    ("6.1: more padding than DATA", [OPEN, frame(DATA, END_STREAM | PADDED, 1, b"\x06test")], [PROTOCOL]),
    ("6.2: HEADERS of no stream", [request(stream=0)], [PROTOCOL]),
    ("6.2: more padding than HEADERS",
     [frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, b"\xff" + block(GET))], [PROTOCOL]),
    ("6.3: PRIORITY of no stream", [frame(PRIORITY, 0, 0, number(0) + b"\x0f")], [PROTOCOL]),
    ("6.4: RST_STREAM of no stream", [frame(RST_STREAM, 0, 0, number(8))], [PROTOCOL]),
    ("6.4: a RST_STREAM of three bytes", [OPEN, frame(RST_STREAM, 0, 1, b"\0\0\0")], [SIZE]),
    ("6.5: an acknowledgement of settings that has some", [frame(SETTINGS, ACK, 0, settings((3, 1)))], [SIZE]),
    ("6.5: SETTINGS of a stream", [frame(SETTINGS, 0, 1, settings((3, 100)))], [PROTOCOL]),
    ("6.5: SETTINGS of three bytes", [frame(SETTINGS, 0, 0, b"\0\x03\0")], [SIZE]),
    ("6.5.2: ENABLE_PUSH of 2", [frame(SETTINGS, 0, 0, settings((2, 2)))], [PROTOCOL]),
    ("6.5.2: a window that is too large", [frame(SETTINGS, 0, 0, settings((4, 1 << 31)))], [FLOW_CONTROL]),
    ("6.5.2: frames that are too small", [frame(SETTINGS, 0, 0, settings((5, 16_383)))], [PROTOCOL]),
    ("6.5.2: frames that are too large", [frame(SETTINGS, 0, 0, settings((5, 1 << 24)))], [PROTOCOL]),
    ("6.7: PING of a stream", [frame(PING, 0, 1, b"\0" * 8)], [PROTOCOL]),
    ("6.7: a PING of six bytes", [frame(PING, 0, 0, b"\0" * 6)], [SIZE]),
    ("6.8: GOAWAY of a stream", [frame(GOAWAY, 0, 1, number(0) + number(0))], [PROTOCOL]),
    ("6.8: a GOAWAY of four bytes", [frame(GOAWAY, 0, 0, number(0))], [SIZE]),
    ("6.9: WINDOW_UPDATE by nothing", [frame(WINDOW_UPDATE, 0, 0, number(0))], [PROTOCOL]),
    ("6.9: a WINDOW_UPDATE of three bytes", [frame(WINDOW_UPDATE, 0, 0, b"\0\0\1")], [SIZE]),
    ("6.9.1: a window beyond its limit", [frame(WINDOW_UPDATE, 0, 0, number((1 << 31) - 1))] * 2, [FLOW_CONTROL]),
    ("6.10: a CONTINUATION of no stream", [HALF, frame(CONTINUATION, END_HEADERS, 0)], [PROTOCOL]),
    ("6.10: another frame after HEADERS", [HALF, last()], [PROTOCOL]),
    ("6.10: another frame after CONTINUATION",
     [HALF, frame(CONTINUATION, 0, 1, block([("a", "b")])), frame(PING, 0, 0, b"\0" * 8)], [PROTOCOL]),
    ("6.10: a CONTINUATION of what is complete",
     [OPEN, frame(CONTINUATION, END_HEADERS, 1, block([("a", "b")]))], [PROTOCOL]),
    ("6.10: a CONTINUATION after the last",
     [HALF, frame(CONTINUATION, END_HEADERS, 1), frame(CONTINUATION, END_HEADERS, 1)], [PROTOCOL, CLOSED]),
    ("6.10: a CONTINUATION after DATA",
     [OPEN, frame(DATA, 0, 1, b"\0"), frame(CONTINUATION, END_HEADERS, 1)], [PROTOCOL]),
    ("8.4: PUSH_PROMISE of a client", [OPEN, frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + block(GET))], [PROTOCOL]),
    ("RFC 7541 2.3.3: an index of nothing", [request(b"\xc6" + block(GET))], [COMPRESSION]),
    ("RFC 7541 2.3.3: a name's index of nothing", [request(b"\x7f\x07\x01x" + block(GET))], [COMPRESSION]),
    ("RFC 7541 4.2: a table's size behind fields", [request(block(GET) + b"\x3f\x02")], [COMPRESSION]),
    ("RFC 7541 5.2: eight bits of padding",
     [request(block(GET) + b"\0\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff")], [COMPRESSION]),
    ("RFC 7541 5.2: padding with zeros",
     [request(block(GET) + b"\0\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90")], [COMPRESSION]),
    ("RFC 7541 5.2: the end of strings in one",
     [request(block(GET) + b"\0\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f")], [COMPRESSION]),
    ("RFC 7541 6.1: index 0", [request(b"\x80" + block(GET))], [COMPRESSION]),
    ("RFC 7541 6.3: a table larger than allowed", [request(b"\x3f\xe2\x1f" + block(GET))], [COMPRESSION]),
    ("RFC 7541 5.1: a number without end", [request(b"\xff" + b"\xff" * 20)], [COMPRESSION]),
], ids=lambda value: value if isinstance(value, str) else "")
def test_what_breaks_the_connection(peer, name, parts, codes):
    peer.send(*parts)
    peer.fails(*codes)


@pytest.mark.parametrize("name, parts, codes", [
    ("4.2: DATA that is too large", [OPEN, last(b"x" * 16_385)], [SIZE]),
    ("5.1: DATA after the end", [ENDED, last()], [CLOSED]),
    ("5.1: HEADERS after the end", [ENDED, request()], [CLOSED]),
    ("5.1: CONTINUATION after the end", [ENDED, frame(CONTINUATION, END_HEADERS, 1, block(GET))], [CLOSED, PROTOCOL]),
    ("5.1: DATA after RST_STREAM", [OPEN, frame(RST_STREAM, 0, 1, number(8)), last()], [CLOSED]),
    ("5.1: HEADERS after RST_STREAM", [OPEN, frame(RST_STREAM, 0, 1, number(8)), request()], [CLOSED]),
    ("5.1: CONTINUATION after RST_STREAM",
     [OPEN, frame(RST_STREAM, 0, 1, number(8)), frame(CONTINUATION, END_HEADERS, 1, block(GET))], [CLOSED, PROTOCOL]),
    ("6.3: a PRIORITY of four bytes", [OPEN, frame(PRIORITY, 0, 1, number(0))], [SIZE]),
    ("5.3.1: HEADERS that depend on themselves",
     [frame(HEADERS, END_HEADERS | END_STREAM | PRIORITISED, 1, number(1) + b"\xff" + block(GET))], [PROTOCOL]),
    ("5.3.1: PRIORITY that depends on itself", [OPEN, frame(PRIORITY, 0, 1, number(1) + b"\xff")], [PROTOCOL]),
    ("6.9: a stream's WINDOW_UPDATE by nothing", [OPEN, frame(WINDOW_UPDATE, 0, 1, number(0))], [PROTOCOL]),
    ("6.9.1: a stream's window beyond its limit",
     [OPEN, *[frame(WINDOW_UPDATE, 0, 1, number((1 << 31) - 1))] * 2], [FLOW_CONTROL]),
    ("8.1: HEADERS twice without an end", [OPEN, begun(block([("x-check", "1")]))], [PROTOCOL]),
    ("8.1.1: a content-length that does not come",
     [begun(block(GET + [("content-length", "1")])), last(b"test")], [PROTOCOL]),
    ("8.1.1: a content-length that several DATA do not make",
     [begun(block(GET + [("content-length", "1")])), frame(DATA, 0, 1, b"te"), last(b"st")], [PROTOCOL]),
    ("8.1.1: a content-length and no DATA", [request(block(GET + [("content-length", "1")]))], [PROTOCOL]),
    ("8.3: a pseudo-header in trailers", [OPEN, request(block([(":method", "POST")]))], [PROTOCOL]),
], ids=lambda value: value if isinstance(value, str) else "")
def test_what_breaks_a_stream(peer, name, parts, codes):
    peer.send(*parts)
    peer.fails_stream(1, *codes)


@pytest.mark.parametrize("name, pairs", [
    ("8.2: a name in upper case", [*GET, ("X-TEST", "ok")]),
    ("8.2.1: a name with a blank", [*GET, ("x test", "ok")]),
    ("8.2.1: a value with a line's end", [*GET, ("x-test", "o\nk")]),
    ("8.2.1: a value with a zero", [*GET, ("x-test", "o\0k")]),
    ("8.2.2: a field of the connection", [*GET, ("connection", "keep-alive")]),
    ("8.2.2: transfer-encoding", [*GET, ("transfer-encoding", "chunked")]),
    ("8.2.2: TE that is not trailers", [*GET, ("te", "trailers, deflate")]),
    ("8.3: a pseudo-header that nobody knows", [*GET, (":test", "ok")]),
    ("8.3: a pseudo-header of responses", [*GET, (":status", "200")]),
    ("8.3: a pseudo-header behind others", [GET[0], ("x-test", "ok"), *GET[1:]]),
    ("8.3.1: an empty path", [*GET[:2], (":path", ""), GET[3]]),
    ("8.3.1: no method", GET[1:]),
    ("8.3.1: no scheme", [GET[0], *GET[2:]]),
    ("8.3.1: no path", [*GET[:2], GET[3]]),
    ("8.3.1: two methods", [GET[0], *GET]),
    ("8.3.1: two schemes", [GET[1], *GET]),
    ("8.3.1: two paths", [GET[2], *GET]),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_malformed_request_is_a_stream_error(peer, name, pairs):
    peer.get(1, pairs=pairs)
    peer.fails_stream(1, PROTOCOL)


@cases(
    ("DATA", lambda p: p.send(last())),
    ("HEADERS", lambda p: p.send(request())),
    ("CONTINUATION", lambda p: p.send(frame(CONTINUATION, END_HEADERS, 1, block(GET)))),
)
def test_frames_of_a_stream_whose_exchange_is_over_break_the_connection(peer, name, send):
    peer.get(1)
    peer.answered(1)
    send(peer)
    peer.fails(CLOSED, PROTOCOL)


# What a server does beyond answering.


def test_a_GOAWAY_with_a_code_that_nobody_knows_is_a_GOAWAY(peer):
    peer.get(1)
    peer.send(frame(GOAWAY, 0, 0, number(0) + number(0xFF)))
    assert peer.answered(1) == b"SERVING\n"
    peer.socket.shutdown(socket.SHUT_WR)
    while peer.read():
        pass
    assert not any(kind == GOAWAY and int.from_bytes(payload[4:8], "big") for kind, _, _, payload in peer.frames)


def test_streams_beyond_the_limit_are_refused(peer):
    limit = next(
        struct.unpack_from(">I", payload, at + 2)[0]
        for kind, _, _, payload in peer.frames if kind == SETTINGS
        for at in range(0, len(payload), 6) if payload[at : at + 2] == b"\0\3")
    last = 2 * limit + 1
    peer.send(*[frame(HEADERS, END_HEADERS, stream, CALL) for stream in range(1, last + 1, 2)])
    peer.fails_stream(last, REFUSED, PROTOCOL)


def test_settings_are_acknowledged_and_pings_answered(peer):
    peer.send(frame(SETTINGS, 0, 0, settings((3, 100))))
    peer.expect(lambda kind, flags, _, __: kind == SETTINGS and flags & ACK)
    peer.lives()


def test_DATA_keeps_to_a_window_of_one_byte(server):
    with contextlib.closing(Peer(server.port, settings=settings((4, 1)))) as peer:
        peer.get(1)
        first = peer.expect(lambda kind, *_: kind == DATA)
        assert first[3] == b"S" and not first[1] & END_STREAM
        peer.lives()
        peer.send(frame(WINDOW_UPDATE, 0, 1, number(100)))
        assert peer.answered(1) == b"SERVING\n"


def test_a_window_that_became_negative_holds_DATA_back(server):
    with contextlib.closing(Peer(server.port, settings=settings((4, 3)))) as peer:
        peer.get(1)
        assert peer.expect(lambda kind, *_: kind == DATA)[3] == b"SER"
        peer.send(frame(SETTINGS, 0, 0, settings((4, 2))), frame(WINDOW_UPDATE, 0, 1, number(1)))
        peer.lives()
        assert sum(kind == DATA for kind, *_ in peer.frames) == 1, "the window is 0"
        peer.send(frame(WINDOW_UPDATE, 0, 1, number(1)))
        assert peer.expect(lambda kind, *_: kind == DATA)[3] == b"V"


def test_a_window_that_grows_by_SETTINGS_lets_DATA_through(server):
    with contextlib.closing(Peer(server.port, settings=settings((4, 0)))) as peer:
        peer.get(1)
        peer.lives()
        assert not any(kind == DATA for kind, *_ in peer.frames)
        peer.send(frame(SETTINGS, 0, 0, settings((4, 100))))
        assert peer.answered(1) == b"SERVING\n"
