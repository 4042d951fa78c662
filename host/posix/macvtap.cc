// SPDX-License-Identifier: GPL-2.0
// An interface of the type macvtap: frames for its address, out of those of another interface.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "descriptor.h"
#include "net/cannot_open.h"
#include "net/host_net.h"
#include "posix/interface.h"
#include "posix/tap.h"
#include "posix/wire_events.h"

namespace lkl::host {
namespace {

constexpr std::string_view kNeed =
    "the device is root's: \"chown USER\" gives it to who may use it";

// A TAP that has an address, and nobody told when its interface goes.
class Macvtap final : public NetBackend {
 public:
  Macvtap(std::unique_ptr<NetBackend> tap, const Interface& interface)
      : tap_(std::move(tap)), interface_(interface) {}
  int open() { return events_.open(tap_->in(0), interface_.index); }

  bool has_header() const override { return tap_->has_header(); }
  NetOffloads offloads() const override { return tap_->offloads(); }
  int accept(const NetOffloads& offloads) override { return tap_->accept(offloads); }
  size_t longest_frame(unsigned mtu) const override { return tap_->longest_frame(mtu); }
  // Frames for any other address do not come.
  std::array<uint8_t, 6> mac() const override { return interface_.mac; }
  uint16_t mtu() const override { return interface_.mtu; }
  bool has_link() const override { return events_.has_link(); }
  int in(unsigned) const override { return events_.in(); }
  int out(unsigned) const override { return events_.out(); }

  int send(unsigned queue, std::span<const IoVec> frame) override {
    const int error = tap_->send(queue, frame);
    if (error == -EAGAIN) events_.wait_for_room();
    return error;
  }
  int64_t receive(unsigned queue, std::span<const IoVec> room) override {
    const int64_t size = tap_->receive(queue, room);
    if (size <= 0 && events_.wants_look(frames_)) events_.look();
    frames_ = size > 0;
    return size > 0 ? size : events_.gone() ? -ENODEV : -EAGAIN;
  }

 private:
  const std::unique_ptr<NetBackend> tap_;
  const Interface interface_;
  WireEvents events_;
  bool frames_ = false;  // have come since there were none
};

// Its device has the index of the interface in its name.
int device_of(const std::string& name, std::string& path) {
  Interface interface;
  if (const int error = find_interface(name, interface)) return error;
  path = "/dev/tap" + std::to_string(interface.index);
  return 0;
}

}  // namespace

int open_macvtap(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  const std::string& target = uri.target();
  if (const int error = uri.end()) return error;
  const bool by_name = !target.starts_with('/');
  std::string path = target;
  if (by_name)
    if (const int error = device_of(target, path)) return cannot_open(uri, target, error, kNeed);
  Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENOENT && by_name)
    return uri.refuse(target + " has no device " + path +
                      ": it is no macvtap (\"ip link add link " + "eth0 name " + target +
                      " type macvtap mode bridge\" makes one)");
  if (!file) return cannot_open(uri, path, -errno, kNeed);
  ifreq request = {};
  if (::ioctl(file.get(), TUNGETIFF, &request) < 0)
    return uri.refuse(path + " is not the device of a macvtap");
  // Interfaces of another name space have the same indexes, and there is one /dev.
  const std::string name(request.ifr_name, strnlen(request.ifr_name, sizeof request.ifr_name));
  if (by_name && name != target)
    return uri.refuse(path + " is the device of another interface, " + name);
  Interface interface;
  if (const int error = find_interface(name, interface))
    return cannot_open(uri, name, error, kNeed);
  std::unique_ptr<NetBackend> tap;
  if (const int error = make_tap(std::move(file), tap))
    return cannot_open(uri, name, error, kNeed);
  auto wire = std::make_unique<Macvtap>(std::move(tap), interface);
  if (const int error = wire->open()) return cannot_open(uri, name, error, kNeed);
  result = std::move(wire);
  return 0;
}

}  // namespace lkl::host
