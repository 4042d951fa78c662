// SPDX-License-Identifier: GPL-2.0
// A port of a VDE switch, or of what else libvdeplug knows by its URLs.
#include <fcntl.h>
#include <libvdeplug.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "descriptor.h"
#include "host.h"
#include "library_calls.h"
#include "net/cannot_open.h"
#include "net/peer_nets.h"
#include "net/vector.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

constexpr uint64_t kMostPorts = 65535;

#define LKL_VDE_CALLS(call) \
  call(vde_open_real) call(vde_recv) call(vde_send) call(vde_datafd) call(vde_ctlfd) call(vde_close)

LKL_LIBRARY_CALLS(Library, "libvdeplug.so.2", LKL_VDE_CALLS)

// The library takes and gives a frame in one piece of memory.
class VdeNet final : public NetBackend {
 public:
  VdeNet(const Library& library, VDECONN* connection)
      : library_(library), connection_(connection) {}
  ~VdeNet() override;
  int open();

  bool has_header() const override { return false; }
  NetOffloads offloads() const override { return {}; }
  int accept(const NetOffloads&) override { return 0; }
  size_t longest_frame(unsigned mtu) const override {
    return std::min<size_t>(mtu + kEthernetSize, VDE_ETHBUFSIZE);
  }
  int in(unsigned) const override { return set_.get(); }
  int out(unsigned) const override { return data(); }

  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;

 private:
  int data() const { return library_.vde_datafd(connection_); }
  int control() const { return library_.vde_ctlfd(connection_); }
  bool ended() const;

  const Library& library_;
  VDECONN* const connection_;
  const uint64_t process_ = process_id();
  Descriptor set_;  // of both descriptors: the second one tells of the end
  bool had_none_ = false;
  std::array<std::byte, VDE_ETHBUFSIZE> received_, sent_;
};

// To close it takes away names in the file system.
VdeNet::~VdeNet() {
  if (process_ == process_id()) {
    library_.vde_close(connection_);
    return;
  }
  // nor does the switch wait for this process
  for (const int fd : {data(), control()}) const Descriptor owned(fd);
}

int VdeNet::open() {
  if (data() < 0) return -ENOTSUP;
  if (::fcntl(data(), F_SETFL, ::fcntl(data(), F_GETFL) | O_NONBLOCK) < 0) return -errno;
  set_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!set_) return -errno;
  epoll_event event = {.events = EPOLLIN, .data = {}};
  if (::epoll_ctl(set_.get(), EPOLL_CTL_ADD, data(), &event) < 0) return -errno;
  event.events = EPOLLRDHUP;
  if (control() >= 0 && control() != data() &&
      ::epoll_ctl(set_.get(), EPOLL_CTL_ADD, control(), &event) < 0)
    return -errno;
  return 0;
}

// Whether the switch is no more.
bool VdeNet::ended() const {
  if (control() < 0) return false;
  pollfd now = {.fd = control(), .events = POLLRDHUP, .revents = 0};
  const timespec none = {};
  return raw_call(SYS_ppoll, &now, 1, &none, nullptr, 0) > 0;
}

int VdeNet::send(unsigned, std::span<const IoVec> frame) {
  const size_t size = gather(frame, sent_);
  if (size == 0 || size > sent_.size()) return -EMSGSIZE;
  const Unnoticed scope;
  if (library_.vde_send(connection_, sent_.data(), size, MSG_DONTWAIT) >= 0) return 0;
  return errno == ENOBUFS || errno == ENOMEM || errno == EINTR ? -EAGAIN : -errno;
}

int64_t VdeNet::receive(unsigned, std::span<const IoVec> room) {
  const Unnoticed scope;
  const ssize_t size =
      library_.vde_recv(connection_, received_.data(), received_.size(), MSG_DONTWAIT);
  // in() was ready, and not for frames: asked for only then
  if (size <= 0) return std::exchange(had_none_, true) && ended() ? 0 : -EAGAIN;
  had_none_ = false;
  // one that is too long is left out; 1 is said of what the library has dealt with itself
  if (size == 1 || !scatter({received_.data(), static_cast<size_t>(size)}, room)) return -EAGAIN;
  return size;
}

}  // namespace

int open_vde(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  uint64_t port = 0;
  if (!uri.take_number("port", 0, kMostPorts, port)) return -EINVAL;
  if (const int error = uri.end()) return error;
  const Library* const library = Library::get();
  if (!library) return cannot_load(uri, "libvdeplug.so.2", "libvdeplug2");
  std::string url = uri.target();
  char description[] = "lkl";
  vde_open_args args = {.port = static_cast<int>(port), .group = nullptr, .mode = 0700};
  errno = 0;
  VDECONN* const connection =
      library->vde_open_real(url.data(), description, LIBVDEPLUG_INTERFACE_VERSION, &args);
  int error = errno ? -errno : -EIO;
  if (connection) {
    auto net = std::make_unique<VdeNet>(*library, connection);
    error = net->open();
    if (error == 0) result = std::move(net);
  }
  if (error)
    uri.say("can't have a port of \"" + uri.target() +
            "\": " + std::generic_category().message(-error));
  return error;
}

}  // namespace lkl::host
