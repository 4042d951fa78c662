// SPDX-License-Identifier: GPL-2.0
#include "block/nbd_client.h"

#include <libnbd.h>

#include <algorithm>
#include <cerrno>

#include "host.h"

namespace lkl::host {
namespace {

// What servers take in one request at least, by the protocol's recommendation.
constexpr uint64_t kMostAtOnce = 32 << 20;
// As many as there are threads to wait for them.
constexpr int kMostConnections = 4;

#define LKL_NBD_CALLS(call)                                                                 \
  call(create) call(close) call(get_errno) call(connect_uri) call(shutdown) call(get_size)  \
      call(is_read_only) call(can_flush) call(can_trim) call(can_zero) call(can_multi_conn) \
          call(pread) call(pwrite) call(flush) call(trim) call(zero)                        \
              call(set_uri_allow_local_file)

struct Library {
#define LKL_POINTER(name) decltype(&nbd_##name) name = nullptr;
  LKL_NBD_CALLS(LKL_POINTER)
#undef LKL_POINTER

  // nullptr if it is not installed.
  static const Library* get() {
    static const Library* const library = load();
    return library;
  }

 private:
  static const Library* load() {
    void* const handle = host::open_library("libnbd.so.0");
    if (!handle) return nullptr;
    static Library library;
    bool all = true;
#define LKL_LOAD(name)                                                                   \
  library.name =                                                                         \
      reinterpret_cast<decltype(library.name)>(host::find_symbol(handle, "nbd_" #name)); \
  all = all && library.name;
    LKL_NBD_CALLS(LKL_LOAD)
#undef LKL_LOAD
    return all ? &library : nullptr;
  }
};

const Library& nbd() {
  return *Library::get();
}

// The error of the calling thread's last call.
int last_error() {
  const int error = nbd().get_errno();
  return error > 0 ? -error : -EIO;
}

}  // namespace

class NbdClient::Connection {
 public:
  Connection() : handle_(nbd().create()) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (handle_) nbd().close(handle_);
  }

  nbd_handle* get() const { return handle_; }

  int connect(const std::string& uri) {
    if (!handle_) return -ENOMEM;
    // a URI must not make us read files of the user's
    nbd().set_uri_allow_local_file(handle_, false);
    return nbd().connect_uri(handle_, uri.c_str()) < 0 ? last_error() : 0;
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
  for (const auto& connection : connections_) nbd().shutdown(connection->get(), 0);
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
      const int64_t size = nbd().get_size(handle);
      if (size < 0) return last_error();
      client->size_ = static_cast<uint64_t>(size);
      client->read_only_ = nbd().is_read_only(handle) > 0;
      client->can_flush_ = nbd().can_flush(handle) > 0;
      client->can_trim_ = nbd().can_trim(handle) > 0;
      client->can_zero_ = nbd().can_zero(handle) > 0;
      // else what one connection has written another may not see
      if (nbd().can_multi_conn(handle) <= 0) break;
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
    return nbd().pread(handle, to + (at - offset), part, at, 0);
  });
}

int NbdClient::write(const std::byte* from, size_t length, uint64_t offset) {
  return in_pieces(length, offset, [&](nbd_handle* handle, uint64_t part, uint64_t at) {
    return nbd().pwrite(handle, from + (at - offset), part, at, 0);
  });
}

int NbdClient::flush() {
  if (!can_flush_) return 0;
  if (host::process_id() != process_) return -EIO;
  const Lease lease(*this);
  return nbd().flush(lease.handle(), 0) < 0 ? last_error() : 0;
}

int NbdClient::trim(uint64_t length, uint64_t offset) {
  if (!can_trim_) return 0;  // a hint
  return in_pieces(length, offset, [&](nbd_handle* handle, uint64_t part, uint64_t at) {
    return nbd().trim(handle, part, at, 0);
  });
}

int NbdClient::zero(uint64_t length, uint64_t offset, bool unmap) {
  if (can_zero_)
    return in_pieces(length, offset, [&](nbd_handle* handle, uint64_t part, uint64_t at) {
      return nbd().zero(handle, part, at, unmap ? 0 : LIBNBD_CMD_FLAG_NO_HOLE);
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
