"""TLS and client certificates, with certificates made by openssl when the test runs."""

import socket
import ssl
import subprocess

import grpc
import pytest

import raw_calls
import raw_http2
from rollcall.v1 import auth_service_pb2, auth_service_pb2_grpc


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and certificates it signed for the server and for a client."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    for name, extension in [("server", "subjectAltName=IP:127.0.0.1,DNS:localhost"), ("client", "extendedKeyUsage=clientAuth")]:
        (folder / f"{name}.ext").write_text(extension)
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )
    return folder


def who_am_i(server, credentials=None):
    """The caller's name, over TLS with `credentials`, or without."""
    secure = grpc.secure_channel(server.address, credentials) if credentials else grpc.insecure_channel(server.address)
    with secure as channel:
        stub = auth_service_pb2_grpc.AuthServiceStub(channel)
        metadata = (("authorization", f"Bearer {server.admin_key}"),)
        return stub.WhoAmI(auth_service_pb2.WhoAmIRequest(), metadata=metadata, timeout=10).principal.name


def test_calls_over_tls(own_server, certificates):
    own_server.start("--tls-cert", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"))
    authority = (certificates / "ca.pem").read_bytes()
    assert who_am_i(own_server, grpc.ssl_channel_credentials(authority)) == "admin"
    with pytest.raises(grpc.RpcError) as failure:
        who_am_i(own_server, grpc.ssl_channel_credentials())
    assert failure.value.code() == grpc.StatusCode.UNAVAILABLE, "the system does not know the authority"
    # The command line trusts the authority it is given, and says what is wrong without it.
    key = ["--server", own_server.address, "--key", own_server.admin_key]
    command = [str(own_server.binary), "whoami", *key]
    done = subprocess.run([*command, "--tls-ca", str(certificates / "ca.pem")], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "admin" in done.stdout, done.stderr
    done = subprocess.run([*command, "--tls", "--timeout", "10"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 6 and done.stderr.startswith("rollcall: "), done.stderr


@pytest.mark.parametrize("protocols", [[], ["http/1.1"]])
def test_a_tls_client_that_does_not_ask_for_h2_hears_nothing(own_server, certificates, protocols):
    own_server.start("--tls-cert", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"))

    def first_bytes(protocols):
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        if protocols:
            context.set_alpn_protocols(protocols)
        with socket.create_connection(("127.0.0.1", own_server.port), 10) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                try:
                    secure.sendall(raw_calls.PREFACE + raw_http2.frame(raw_http2.SETTINGS, 0, 0))
                    return secure.recv(9)
                except OSError:
                    return b""

    assert first_bytes(["h2"])[3] == raw_http2.SETTINGS
    assert first_bytes(protocols) == b""


def test_clients_without_a_certificate_are_refused(own_server, certificates):
    own_server.start(
        "--tls-cert", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"),
        "--tls-client-ca", str(certificates / "ca.pem"),
    )
    authority = (certificates / "ca.pem").read_bytes()
    with pytest.raises(grpc.RpcError) as failure:
        who_am_i(own_server, grpc.ssl_channel_credentials(authority))
    assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
    known = grpc.ssl_channel_credentials(
        authority, (certificates / "client.key").read_bytes(), (certificates / "client.pem").read_bytes()
    )
    assert who_am_i(own_server, known) == "admin"
    # The command line shows its certificate, and refuses half of one.
    command = [
        str(own_server.binary), "whoami", "--server", own_server.address, "--key", own_server.admin_key,
        "--tls-ca", str(certificates / "ca.pem"), "--tls-cert", str(certificates / "client.pem"),
    ]
    identity = [*command, "--tls-key", str(certificates / "client.key")]
    done = subprocess.run(identity, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "admin" in done.stdout, done.stderr
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 64 and "--tls-cert and --tls-key belong together" in done.stderr
    with pytest.raises(grpc.RpcError) as failure:
        who_am_i(own_server)
    assert failure.value.code() == grpc.StatusCode.UNAVAILABLE, "no way around the certificate"


def test_one_port_serves_with_and_without_tls(own_server, certificates):
    own_server.start("--tls-cert", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"))
    authority = (certificates / "ca.pem").read_bytes()
    assert who_am_i(own_server, grpc.ssl_channel_credentials(authority)) == "admin"
    assert who_am_i(own_server) == "admin"


def test_tls_only_refuses_the_others(own_server, certificates):
    own_server.start(
        "--tls-cert", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"), "--tls-only"
    )
    authority = (certificates / "ca.pem").read_bytes()
    assert who_am_i(own_server, grpc.ssl_channel_credentials(authority)) == "admin"
    with pytest.raises(grpc.RpcError) as failure:
        who_am_i(own_server)
    assert failure.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("arguments", [["--tls-cert", "x.pem"], ["--tls-key", "x.pem"], ["--tls-client-ca", "x.pem"], ["--tls-only"]])
def test_half_a_configuration_is_refused(own_server, arguments):
    done = subprocess.run([str(own_server.binary), "serve", *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode == 64 and "--tls-cert" in done.stderr


def test_a_certificate_that_does_not_read_is_named(own_server, certificates):
    done = subprocess.run(
        [
            str(own_server.binary), "serve", "--listen", own_server.address, "--data", str(own_server.data),
            "--tls-cert", str(certificates / "ca.key"), "--tls-key", "/nonexistent.key",
        ],
        capture_output=True, text=True, timeout=20,
    )
    assert done.returncode == 1 and "ca.key holds no certificate" in done.stderr.splitlines()[-2], done.stderr
