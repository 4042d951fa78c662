// SPDX-License-Identifier: GPL-2.0
#include "image/disk_server.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/process.h"
#include "image/program_sandbox.h"

extern char** environ;

namespace lkl::tool {

namespace {

constexpr int kFirstHandedOver = 3;  // SD_LISTEN_FDS_START

std::string make_private_directory() {
  const char* base = getenv("XDG_RUNTIME_DIR");
  if (base == nullptr || ::access(base, W_OK) != 0) base = getenv("TMPDIR");
  if (base == nullptr || ::access(base, W_OK) != 0) base = "/tmp";
  std::string pattern = fmt::format("{}/lkl-XXXXXX", base);
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::system_error(errno, std::system_category(), pattern);
  return pattern;
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    throw Failure(fmt::format("{}: too long for a socket; set TMPDIR to a shorter path", path));
  path.copy(address.sun_path, path.size());
  return address;
}

Descriptor listen_on(const std::string& path) {
  const sockaddr_un address = address_of(path);
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  constexpr int kBacklog = 64;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(socket.get(), kBacklog) != 0)
    throw std::system_error(errno, std::system_category(), path);
  return socket;
}

// In the new process: 0, 1, 2 and so on become these, and the program gets no others; -1 for none.
// None of them may be overwritten before it is copied.
bool hand_over(std::array<int, DiskServer::kHandedOver + 1> fds) {
  constexpr int kCount = DiskServer::kHandedOver + 1;
  static_assert(kCount <= Landlock::kFirstNumber);
  for (int& fd : fds)
    if (fd >= 0 && (fd = ::fcntl(fd, F_DUPFD_CLOEXEC, kCount)) < 0) return false;
  int count = 0;
  for (const int fd : fds) {
    if (fd < 0) break;
    if (::dup2(fd, count++) < 0) return false;
  }
  // The sandbox has one yet.
  close_from(count, Close::kOnExec);
  return true;
}

// In the new process: says why there is no program, where it would say things itself.
[[noreturn]] void give_up(const char* step) {
  const char* const reason = strerrordesc_np(errno);
  for (const char* text : {"cannot start: ", step, ": ", reason ? reason : "unknown error"})
    (void)!::write(STDERR_FILENO, text, ::strlen(text));
  ::_exit(127);
}

}  // namespace

DiskServer::DiskServer(const std::vector<std::string>& arguments, std::string_view package,
                       const ProgramRights& rights, int handed_over)
    : name_(arguments.front()) {
  const std::string program = require_program(name_, package);
  ProgramSandbox sandbox(program, rights);
  directory_ = make_private_directory();
  uri_ = fmt::format("nbd+unix:///?socket={}/nbd", directory_);
  try {
    start(program, arguments, sandbox, handed_over);
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
      output_(std::move(other.output_)),
      process_(std::exchange(other.process_, -1)),
      connected_(other.connected_),
      stopped_(std::exchange(other.stopped_, true)) {}

DiskServer::~DiskServer() {
  try {
    stop();
  } catch (const std::exception&) {
    // who wants to know calls stop()
  }
}

void DiskServer::start(const std::string& program, std::vector<std::string> arguments,
                       ProgramSandbox& sandbox, int handed_over) {
  const Descriptor socket = listen_on(directory_ + "/nbd");
  output_ = make_memory_file("lkl-server-output");
  const Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null");

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
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &old, nullptr);
    *std::to_chars(digits, listener.data() + listener.size() - 1, ::getpid()).ptr = '\0';
    if (!hand_over({null.get(), output_.get(), output_.get(), socket.get(), handed_over}))
      give_up("dup2");
    if (const char* step = sandbox.enter()) give_up(step);
    // After the user was changed, which takes it back.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(127);
    ::execve(program.c_str(), words.data(), variables.data());
    give_up("execve");
  }
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (child < 0)
    throw Failure(
        fmt::format("{}: cannot start it: {}", program, describe({error, std::system_category()})));
  process_ = child;
}

Descriptor DiskServer::connect() {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const sockaddr_un address = address_of(directory_ + "/nbd");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw std::system_error(errno, std::system_category(), name_);
  connected_ = true;
  return socket;
}

void DiskServer::close_door() {
  connected_ = true;
  remove_socket();
}

void DiskServer::remove_socket() {
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
    if (::fstat(output_.get(), &file) == 0) text.resize(static_cast<std::size_t>(file.st_size));
    const ssize_t n = ::pread(output_.get(), text.data(), text.size(), 0);
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    if (over || !text.empty()) break;
    std::this_thread::sleep_for(50ms);
  }
  return as_said(std::move(text));
}

void DiskServer::stop() {
  remove_socket();
  if (std::exchange(stopped_, true)) return;
  int status = 0;
  const bool before = ended(status);
  if (!before) {
    // What it has written without a client is nothing. (SIGTERM can come at a moment when qemu-nbd
    // has a handler for it, and forgets it.)
    if (!connected_) ::kill(process_, SIGKILL);
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
  }
  const bool asked = !connected_ && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (asked || (well && (connected_ || !before))) return;
  throw Failure(fmt::format("{} {}:\n  {}", name_, before ? "ended too early" : "failed at the end",
                            complaints()));
}

}  // namespace lkl::tool
