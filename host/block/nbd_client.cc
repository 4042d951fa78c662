// SPDX-License-Identifier: GPL-2.0
#include "block/nbd_client.h"

#include <libnbd.h>

#include <algorithm>
#include <cerrno>

#include "host.h"
#include "library_calls.h"

namespace lkl::host {
namespace {

// What servers take in one request at least, by the protocol's recommendation.
constexpr uint64_t kMostAtOnce = 32 << 20;
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

}  // namespace

class NbdClient::Connection {
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

// A connection for one request.
class NbdClient::Lease {
 public:
  explicit Lease(NbdClient& client) : client_(client) {
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
  NbdClient& client_;
  Connection* connection_;
};

NbdClient::NbdClient() : process_(host::process_id()) {}

NbdClient::~NbdClient() {
  if (host::process_id() != process_) {
    // not ours to say good-bye on
    for (auto& connection : connections_) (void)connection.release();
    return;
  }
  for (const auto& connection : connections_) nbd().nbd_shutdown(connection->get(), 0);
}

int NbdClient::open(const std::string& uri, std::unique_ptr<NbdClient>& result) {
  if (!Library::get()) return -EPROTONOSUPPORT;
  std::unique_ptr<NbdClient> client(new NbdClient);
  for (int i = 0; i < kMostConnections; ++i) {
    auto connection = std::make_unique<Connection>();
    if (const int error = connection->connect(uri)) {
      if (i == 0) return error;
      break;  // those that there are will do
    }
    client->free_.push_back(connection.get());
    client->connections_.push_back(std::move(connection));
    if (i == 0) {
      nbd_handle* const handle = client->free_.front()->get();
      const int64_t size = nbd().nbd_get_size(handle);
      if (size < 0) return last_error();
      client->size_ = static_cast<uint64_t>(size);
      client->read_only_ = nbd().nbd_is_read_only(handle) > 0;
      client->can_flush_ = nbd().nbd_can_flush(handle) > 0;
      client->can_trim_ = nbd().nbd_can_trim(handle) > 0;
      client->can_zero_ = nbd().nbd_can_zero(handle) > 0;
      // else what one connection has written another may not see
      if (nbd().nbd_can_multi_conn(handle) <= 0) break;
    }
  }
  result = std::move(client);
  return 0;
}

template <typename Call>
int NbdClient::in_pieces(uint64_t length, uint64_t offset, Call call) {
  if (host::process_id() != process_) return -EIO;
  const Lease lease(*this);
  while (length > 0) {
    const uint64_t part = std::min(length, kMostAtOnce);
    if (call(lease.handle(), part, offset) < 0) return last_error();
    length -= part;
    offset += part;
  }
  return 0;
}

int NbdClient::read(std::byte* to, size_t length, uint64_t offset) {
  return in_pieces(length, offset, [&](nbd_handle* handle, uint64_t part, uint64_t at) {
    return nbd().nbd_pread(handle, to + (at - offset), part, at, 0);
  });
}

int NbdClient::write(const std::byte* from, size_t length, uint64_t offset) {
  return in_pieces(length, offset, [&](nbd_handle* handle, uint64_t part, uint64_t at) {
    return nbd().nbd_pwrite(handle, from + (at - offset), part, at, 0);
  });
}

int NbdClient::flush() {
  if (!can_flush_) return 0;
  if (host::process_id() != process_) return -EIO;
  const Lease lease(*this);
  return nbd().nbd_flush(lease.handle(), 0) < 0 ? last_error() : 0;
}

int NbdClient::trim(uint64_t length, uint64_t offset) {
  if (!can_trim_) return 0;  // a hint
  return in_pieces(length, offset, [&](nbd_handle* handle, uint64_t part, uint64_t at) {
    return nbd().nbd_trim(handle, part, at, 0);
  });
}

int NbdClient::zero(uint64_t length, uint64_t offset, bool unmap) {
  if (can_zero_)
    return in_pieces(length, offset, [&](nbd_handle* handle, uint64_t part, uint64_t at) {
      return nbd().nbd_zero(handle, part, at, unmap ? 0 : LIBNBD_CMD_FLAG_NO_HOLE);
    });
  static constexpr std::byte kZeroes[64 << 10] = {};
  while (length > 0) {
    const uint64_t part = std::min<uint64_t>(length, sizeof kZeroes);
    if (const int error = write(kZeroes, part, offset)) return error;
    length -= part;
    offset += part;
  }
  return 0;
}

int64_t NbdBackend::run_blocking(BlockRequest& request) {
  if (read_only_ && request.op != BlockOp::kRead) return request.op == BlockOp::kFlush ? 0 : -EROFS;
  uint64_t offset = request.offset;
  switch (request.op) {
    case BlockOp::kRead:
    case BlockOp::kWrite:
      for (const IoVec& part : request.vector) {
        auto* const bytes = static_cast<std::byte*>(part.base);
        if (const int error = request.op == BlockOp::kRead
                                  ? client_->read(bytes, part.size, offset)
                                  : client_->write(bytes, part.size, offset))
          return error;
        offset += part.size;
      }
      return 0;
    case BlockOp::kFlush:
      return client_->flush();
    case BlockOp::kDiscard:
      return client_->trim(request.length, offset);
    case BlockOp::kWriteZeroes:
      return client_->zero(request.length, offset, request.unmap);
  }
  return -EOPNOTSUPP;
}

}  // namespace lkl::host
