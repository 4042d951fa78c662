// SPDX-License-Identifier: GPL-2.0
#include "disk_server.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "error.h"
#include "process.h"

extern char** environ;

namespace lkl::tool {

namespace {

constexpr int kFirstHandedOver = 3;  // SD_LISTEN_FDS_START

class Descriptor {
 public:
  explicit Descriptor(int fd, const char* what) : fd_(fd) {
    if (fd < 0) throw std::system_error(errno, std::system_category(), what);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string make_private_directory() {
  const char* base = getenv("XDG_RUNTIME_DIR");
  if (base == nullptr || ::access(base, W_OK) != 0) base = getenv("TMPDIR");
  if (base == nullptr || ::access(base, W_OK) != 0) base = "/tmp";
  std::string pattern = fmt::format("{}/lkl-XXXXXX", base);
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::system_error(errno, std::system_category(), pattern);
  return pattern;
}

int listen_on(const std::string& path) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    throw Failure(fmt::format("{}: too long for a socket; set TMPDIR to a shorter path", path));
  path.copy(address.sun_path, path.size());
  constexpr int kBacklog = 64;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(socket.get(), kBacklog) != 0)
    throw std::system_error(errno, std::system_category(), path);
  return socket.release();
}

std::string first_line_and_rest(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3)
    text.insert(at + 1, "  ");
  return text;
}

}  // namespace

DiskServer::DiskServer(const std::vector<std::string>& arguments, std::string_view package)
    : name_(arguments.front()) {
  const std::string program = require_program(name_, package);
  directory_ = make_private_directory();
  uri_ = fmt::format("nbd+unix:///?socket={}/nbd", directory_);
  try {
    start(program, arguments);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    throw;
  }
}

DiskServer::DiskServer(DiskServer&& other) noexcept
    : name_(std::move(other.name_)),
      directory_(std::exchange(other.directory_, {})),
      uri_(std::move(other.uri_)),
      output_(std::exchange(other.output_, -1)),
      process_(std::exchange(other.process_, -1)),
      handle_(std::exchange(other.handle_, -1)),
      stopped_(std::exchange(other.stopped_, true)) {}

DiskServer::~DiskServer() {
  try {
    stop();
  } catch (const std::exception&) {
    // who wants to know calls stop()
  }
  if (output_ >= 0) ::close(output_);
  if (handle_ >= 0) ::close(handle_);
}

void DiskServer::start(const std::string& program, std::vector<std::string> arguments) {
  const Descriptor socket(listen_on(directory_ + "/nbd"), "socket");
  output_ = ::memfd_create("lkl-server-output", MFD_CLOEXEC);
  if (output_ < 0) throw std::system_error(errno, std::system_category(), "memfd_create");

  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  // The number of the new process goes in here, by the process itself.
  std::array<char, 32> listener = {"LISTEN_PID="};
  char* const digits = listener.data() + 11;
  std::string count = "LISTEN_FDS=1";
  std::vector<char*> variables = {listener.data(), count.data()};
  for (char** variable = environ; *variable; variable++)
    if (!std::string_view(*variable).starts_with("LISTEN_")) variables.push_back(*variable);
  variables.push_back(nullptr);

  sigset_t all, old;
  sigfillset(&all);
  const pid_t parent = ::getpid();
  // Not fork(): the library would give the child a kernel of its own. No signal handler of ours may
  // run in the child, which has our memory until it executes the program.
  pthread_sigmask(SIG_SETMASK, &all, &old);
  const pid_t child = ::vfork();
  if (child == 0) {
    // Ctrl-C is for us: we may have something to write to the image yet.
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(127);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &old, nullptr);
    *std::to_chars(digits, listener.data() + listener.size() - 1, ::getpid()).ptr = '\0';
    const int null = ::open("/dev/null", O_RDONLY);
    const int listening = ::fcntl(socket.get(), F_DUPFD, kFirstHandedOver + 1);
    if (null < 0 || listening < 0 || ::dup2(null, 0) < 0 || ::dup2(output_, 1) < 0 ||
        ::dup2(output_, 2) < 0 || ::dup2(listening, kFirstHandedOver) < 0)
      ::_exit(127);
    ::close(listening);
    ::execve(program.c_str(), words.data(), variables.data());
    ::_exit(127);
  }
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (child < 0)
    throw Failure(
        fmt::format("{}: cannot start it: {}", program, describe({error, std::system_category()})));
  process_ = child;
  handle_ = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
}

void DiskServer::close_door() {
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(std::exchange(directory_, {}), ignored);
}

bool DiskServer::ended(int& status) {
  if (process_ < 0) return true;
  const pid_t done = ::waitpid(process_, &status, WNOHANG);
  if (done == process_) process_ = -1;
  return process_ < 0;
}

std::string DiskServer::complaints() {
  using namespace std::chrono_literals;
  int status = 0;
  std::string text;
  for (int tries = 0; tries < 20; tries++) {
    const bool over = ended(status);
    struct stat file = {};
    if (::fstat(output_, &file) == 0) text.resize(static_cast<std::size_t>(file.st_size));
    const ssize_t n = ::pread(output_, text.data(), text.size(), 0);
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    if (over || !text.empty()) break;
    std::this_thread::sleep_for(50ms);
  }
  return first_line_and_rest(text);
}

void DiskServer::stop() {
  close_door();
  if (std::exchange(stopped_, true)) return;
  int status = 0;
  const bool before = ended(status);
  if (!before) {
    if (handle_ < 0 || ::syscall(SYS_pidfd_send_signal, handle_, SIGTERM, nullptr, 0) != 0)
      ::kill(process_, SIGTERM);
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
  }
  const bool asked = !before && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
  if (asked || (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !before)) return;
  throw Failure(fmt::format("{} {}:\n  {}", name_, before ? "ended too early" : "failed at the end",
                            complaints()));
}

}  // namespace lkl::tool
