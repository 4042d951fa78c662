// SPDX-License-Identifier: GPL-2.0
// NBD by TCP. Debian has no libnbd for mingw, and Windows has servers on no other sockets.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "block/nbd_address.h"
#include "block/nbd_session.h"
#include "host.h"
#include "win32/sockets.h"

namespace lkl::host {
namespace {

// What is smaller is read ahead: answers are short, and each call costs.
constexpr size_t kReadAhead = 16 << 10;

class SocketStream final : public ByteStream {
 public:
  int connect(const NbdAddress& address);

  int send(std::span<const IoVec> from) override;
  int receive(std::byte* to, size_t length) override;
  void shut_down() override;

 private:
  int receive_some(std::byte* to, size_t length, size_t& count);

  Socket socket_;
  std::array<std::byte, kReadAhead> ahead_;
  size_t begin_ = 0, end_ = 0;  // of what is there
};

int SocketStream::connect(const NbdAddress& address) {
  std::vector<SocketAddress> places;
  std::string why;
  if (const int error =
          internet_addresses("[" + address.host + "]:" + address.port, SOCK_STREAM, places, why))
    return error;
  int error = -EADDRNOTAVAIL;
  for (const SocketAddress& place : places) {
    error = make_socket(place.family(), SOCK_STREAM, socket_);
    if (error == 0 && ::connect(socket_.get(), place.get(), place.size) != 0)
      error = last_socket_errno();
    if (error == 0) break;
  }
  if (error) return error;
  send_promptly(socket_, AF_INET);
  // a server whose machine is gone is to be noticed some time
  const int on = 1;
  setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, reinterpret_cast<const char*>(&on),
             sizeof on);
  return 0;
}

int SocketStream::send(std::span<const IoVec> from) {
  std::array<WSABUF, 16> buffers;
  while (!from.empty()) {
    const size_t count = std::min(from.size(), buffers.size());
    for (size_t i = 0; i < count; ++i)
      buffers[i] = {.len = static_cast<ULONG>(from[i].size),
                    .buf = static_cast<char*>(from[i].base)};
    from = from.subspan(count);
    for (std::span<WSABUF> rest(buffers.data(), count); !rest.empty();) {
      DWORD sent = 0;
      if (WSASend(socket_.get(), rest.data(), static_cast<DWORD>(rest.size()), &sent, 0, nullptr,
                  nullptr) != 0)
        return last_socket_errno();
      while (!rest.empty() && sent >= rest.front().len) {
        sent -= rest.front().len;
        rest = rest.subspan(1);
      }
      if (!rest.empty()) {
        rest.front().buf += sent;
        rest.front().len -= sent;
      }
    }
  }
  return 0;
}

int SocketStream::receive_some(std::byte* to, size_t length, size_t& count) {
  constexpr size_t kMost = 1 << 20;
  const int got = ::recv(socket_.get(), reinterpret_cast<char*>(to),
                         static_cast<int>(std::min(length, kMost)), 0);
  if (got < 0) return last_socket_errno();
  if (got == 0) return -ECONNRESET;
  count = static_cast<size_t>(got);
  return 0;
}

int SocketStream::receive(std::byte* to, size_t length) {
  while (length > 0) {
    if (begin_ == end_ && length >= kReadAhead) {
      size_t count = 0;
      if (const int error = receive_some(to, length, count)) return error;
      to += count;
      length -= count;
      continue;
    }
    if (begin_ == end_) {
      begin_ = end_ = 0;
      if (const int error = receive_some(ahead_.data(), ahead_.size(), end_)) return error;
    }
    const size_t part = std::min(length, end_ - begin_);
    std::memcpy(to, ahead_.data() + begin_, part);
    begin_ += part;
    to += part;
    length -= part;
  }
  return 0;
}

void SocketStream::shut_down() {
  // the first is for what comes, the second for what has begun
  ::shutdown(socket_.get(), SD_BOTH);
  CancelIoEx(reinterpret_cast<HANDLE>(socket_.get()), nullptr);
}

}  // namespace

int NbdClient::open(const std::string& uri, std::unique_ptr<NbdClient>& result) {
  NbdAddress address;
  if (const int error = parse_nbd_address(uri, address)) return error;
  if (const int error = start_sockets()) return error;
  auto stream = std::make_unique<SocketStream>();
  if (const int error = stream->connect(address)) return error;
  return NbdSession::begin(std::move(stream), address.name, result);
}

}  // namespace lkl::host
