// SPDX-License-Identifier: GPL-2.0
// By libnbd, which is loaded when it is first needed: a program that uses no NBD disks does without
// it.
#include <libnbd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "block/nbd_client.h"
#include "host.h"
#include "library_calls.h"

namespace lkl::host {
namespace {

// As many as there are threads to wait for them.
constexpr int kMostConnections = 4;

#define LKL_NBD_CALLS(call)                                                                     \
  call(nbd_create) call(nbd_close) call(nbd_get_errno) call(nbd_connect_uri) call(nbd_shutdown) \
      call(nbd_get_size) call(nbd_can_flush) call(nbd_can_trim) call(nbd_can_zero)              \
          call(nbd_can_multi_conn) call(nbd_is_read_only) call(nbd_pread) call(nbd_pwrite)      \
              call(nbd_flush) call(nbd_trim) call(nbd_zero) call(nbd_set_uri_allow_local_file)

LKL_LIBRARY_CALLS(Library, "libnbd.so.0", LKL_NBD_CALLS)

const Library& nbd() {
  return *Library::get();
}

// The error of the calling thread's last call.
int last_error() {
  const int error = nbd().nbd_get_errno();
  return error > 0 ? -error : -EIO;
}

class Connection {
 public:
  Connection() : handle_(nbd().nbd_create()) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (handle_) nbd().nbd_close(handle_);
  }

  nbd_handle* get() const { return handle_; }

  int connect(const std::string& uri) {
    if (!handle_) return -ENOMEM;
    // a URI must not make us read files of the user's
    nbd().nbd_set_uri_allow_local_file(handle_, false);
    return nbd().nbd_connect_uri(handle_, uri.c_str()) < 0 ? last_error() : 0;
  }

 private:
  nbd_handle* const handle_;
};

class LibraryClient final : public NbdClient {
 public:
  LibraryClient() : process_(host::process_id()) {}
  ~LibraryClient() override;

  int connect(const std::string& uri);

 private:
  class Lease;

  int ask(const Request& request) override;

  const uint64_t process_;  // the child of a fork must not talk on its parent's connections

  std::mutex mutex_;
  std::condition_variable free_again_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> free_;
};

// A connection for one request.
class LibraryClient::Lease {
 public:
  explicit Lease(LibraryClient& client) : client_(client) {
    std::unique_lock lock(client.mutex_);
    client.free_again_.wait(lock, [&] { return !client.free_.empty(); });
    connection_ = client.free_.back();
    client.free_.pop_back();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    const std::lock_guard lock(client_.mutex_);
    client_.free_.push_back(connection_);
    client_.free_again_.notify_one();
  }

  nbd_handle* handle() const { return connection_->get(); }

 private:
  LibraryClient& client_;
  Connection* connection_;
};

LibraryClient::~LibraryClient() {
  if (host::process_id() != process_) {
    // not ours to say good-bye on
    for (auto& connection : connections_) (void)connection.release();
    return;
  }
  for (const auto& connection : connections_) nbd().nbd_shutdown(connection->get(), 0);
}

int LibraryClient::connect(const std::string& uri) {
  for (int i = 0; i < kMostConnections; ++i) {
    auto connection = std::make_unique<Connection>();
    if (const int error = connection->connect(uri)) {
      if (i == 0) return error;
      break;  // those that there are will do
    }
    free_.push_back(connection.get());
    connections_.push_back(std::move(connection));
    if (i == 0) {
      nbd_handle* const handle = free_.front()->get();
      const int64_t size = nbd().nbd_get_size(handle);
      if (size < 0) return last_error();
      traits_.size = static_cast<uint64_t>(size);
      traits_.read_only = nbd().nbd_is_read_only(handle) > 0;
      traits_.can_flush = nbd().nbd_can_flush(handle) > 0;
      traits_.can_trim = nbd().nbd_can_trim(handle) > 0;
      traits_.can_zero = nbd().nbd_can_zero(handle) > 0;
      // else what one connection has written another may not see
      if (nbd().nbd_can_multi_conn(handle) <= 0) break;
    }
  }
  return 0;
}

int LibraryClient::ask(const Request& request) {
  if (host::process_id() != process_) return -EIO;
  const Lease lease(*this);
  nbd_handle* const handle = lease.handle();
  uint64_t offset = request.offset;
  switch (request.op) {
    case BlockOp::kRead:
    case BlockOp::kWrite:
      for (const IoVec& part : request.vector) {
        if (part.size == 0) continue;
        if ((request.op == BlockOp::kRead
                 ? nbd().nbd_pread(handle, part.base, part.size, offset, 0)
                 : nbd().nbd_pwrite(handle, part.base, part.size, offset, 0)) < 0)
          return last_error();
        offset += part.size;
      }
      return 0;
    case BlockOp::kFlush:
      return nbd().nbd_flush(handle, 0) < 0 ? last_error() : 0;
    case BlockOp::kDiscard:
      return nbd().nbd_trim(handle, request.length, offset, 0) < 0 ? last_error() : 0;
    case BlockOp::kWriteZeroes:
      return nbd().nbd_zero(handle, request.length, offset,
                            request.unmap ? 0 : LIBNBD_CMD_FLAG_NO_HOLE) < 0
                 ? last_error()
                 : 0;
  }
  return -EOPNOTSUPP;
}

}  // namespace

int NbdClient::open(const std::string& uri, std::unique_ptr<NbdClient>& result) {
  if (!Library::get()) return -EPROTONOSUPPORT;
  auto client = std::make_unique<LibraryClient>();
  if (const int error = client->connect(uri)) return error;
  result = std::move(client);
  return 0;
}

}  // namespace lkl::host
