"""A client of HTTP/2 that keeps to no rule but those it needs: frames by hand, header fields as literals, many streams at once."""

import selectors
import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def message(body=b"", length=None):
    """A gRPC message; `length` is what its prefix claims."""
    return struct.pack(">BI", 0, len(body) if length is None else length) + body


def _text(value):
    data = value.encode()
    # An integer with a prefix of seven bits (RFC 7541 section 5.1).
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, encoded = len(data) - 127, b"\x7f"
    while rest >= 128:
        encoded += bytes([rest % 128 + 128])
        rest //= 128
    return encoded + bytes([rest]) + data


def block(pairs):
    """A header block of literals that are never indexed."""
    return b"".join(b"\x10" + _text(name) + _text(value) for name, value in pairs)


def fields(path, key=None, more=()):
    pairs = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "attack"),
             ("content-type", "application/grpc"), ("te", "trailers"), *more]
    if key:
        pairs.append(("authorization", f"Bearer {key}"))
    return block(pairs)


class Connection:
    """One connection. What the server says is read by its `Crowd`, and only counted."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setblocking(False)
        self.received, self.unsent = b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
        self.next, self.ended, self.is_open, self.goaway = 1, 0, True, None
        # What may still be sent: on the connection, and on each stream.
        self.window, self.windows, self.waiting = 65_535, {}, {}

    def open(self, path, key=None, body=b"", ends=False):
        """Opens a stream and sends `body` on it as far as the windows allow, now and later."""
        stream, self.next = self.next, self.next + 2
        self.unsent += frame(HEADERS, END_HEADERS | (END_STREAM if ends and not body else 0), stream, fields(path, key))
        self.windows[stream] = 262_144
        if body:
            self.waiting[stream] = (body, ends)
            self.push(stream)
        return stream

    def push(self, stream):
        body, ends = self.waiting.get(stream, (b"", False))
        while body:
            count = min(len(body), 16_384, self.window, self.windows[stream])
            if count <= 0:
                break
            part, body = body[:count], body[count:]
            self.window -= count
            self.windows[stream] -= count
            self.unsent += frame(DATA, END_STREAM if ends and not body else 0, stream, part)
        if body:
            self.waiting[stream] = (body, ends)
        else:
            self.waiting.pop(stream, None)

    def write(self):
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent):]
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def read(self):
        try:
            data = self.socket.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self.close()
        self.received += data
        while len(self.received) >= 9:
            length = int.from_bytes(self.received[:3], "big")
            if len(self.received) < 9 + length:
                return
            kind, flags, stream = self.received[3], self.received[4], int.from_bytes(self.received[5:9], "big")
            payload, self.received = self.received[9:9 + length], self.received[9 + length:]
            self.take(kind, flags, stream, payload)

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.unsent += frame(SETTINGS, ACK, 0)
        elif kind == PING and not flags & ACK:
            self.unsent += frame(PING, ACK, 0, payload)
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind == WINDOW_UPDATE:
            more = int.from_bytes(payload, "big")
            if stream == 0:
                self.window += more
                for waiting in list(self.waiting):
                    self.push(waiting)
            elif stream in self.windows:
                self.windows[stream] += more
                self.push(stream)
        elif (kind in (DATA, HEADERS) and flags & END_STREAM) or kind == RST_STREAM:
            if self.windows.pop(stream, None) is not None:
                self.waiting.pop(stream, None)
                self.ended += 1

    def close(self):
        if self.is_open:
            self.is_open = False
            self.socket.close()


class Crowd:
    """Many connections, served by one thread."""

    def __init__(self, port, count):
        self.connections = []
        for _ in range(count):
            try:
                self.connections.append(Connection(port))
            except OSError:
                break

    def serve(self, seconds, until=lambda: False):
        """Reads and writes for so long."""
        import time
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            selector = selectors.DefaultSelector()
            for connection in self.connections:
                if connection.is_open:
                    events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
                    selector.register(connection.socket, events, connection)
            ready = selector.select(0.1) if selector.get_map() else []
            for key, mask in ready:
                if mask & selectors.EVENT_WRITE and key.data.is_open:
                    key.data.write()
                if mask & selectors.EVENT_READ and key.data.is_open:
                    key.data.read()
            selector.close()
            if not ready:
                time.sleep(0.02)

    @property
    def open_streams(self):
        return sum(len(connection.windows) for connection in self.connections if connection.is_open)

    def close(self):
        for connection in self.connections:
            connection.close()
