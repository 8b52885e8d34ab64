// A C++ client of a running server: health, and AuthService with and without a key.
//   client HOST:PORT KEY      ends with 0 when everything went as it must; else says what did not.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"
#include "rollcall/v1/auth_service.grpc.pb.h"

namespace {

int failures = 0;

void Expect(bool holds, const std::string& what) {
  if (holds) return;
  ++failures;
  std::cerr << "FAIL " << what << "\n";
}

// Every call of this program ends within ten seconds.
void Bound(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
}

std::string Text(const grpc::Status& status) {
  return std::to_string(status.error_code()) + " " + status.error_message();
}

void Health(const std::shared_ptr<grpc::Channel>& channel) {
  auto health = grpc::health::v1::Health::NewStub(channel);
  grpc::health::v1::HealthCheckRequest request;
  grpc::health::v1::HealthCheckResponse response;
  {
    grpc::ClientContext context;
    Bound(context);
    grpc::Status status = health->Check(&context, request, &response);
    Expect(status.ok(), "Health.Check: " + Text(status));
    Expect(response.status() == grpc::health::v1::HealthCheckResponse::SERVING, "the server serves");
  }
  {
    grpc::ClientContext context;
    Bound(context);
    request.set_service("rollcall.v1.Nothing");
    grpc::Status status = health->Check(&context, request, &response);
    Expect(status.error_code() == grpc::StatusCode::NOT_FOUND, "an unknown service: " + Text(status));
  }
  {
    grpc::ClientContext context;
    Bound(context);
    request.set_service("");
    auto reader = health->Watch(&context, request);
    Expect(reader->Read(&response), "Health.Watch says how it is now");
    Expect(response.status() == grpc::health::v1::HealthCheckResponse::SERVING, "it serves");
    context.TryCancel();
    while (reader->Read(&response)) {
    }
    grpc::Status status = reader->Finish();
    Expect(status.error_code() == grpc::StatusCode::CANCELLED, "a cancelled watch: " + Text(status));
  }
}

void Auth(const std::shared_ptr<grpc::Channel>& channel, const std::string& key) {
  auto auth = rollcall::v1::AuthService::NewStub(channel);
  rollcall::v1::WhoAmIRequest request;
  rollcall::v1::WhoAmIResponse response;
  {
    grpc::ClientContext context;
    Bound(context);
    grpc::Status status = auth->WhoAmI(&context, request, &response);
    Expect(status.error_code() == grpc::StatusCode::UNAUTHENTICATED, "without a key: " + Text(status));
  }
  for (auto algorithm : {GRPC_COMPRESS_NONE, GRPC_COMPRESS_GZIP}) {
    grpc::ClientContext context;
    Bound(context);
    context.set_compression_algorithm(algorithm);
    context.AddMetadata("authorization", "Bearer " + key);
    grpc::Status status = auth->WhoAmI(&context, request, &response);
    Expect(status.ok(), "with a key: " + Text(status));
    Expect(response.ByteSizeLong() > 0, "the answer says who");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: client HOST:PORT KEY\n";
    return EXIT_FAILURE;
  }
  auto channel = grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials());
  Health(channel);
  Auth(channel, argv[2]);
  if (failures == 0) std::cout << "the C++ client is content\n";
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
