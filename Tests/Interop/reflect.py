#!/usr/bin/env python3
"""Lists what a server serves, by reflection alone: no schema is needed.  reflect.py HOST:PORT"""

import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def main(address):
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(database)
        for name in sorted(database.get_services()):
            print(name)
            for method in pool.FindServiceByName(name).methods:
                up = "stream " if method.client_streaming else ""
                down = "stream " if method.server_streaming else ""
                print(f"  {method.name}({up}{method.input_type.name}) → {down}{method.output_type.name}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7070")
