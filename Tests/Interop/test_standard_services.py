"""Reflection and health, as tools and load balancers use them."""

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from rollcall.v1 import deployment_service_pb2, options_pb2

SERVICES = ["AuthService", "CatalogService", "DeploymentService", "DeviceService"]


def test_reflection_lists_every_service(server):
    with grpc.insecure_channel(server.address) as channel:
        names = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {f"rollcall.v1.{name}" for name in SERVICES} < set(names)
    assert {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"} < set(names)


def test_reflected_descriptors_are_those_of_the_schema(server):
    with grpc.insecure_channel(server.address) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        reflected = pool.FindServiceByName("rollcall.v1.DeploymentService")
        local = deployment_service_pb2.DESCRIPTOR.services_by_name["DeploymentService"]
        assert [m.name for m in reflected.methods] == [m.name for m in local.methods]
        assert [f.name for f in pool.FindMessageTypeByName("rollcall.v1.Rollout").fields]


def test_reflection_tells_what_a_method_asks_of_its_callers(server):
    """Method options are of an extension: the file that declares it is served, and descriptor.proto, which it extends."""
    with grpc.insecure_channel(server.address) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        option = pool.FindExtensionByName("rollcall.v1.policy")
        assert option.containing_type.full_name == "google.protobuf.MethodOptions"
        assert pool.FindFileByName("google/protobuf/descriptor.proto").package == "google.protobuf"
        reflected = pool.FindServiceByName("rollcall.v1.DeploymentService").methods_by_name["StartDeployment"]
        local = deployment_service_pb2.DESCRIPTOR.services_by_name["DeploymentService"].methods_by_name["StartDeployment"]
        assert local.GetOptions().Extensions[options_pb2.policy].roles
        assert reflected.GetOptions().SerializeToString() == local.GetOptions().SerializeToString()


def test_reflection_v1_answers_on_its_own_path(server):
    """grpcio's package speaks v1alpha; v1 has the same messages under another service name."""
    with grpc.insecure_channel(server.address) as channel:
        call = channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        answer = next(call(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=10))
    assert "rollcall.v1.AuthService" in [service.name for service in answer.list_services_response.service]


def test_what_is_not_served_is_not_found_by_reflection(server):
    with grpc.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(file_containing_symbol="rollcall.v1.Nothing")
        answer = next(stub.ServerReflectionInfo(iter([request]), timeout=10))
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


@pytest.mark.parametrize("service", ["", *(f"rollcall.v1.{name}" for name in SERVICES)])
def test_health_says_serving(server, service):
    with grpc.insecure_channel(server.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status == health_pb2.HealthCheckResponse.SERVING


def test_health_of_an_unknown_service(server):
    with grpc.insecure_channel(server.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="nothing")
        with pytest.raises(grpc.RpcError) as failure:
            stub.Check(request, timeout=10)
        assert failure.value.code() == grpc.StatusCode.NOT_FOUND
        watch = stub.Watch(request, timeout=10)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        watch.cancel()


def test_health_watch_tells_the_state_at_once(server):
    with grpc.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=10)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
