// SPDX-License-Identifier: GPL-2.0
// Frames through two FIFOs, one for each direction.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <climits>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "descriptor.h"
#include "net/peer_nets.h"
#include "net/vector.h"
#include "posix/iovec.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

// As many frames wait as there are pages in it; more than a user without rights may have.
constexpr int kPipeSize = 1 << 20;

// Each frame is one packet of the pipe (O_DIRECT of pipe2(2)), with the header in front: whoever
// dies and comes back meets whole ones. A packet has no more than PIPE_BUF bytes: no segments that
// are still to be cut.
class PipeNet final : public NetBackend {
 public:
  PipeNet(Descriptor in, Descriptor out) : in_(std::move(in)), out_(std::move(out)) {}

  bool has_header() const override { return true; }
  NetOffloads offloads() const override { return {.checksum = true}; }
  // The other side sends what it likes: nobody can tell it.
  int accept(const NetOffloads& taken) override { return taken.checksum ? 0 : -EOPNOTSUPP; }
  size_t longest_frame(unsigned) const override { return PIPE_BUF - kHeaderSize; }
  int in(unsigned) const override { return in_.get(); }
  int out(unsigned) const override { return out_.get(); }

  int send(unsigned, std::span<const IoVec> frame) override {
    if (size_of(frame) > PIPE_BUF) return -EMSGSIZE;
    const int64_t sent = raw_call(SYS_writev, out_.get(), to_iovec(frame), frame.size());
    return sent < 0 ? static_cast<int>(sent) : 0;
  }
  int64_t receive(unsigned, std::span<const IoVec> room) override {
    const int64_t size = raw_call(SYS_readv, in_.get(), to_iovec(room), room.size());
    // what is no frame is left out
    return size > 0 && size <= static_cast<int64_t>(kHeaderSize) ? -EAGAIN : size;
  }

 private:
  const Descriptor in_, out_;
};

// Both directions of it, so that it is never without a reader: writing has no SIGPIPE then, and
// waits for the next one. 0 or -errno, -EINVAL if it is no FIFO.
int open_fifo(const std::string& path, Descriptor& fifo) {
  fifo = Descriptor(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  struct stat status;
  if (!fifo || ::fstat(fifo.get(), &status) < 0) return -errno;
  if (!S_ISFIFO(status.st_mode)) return -EINVAL;
  // packets from now on; open(2) does not take that of a FIFO
  if (::fcntl(fifo.get(), F_SETFL, O_NONBLOCK | O_DIRECT) < 0) return -errno;
  ::fcntl(fifo.get(), F_SETPIPE_SZ, kPipeSize);
  return 0;
}

}  // namespace

int open_pipe(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  if (const int error = uri.end()) return error;
  const std::string& names = uri.target();
  const size_t bar = names.find('|');
  const std::string paths[] = {names.substr(0, bar),
                               bar == std::string::npos ? "" : names.substr(bar + 1)};
  if (paths[0].empty() || paths[1].empty() || paths[1].find('|') != std::string::npos)
    return uri.refuse("\"" + names + "\" is not RX|TX, paths of two FIFOs");
  Descriptor fifos[2];
  for (int i = 0; i < 2; ++i) {
    const int error = open_fifo(paths[i], fifos[i]);
    if (error == -EINVAL) return uri.refuse("\"" + paths[i] + "\" is no FIFO");
    if (error) {
      uri.say("can't open \"" + paths[i] + "\": " + std::generic_category().message(-error) +
              (error == -ENOENT ? "; mkfifo makes it" : ""));
      return error;
    }
  }
  result = std::make_unique<PipeNet>(std::move(fifos[0]), std::move(fifos[1]));
  return 0;
}

}  // namespace lkl::host
