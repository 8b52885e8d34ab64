#!/usr/bin/env python3
"""Asks the standard health service.  health.py HOST:PORT [SERVICE]"""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def main(address, service=""):
    with grpc.insecure_channel(address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    print(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["127.0.0.1:7070"]))
