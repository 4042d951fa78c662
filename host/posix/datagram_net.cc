// SPDX-License-Identifier: GPL-2.0
#include "posix/datagram_net.h"

#include <sys/syscall.h>

#include <cerrno>

#include "net/vector.h"
#include "posix/raw_call.h"
#include "posix/socket_frames.h"

namespace lkl::host {
namespace {

class DatagramNet final : public NetBackend {
 public:
  DatagramNet(Descriptor in, Descriptor out, SocketPath path, const SocketAddress& remote)
      : path_(std::move(path)), in_(std::move(in)), out_(std::move(out)), remote_(remote) {}

  bool has_header() const override { return false; }
  NetOffloads offloads() const override { return {}; }
  int accept(const NetOffloads&) override { return 0; }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  int in(unsigned) const override { return in_.get(); }
  int out(unsigned) const override { return out_ ? out_.get() : in_.get(); }

  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;

 private:
  const SocketPath path_;
  const Descriptor in_, out_;
  const SocketAddress remote_;
};

int DatagramNet::send(unsigned, std::span<const IoVec> frame) {
  int64_t sent = send_pieces(out(0), frame);
  if (sent == -ECONNREFUSED || sent == -ENOTCONN || sent == -ECONNRESET) {
    // Of UDP that is the fate of an earlier one. Of unix(7) the socket that was there is closed,
    // and another one may have its name.
    if (remote_.family() == AF_UNIX) {
      const int64_t error = raw_call(SYS_connect, out(0), remote_.get(), remote_.size);
      if (error < 0) return static_cast<int>(error == -EAGAIN ? -ENOTCONN : error);
    }
    sent = send_pieces(out(0), frame);
  }
  return sent < 0 ? static_cast<int>(sent) : 0;
}

// An error tells of what was sent once; it does not come twice.
int64_t DatagramNet::receive(unsigned, std::span<const IoVec> room) {
  const int64_t length = receive_pieces(in_.get(), room, MSG_TRUNC);
  // what is empty or too long is no frame
  return length <= 0 || static_cast<size_t>(length) > size_of(room) ? -EAGAIN : length;
}

// Frames come to a socket that is not connected: anybody who has its name may send, also the next
// one of the remote name. They go out by another one that is, as only of such a one it can be seen
// when the receiver has room.
int open_unix(const SocketAddress& local, const SocketAddress& remote,
              std::unique_ptr<NetBackend>& result) {
  Descriptor in, out(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  SocketPath path;
  if (!out) return -errno;
  if (const int error = bind_socket(local, SOCK_DGRAM, in, path)) return error;
  // perhaps it is not there yet
  if (::connect(out.get(), remote.get(), remote.size) < 0 && errno != ECONNREFUSED &&
      errno != ENOENT)
    return -errno;
  result = std::make_unique<DatagramNet>(std::move(in), std::move(out), std::move(path), remote);
  return 0;
}

int open_internet(const SocketAddress* local, const SocketAddress& remote,
                  std::unique_ptr<NetBackend>& result) {
  Descriptor socket(::socket(remote.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || (local && ::bind(socket.get(), local->get(), local->size) < 0) ||
      ::connect(socket.get(), remote.get(), remote.size) < 0)
    return -errno;
  result = std::make_unique<DatagramNet>(std::move(socket), Descriptor(), SocketPath(), remote);
  return 0;
}

}  // namespace

int make_datagram_net(const std::vector<SocketAddress>& local,
                      const std::vector<SocketAddress>& remote,
                      std::unique_ptr<NetBackend>& result) {
  int error = -EAFNOSUPPORT;
  for (const SocketAddress& to : remote) {
    if (to.family() != AF_UNIX && local.empty()) {
      if ((error = open_internet(nullptr, to, result)) == 0) return 0;
      continue;
    }
    for (const SocketAddress& from : local) {
      if (from.family() != to.family()) continue;
      error =
          to.family() == AF_UNIX ? open_unix(from, to, result) : open_internet(&from, to, result);
      if (error == 0) return 0;
    }
  }
  return error;
}

}  // namespace lkl::host
