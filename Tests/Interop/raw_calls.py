"""gRPC calls by the thousand over one connection, frames by hand: opened together, answered together, their statuses read."""

import socket
import struct

from raw_http2 import ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE
from raw_http2 import fields, frame, message

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# "grpc-status" in the Huffman code of RFC 7541 appendix B, with its length: as a server writes it whom we allow no table.
_STATUS = bytes([0x88]) + int(
    "100110" "101100" "101011" "00100" "010110" "01000" "01001" "00011" "01001" "101101" "01000" "1111", 2
).to_bytes(8, "big")
CANCEL = 8


def status_of(block):
    """The value of `grpc-status` in a header block that refers to no table; None when it is not there."""
    at = block.find(_STATUS)
    if at < 0:
        return None
    at += len(_STATUS)
    return int(block[at + 1 : at + 1 + block[at]])


class Line:
    """One connection that calls. `statuses` has an entry for each stream that has ended: a status, or ("reset", code)."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received, self.next, self.pongs, self.goaway = b"", 1, 0, None
        self.statuses, self.answered, self.is_ready = {}, set(), False
        # No table for header fields, and windows that nothing of a test fills.
        settings = struct.pack(">HIHI", 1, 0, 4, 0x7FFF_FFFF)
        self.unsent = [PREFACE, frame(SETTINGS, 0, 0, settings), self.credit()]
        self.taken = 0
        self.read(lambda: self.is_ready)

    @staticmethod
    def credit(count=1 << 30):
        return frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", count))

    def open(self, head, body=b"", ends=True):
        """A stream with these header fields and this body, which fits the windows."""
        stream, self.next = self.next, self.next + 2
        self.unsent.append(frame(HEADERS, END_HEADERS | (END_STREAM if ends and not body else 0), stream, head))
        for start in range(0, len(body), 16_384):
            part = body[start : start + 16_384]
            last = ends and start + len(part) == len(body)
            self.unsent.append(frame(DATA, END_STREAM if last else 0, stream, part))
        return stream

    def reset(self, stream):
        self.unsent.append(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))

    def flush(self):
        if self.unsent:
            data, self.unsent = b"".join(self.unsent), []
            self.socket.sendall(data)

    def round_trip(self):
        """Returns once the server has read everything that was sent."""
        before = self.pongs
        self.unsent.append(frame(PING, 0, 0, b"leaktest"))
        self.read(lambda: self.pongs > before)

    def ended(self, streams):
        """Waits for these streams' ends, and returns how they ended."""
        self.read(lambda: all(stream in self.statuses for stream in streams))
        return [self.statuses.pop(stream) for stream in streams]

    def read(self, until):
        self.flush()
        while not until():
            data = self.socket.recv(1 << 18)
            assert data, f"the server has closed the connection, GOAWAY {self.goaway}"
            self.take(data)
            self.flush()

    def take(self, data):
        data = self.received + data
        at = 0
        while len(data) - at >= 9:
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            end = at + 9 + length
            if end > len(data):
                break
            kind, flags, stream = data[at + 3], data[at + 4], int.from_bytes(data[at + 5 : at + 9], "big")
            if kind == DATA:
                self.answered.add(stream)
                self.taken += length
                if self.taken > 1 << 29:
                    self.unsent.append(self.credit(self.taken))
                    self.taken = 0
                if flags & END_STREAM:
                    self.statuses[stream] = None
            elif kind == HEADERS and flags & END_STREAM:
                self.statuses[stream] = status_of(data[at + 9 : end])
            elif kind == RST_STREAM:
                self.statuses.setdefault(stream, ("reset", int.from_bytes(data[at + 9 : end], "big")))
            elif kind == SETTINGS and not flags & ACK:
                self.unsent.append(frame(SETTINGS, ACK, 0))
            elif kind == PING:
                if flags & ACK:
                    self.pongs += 1
                else:
                    self.unsent.append(frame(PING, ACK, 0, data[at + 9 : end]))
            elif kind == WINDOW_UPDATE and stream == 0:
                self.is_ready = True
            elif kind == GOAWAY:
                self.goaway = int.from_bytes(data[at + 13 : at + 17], "big")
            at = end
        self.received = data[at:]

    def close(self, abruptly=False):
        if abruptly:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def head(path, key=None, timeout=None):
    """The header fields of a call."""
    return fields(path, key, [("grpc-timeout", timeout)] if timeout else ())


def body(messages):
    return b"".join(message(part) for part in messages)
