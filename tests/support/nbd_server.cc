// SPDX-License-Identifier: GPL-2.0
#include "support/nbd_server.h"

#include <endian.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace lkl_test {
namespace {

constexpr uint64_t kMagic = 0x4e42444d41474943, kOptionMagic = 0x49484156454f5054;
constexpr uint64_t kOptionReplyMagic = 0x3e889045565a9;
constexpr uint16_t kFixedNewStyle = 1, kNoZeroes = 2;
constexpr uint32_t kOptionAbort = 2, kOptionInfo = 6, kOptionGo = 7;
constexpr uint32_t kAck = 1, kInfo = 3, kUnsupported = 0x80000001;
constexpr uint16_t kInfoExport = 0;
constexpr uint16_t kHasFlags = 1, kSendsFlush = 4;
constexpr uint32_t kRequestMagic = 0x25609513, kReplyMagic = 0x67446698;
constexpr uint16_t kRead = 0, kWrite = 1, kDisconnect = 2, kFlush = 3;
constexpr uint32_t kMostData = 64 << 20;

struct Gone : std::runtime_error {
  Gone() : std::runtime_error("the client has left amid a message") {}
};

void send_all(int fd, const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) throw Gone();
    at += sent;
    size -= static_cast<size_t>(sent);
  }
}

// False if the client has left before the first byte.
bool receive_all(int fd, void* data, size_t size) {
  char* at = static_cast<char*>(data);
  for (size_t done = 0; done < size;) {
    const ssize_t got = recv(fd, at + done, size - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 && done == 0) return false;
    if (got <= 0) throw Gone();
    done += static_cast<size_t>(got);
  }
  return true;
}

struct [[gnu::packed]] OptionRequest {
  uint64_t magic;
  uint32_t option, length;
};
struct [[gnu::packed]] OptionReply {
  uint64_t magic = htobe64(kOptionReplyMagic);
  uint32_t option, type, length;
};
struct [[gnu::packed]] ExportInfo {
  uint16_t what = htobe16(kInfoExport);
  uint64_t size;
  uint16_t flags = htobe16(kHasFlags | kSendsFlush);
};
struct [[gnu::packed]] Request {
  uint32_t magic;
  uint16_t flags, type;
  uint64_t cookie, offset;
  uint32_t length;
};
struct [[gnu::packed]] Reply {
  uint32_t magic = htobe32(kReplyMagic);
  uint32_t error;
  uint64_t cookie;  // as it came
};

void reply_to_option(int client, uint32_t option, uint32_t type, const void* data, uint32_t size) {
  OptionReply reply;
  reply.option = option;
  reply.type = htobe32(type);
  reply.length = htobe32(size);
  send_all(client, &reply, sizeof reply);
  send_all(client, data, size);
}

}  // namespace

NbdServer::NbdServer(lkl_disk& disk, const std::string& path) : disk_(disk), path_(path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error(path + ": too long");
  std::strcpy(address.sun_path, path.c_str());
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener_ < 0 ||
      bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 1) != 0)
    throw std::runtime_error(path + ": " + std::strerror(errno));
  thread_ = std::thread([this] {
    try {
      serve();
    } catch (const std::exception& error) {
      wrong_ = error.what();
    }
  });
}

NbdServer::~NbdServer() {
  wait();
  unlink(path_.c_str());
}

std::string NbdServer::wait() {
  if (listener_ >= 0) {
    shutdown(listener_, SHUT_RDWR);  // no more clients
    if (thread_.joinable()) thread_.join();
    close(listener_);
    listener_ = -1;
  }
  return wrong_;
}

void NbdServer::serve() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  try {
    greet(client);
    while (answer(client)) {
    }
  } catch (...) {
    close(client);
    throw;
  }
  close(client);
}

void NbdServer::greet(int client) {
  const uint64_t magic[] = {htobe64(kMagic), htobe64(kOptionMagic)};
  const uint16_t flags = htobe16(kFixedNewStyle | kNoZeroes);
  send_all(client, magic, sizeof magic);
  send_all(client, &flags, sizeof flags);
  uint32_t of_client;
  if (!receive_all(client, &of_client, sizeof of_client)) throw Gone();
  for (;;) {
    OptionRequest request;
    if (!receive_all(client, &request, sizeof request)) throw Gone();
    std::string data(be32toh(request.length) % kMostData, '\0');
    if (!data.empty() && !receive_all(client, data.data(), data.size())) throw Gone();
    const uint32_t option = be32toh(request.option);
    if (option == kOptionGo || option == kOptionInfo) {
      ExportInfo info;
      unsigned long long size = 0;
      disk_.ops->get_capacity(disk_, &size);
      info.size = htobe64(size);
      reply_to_option(client, request.option, kInfo, &info, sizeof info);
      reply_to_option(client, request.option, kAck, nullptr, 0);
      if (option == kOptionGo) return;
    } else if (option == kOptionAbort) {
      throw Gone();
    } else {
      reply_to_option(client, request.option, kUnsupported, nullptr, 0);
    }
  }
}

bool NbdServer::answer(int client) {
  Request request;
  if (!receive_all(client, &request, sizeof request)) return false;
  if (be32toh(request.magic) != kRequestMagic) throw std::runtime_error("not a request of NBD");
  const uint16_t type = be16toh(request.type);
  if (type == kDisconnect) return false;
  const uint32_t length = be32toh(request.length);
  if (length > kMostData) throw std::runtime_error("a request for too much");
  std::string data(type == kFlush ? 0 : length, '\0');
  if (type == kWrite && !receive_all(client, data.data(), data.size())) throw Gone();
  Reply reply;
  reply.cookie = request.cookie;
  reply.error = htobe32(run(type, be64toh(request.offset), data));
  send_all(client, &reply, sizeof reply);
  if (type == kRead && reply.error == 0) send_all(client, data.data(), data.size());
  return true;
}

// An error number, which are Linux' own here.
uint32_t NbdServer::run(unsigned type, uint64_t offset, std::string& data) {
  constexpr uint64_t kSector = 512;
  lkl_iovec piece = {.iov_base = data.data(), .iov_len = data.size()};
  lkl_blk_req request = {};
  request.sector = offset / kSector;
  request.buf = &piece;
  request.count = 1;
  switch (type) {
    case kRead:
      request.type = LKL_DEV_BLK_TYPE_READ;
      break;
    case kWrite:
      request.type = LKL_DEV_BLK_TYPE_WRITE;
      break;
    case kFlush:
      request.type = LKL_DEV_BLK_TYPE_FLUSH;
      request.count = 0;
      break;
    default:
      return EINVAL;
  }
  if (offset % kSector != 0 || data.size() % kSector != 0) return EINVAL;
  return disk_.ops->request(disk_, &request) == LKL_DEV_BLK_STATUS_OK ? 0 : EIO;
}

}  // namespace lkl_test
