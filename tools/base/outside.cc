// SPDX-License-Identifier: GPL-2.0
#include "base/outside.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/signals.h"
#include "base/socket_message.h"

namespace lkl::tool {

namespace {

// The first byte of an answer; behind it is what was thrown.
constexpr char kDone = 'd', kFailed = 'f';

// The other process: its main loop.
void serve(int socket, const std::vector<Outside::Step>& steps) {
  for (;;) {
    const std::string request = receive_message(socket).text;
    if (request.empty()) return;
    const auto step = static_cast<unsigned char>(request[0]);
    if (step >= steps.size()) return;
    std::string answer(1, kDone);
    int fd = -1;
    try {
      fd = steps[step]();
    } catch (const std::exception& error) {
      answer = kFailed + std::string(error.what()).substr(0, kLongestMessage - 1);
    }
    const bool sent = send_message(socket, answer, fd);
    if (fd >= 0) ::close(fd);
    if (!sent) return;
  }
}

}  // namespace

class Outside::Helper {
 public:
  explicit Helper(const std::vector<Step>& steps);
  ~Helper();
  int socket() const { return socket_; }

 private:
  int socket_ = -1;
  pid_t process_ = -1;
};

Outside::Helper::Helper(const std::vector<Step>& steps) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::system_error(errno, std::system_category(), "socketpair");
  process_ = ::fork();
  if (process_ == 0) {
    // It ends when the other end is closed, whatever else goes on.
    ignore_signals();
    constexpr int kOurEnd = STDERR_FILENO + 1;
    if (ends[1] != kOurEnd && ::dup3(ends[1], kOurEnd, O_CLOEXEC) < 0) ::_exit(1);
    // Who waits for the end of our output must not wait for this process.
    if (const int null = ::open("/dev/null", O_RDWR); null >= 0)
      for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
    close_from(kOurEnd + 1);
    serve(kOurEnd, steps);
    ::_exit(0);
  }
  const int error = errno;
  ::close(ends[1]);
  socket_ = ends[0];
  if (process_ > 0) return;
  ::close(socket_);
  throw std::system_error(error, std::system_category(), "fork");
}

Outside::Helper::~Helper() {
  ::close(socket_);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Outside::Outside(std::vector<Step> steps) : helper_(std::make_unique<Helper>(steps)) {}
Outside::Outside(Outside&& other) noexcept = default;
Outside::~Outside() = default;

int Outside::run(std::size_t step) {
  if (!send_message(helper_->socket(), std::string(1, static_cast<char>(step))))
    throw Failure("the helper process outside of the sandbox is gone");
  SocketMessage answer = receive_message(helper_->socket());
  if (answer.text.empty()) throw Failure("the helper process outside of the sandbox is gone");
  if (answer.text[0] != kDone) throw Failure(answer.text.substr(1));
  return answer.fd.release();
}

}  // namespace lkl::tool
