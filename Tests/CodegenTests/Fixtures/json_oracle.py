"""Python's protobuf as an independent implementation of the JSON mapping.

    json_oracle.py DESCRIPTOR_SET generate SEED COUNT TYPE...   random messages: type, wire as hex, JSON
    json_oracle.py DESCRIPTOR_SET parse                         from standard input: type, hex of a JSON text
                                                                to standard output: wire as hex, or "!" and why

One message a line, tab-separated.
"""

import random
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor as F

STRINGS = ["", "a", "é谷😁", 'q"\\/\b\f\n\r\t', "\u0000\u001f\u007f", "<a>&'\u2028\u2029", "@type", "x" * 40]
INTS = {
    32: [0, 1, -1, 9, 10, 2**31 - 1, -(2**31), 123456789],
    64: [0, 1, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 10**18],
}
DOUBLES = [0.0, -0.0, 1.0, -1.5, 0.1, 1e22, 1e23, 5e-324, 1.7976931348623157e308, 1 / 3, 1e15, 123456.789,
           float("inf"), float("-inf"), float("nan")]
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.25, 16777216.0, 1e10, float("inf"), float("-inf"), float("nan")]
UNSIGNED = {F.TYPE_UINT32, F.TYPE_FIXED32, F.TYPE_UINT64, F.TYPE_FIXED64}
ANY_TYPES = ["google.protobuf.Duration", "google.protobuf.Int64Value", "google.protobuf.Empty",
             "google.protobuf.Value", "codegen.fixtures.Scalars"]


class Maker:
    def __init__(self, pool, seed):
        self.pool = pool
        self.random = random.Random(seed)

    def new(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))()

    def scalar(self, field):
        pick = self.random.choice
        if field.type in (F.TYPE_DOUBLE,):
            return pick(DOUBLES + [self.random.uniform(-1e6, 1e6)])
        if field.type == F.TYPE_FLOAT:
            return pick(FLOATS)
        if field.type == F.TYPE_BOOL:
            return pick([False, True])
        if field.type == F.TYPE_STRING:
            return pick(STRINGS)
        if field.type == F.TYPE_BYTES:
            return self.random.randbytes(self.random.randrange(12))
        if field.type == F.TYPE_ENUM:
            if field.enum_type.full_name == "google.protobuf.NullValue":
                return 0
            return pick([v.number for v in field.enum_type.values] + [77])
        bits = 32 if field.cpp_type in (F.CPPTYPE_INT32, F.CPPTYPE_UINT32) else 64
        value = pick(INTS[bits])
        return value % (1 << bits) if field.type in UNSIGNED else value

    def fill(self, message, depth):
        name = message.DESCRIPTOR.full_name
        r = self.random
        if name == "google.protobuf.Any":
            inner = self.new(r.choice(ANY_TYPES))
            # Without maps: their order inside the packed bytes is each implementation's own.
            self.fill(inner, 9)
            message.Pack(inner, deterministic=True)
        elif name == "google.protobuf.Timestamp":
            message.seconds = r.choice([0, -1, 253402300799, -62135596800, r.randrange(-10**10, 10**11)])
            message.nanos = r.choice([0, 1, 999999999, 10**6, 10**3, 123456000])
        elif name == "google.protobuf.Duration":
            sign = r.choice([-1, 1])
            message.seconds = sign * r.choice([0, 1, 315576000000, r.randrange(10**9)])
            message.nanos = sign * r.choice([0, 1, 999999999, 10**6, 10**3])
        elif name == "google.protobuf.FieldMask":
            message.paths.extend(r.sample(["a", "foo_bar", "foo_bar.baz_qux", "a1.b"], r.randrange(4)))
        elif name == "google.protobuf.Value":
            self.value(message, depth)
        elif name == "google.protobuf.Struct":
            for key in r.sample(STRINGS, r.randrange(3)):
                self.value(message.fields[key], depth + 1)
        elif name == "google.protobuf.ListValue":
            for _ in range(r.randrange(3)):
                self.value(message.values.add(), depth + 1)
        else:
            self.fields(message, depth)

    def value(self, value, depth):
        kind = self.random.randrange(4 if depth > 4 else 6)
        if kind == 0:
            value.null_value = 0
        elif kind == 1:
            value.number_value = self.random.choice([d for d in DOUBLES if abs(d) < float("inf")])
        elif kind == 2:
            value.string_value = self.random.choice(STRINGS)
        elif kind == 3:
            value.bool_value = self.random.choice([False, True])
        elif kind == 4:
            value.struct_value.SetInParent()
            self.fill(value.struct_value, depth + 1)
        else:
            value.list_value.SetInParent()
            self.fill(value.list_value, depth + 1)

    def fields(self, message, depth):
        r = self.random
        for field in message.DESCRIPTOR.fields:
            if r.random() < (0.5 if depth < 2 else 0.85):
                continue
            entry = field.message_type if field.type == F.TYPE_MESSAGE else None
            if entry is not None and entry.GetOptions().map_entry:
                values = getattr(message, field.name)
                for _ in range(r.randrange(4)):
                    key = self.scalar(entry.fields_by_name["key"])
                    if entry.fields_by_name["value"].type == F.TYPE_MESSAGE:
                        self.fill(values[key], depth + 1)
                    else:
                        values[key] = self.scalar(entry.fields_by_name["value"])
            elif field.is_repeated:
                for _ in range(r.randrange(4)):
                    if entry is not None:
                        self.fill(getattr(message, field.name).add(), depth + 1)
                    else:
                        getattr(message, field.name).append(self.scalar(field))
            elif entry is not None:
                if depth < 5:
                    getattr(message, field.name).SetInParent()
                    self.fill(getattr(message, field.name), depth + 1)
            else:
                setattr(message, field.name, self.scalar(field))


def main():
    files = descriptor_pb2.FileDescriptorSet()
    with open(sys.argv[1], "rb") as source:
        files.ParseFromString(source.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    if sys.argv[2] == "generate":
        maker = Maker(pool, int(sys.argv[3]))
        for name in sys.argv[5:]:
            for _ in range(int(sys.argv[4])):
                message = maker.new(name)
                maker.fill(message, 0)
                wire = message.SerializeToString(deterministic=True)
                text = json_format.MessageToJson(message, indent=None, ensure_ascii=maker.random.random() < 0.5,
                                                 descriptor_pool=pool)
                print(name, wire.hex(), text.encode().hex(), sep="\t")
        return
    maker = Maker(pool, 0)
    for line in sys.stdin:
        name, text = line.rstrip("\n").split("\t")
        message = maker.new(name)
        try:
            json_format.Parse(bytes.fromhex(text).decode(), message, descriptor_pool=pool)
            print(message.SerializeToString(deterministic=True).hex())
        except Exception as error:  # whatever it is, Python refuses the text
            print("!", type(error).__name__, str(error).splitlines()[0] if str(error) else "")


main()
