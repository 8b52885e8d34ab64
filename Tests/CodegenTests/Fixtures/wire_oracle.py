"""Decodes messages with Python's protobuf and encodes them again, sorted.

    wire_oracle.py DESCRIPTOR_SET < LINES

A line is a message's full name, a tab and its bytes in hexadecimal; the answer is hexadecimal, or "!" and the
reason of a refusal.
"""
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory


def main():
    files = descriptor_pb2.FileDescriptorSet()
    with open(sys.argv[1], "rb") as source:
        files.ParseFromString(source.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    classes = {}
    for line in sys.stdin:
        name, text = line.rstrip("\n").split("\t")
        if name not in classes:
            classes[name] = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
        value = classes[name]()
        try:
            value.ParseFromString(bytes.fromhex(text))
        except message.DecodeError as error:
            print("!", " ".join(str(error).split()))
            continue
        print(value.SerializeToString(deterministic=True).hex())


if __name__ == "__main__":
    main()
