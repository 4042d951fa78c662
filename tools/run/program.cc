// SPDX-License-Identifier: GPL-2.0
#include "run/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "base/error.h"
#include "base/limits.h"
#include "base/socket_message.h"
#include "run/filter.h"
#include "run/stand_in.h"

namespace lkl::tool::served {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

std::string look_in_path(const std::string& name) {
  if (name.find('/') != name.npos) return name;
  const char* const variable = std::getenv("PATH");
  std::string folders = variable ? variable : "/usr/bin:/bin";
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const std::string folder = folders.substr(at, end - at);
    std::string file = (folder.empty() ? "." : folder) + "/" + name;
    struct stat status = {};
    if (::access(file.c_str(), X_OK) == 0 && ::stat(file.c_str(), &status) == 0 &&
        S_ISREG(status.st_mode))
      return file;
    at = end + 1;
  }
  throw Failure(fmt::format("{}: there is no such program", name));
}

// What the process says until it is under its filter; behind the last one is its listener's number.
constexpr char kMounted = 'm', kFailed = 'f', kFiltered = 'l';

std::string find_files(int channel, const std::string& name, const std::vector<DiskMount>& disks) {
  if (!disks.empty())
    mount_disks(disks, [channel](int fuse, Users users) {
      if (!send_message(channel, {kMounted, static_cast<char>(users)}, fuse))
        ::_exit(kNoSuchProgram);
    });
  return find_program(name);
}

// In the child.
[[noreturn]] void become(const std::vector<std::string>& words, const std::vector<DiskMount>& disks,
                         const std::optional<OpensLibrary>& library,
                         std::span<const sock_filter> filter, int channel, const sigset_t& mask) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  std::string file;
  try {
    file = find_files(channel, words.front(), disks);
    if (library) put_in_front(*library, file);
  } catch (const std::exception& error) {
    send_message(channel, kFailed + std::string(error.what()).substr(0, kLongestMessage - 1));
    ::_exit(kNoSuchProgram);
  }
  // Nothing but system calls from here on. The listener can't be sent, as that would be asked about
  // already: who gets its number takes it.
  const int listener = install_filter(filter);
  struct __attribute__((packed)) {
    char kind = kFiltered;
    int number;
  } const filtered = {.number = listener};
  (void)!::write(channel, &filtered, sizeof filtered);
  char go = 0;
  if (listener < 0 || ::read(channel, &go, 1) != 1) ::_exit(kNoSuchProgram);
  ::close(listener);
  restore_limits();
  ::signal(SIGPIPE, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execve(file.c_str(), pointers.data(), environ);
  const int error = errno;
  (void)!::write(channel, &error, sizeof error);
  ::_exit(error == ENOENT || error == ENOTDIR ? kNoSuchProgram : kNotExecutable);
}

}  // namespace

std::string find_program(const std::string& name) {
  const std::string file = look_in_path(name);
  struct stat status = {};
  if (::stat(file.c_str(), &status) != 0)
    throw Failure(fmt::format("{}: {}", name, describe({errno, std::system_category()})));
  if (S_ISREG(status.st_mode) && (status.st_mode & S_ISUID) != 0 && status.st_uid != ::geteuid())
    throw Failure(
        fmt::format("{}: the program has the rights of another user (setuid), which nobody may "
                    "give to a program that "
                    "is served; a copy without them may do",
                    name));
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  unsigned char head[20] = {};
  if (opened && ::pread(opened.get(), head, sizeof head, 0) == sizeof head &&
      std::memcmp(head, ELFMAG, SELFMAG) == 0) {
    const unsigned machine = head[18] | head[19] << 8;
    if (head[EI_CLASS] != ELFCLASS64 || machine != EM_X86_64)
      throw Failure(
          fmt::format("{}: is no program for 64-bit x86, and others cannot be served", name));
  }
  return file;
}

Program::Program(const std::vector<std::string>& words, const std::vector<DiskMount>& disks,
                 const std::optional<OpensLibrary>& library) {
  const std::vector<sock_filter> filter = make_filter();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("a pair of sockets");
  channel_ = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);
  const sigset_t mask = mask_of_programs();
  pid_ = ::fork();
  if (pid_ < 0) fail("a process");
  if (pid_ == 0) {
    channel_.reset();  // so that it sees when we have gone
    become(words, disks, library, filter, theirs.get(), mask);
  }
  process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "the program");
}

Program::~Program() {
  channel_.reset();
  if (!gone_ && pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void Program::prepare(const Serve& serve) {
  for (;;) {
    SocketMessage message = receive_message(channel_.get());
    const std::string& text = message.text;
    if (text.size() == 2 && text[0] == kMounted) {
      serve(std::move(message.fd), static_cast<Users>(text[1]));
      continue;
    }
    if (text.starts_with(kFailed)) throw Failure(text.substr(1));
    int number = -ESRCH;
    if (text.size() == 1 + sizeof number) std::memcpy(&number, text.data() + 1, sizeof number);
    if (number < 0)
      throw Failure(fmt::format(
          "the host lets nobody be asked about a program's system calls (seccomp): {}{}",
          describe({-number, std::system_category()}),
          number == -EBUSY ? "; this one is served already" : ""));
    listener_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_getfd, process_.get(), number, 0)),
                           "the program's filter");
    return;
  }
}

void Program::let_go() {
  const char go = 1;
  if (::send(channel_.get(), &go, 1, MSG_NOSIGNAL) != 1) fail("the program");
}

std::optional<int> Program::status() {
  int status = 0;
  if (gone_ || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  gone_ = true;
  return status;
}

int Program::exec_error() {
  int error = 0;
  return ::recv(channel_.get(), &error, sizeof error, MSG_DONTWAIT) == sizeof error ? error : 0;
}

sigset_t mask_of_programs() {
  sigset_t mask;
  ::sigprocmask(SIG_SETMASK, nullptr, &mask);
  for (const int signal : kForwarded) ::sigdelset(&mask, signal);
  return mask;
}

ForwardedSignals::ForwardedSignals() {
  const sigset_t set = forwarded_signals();
  ::sigprocmask(SIG_BLOCK, &set, &before_);
  fd_ = Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signals");
}

ForwardedSignals::~ForwardedSignals() {
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int ForwardedSignals::next(bool of_terminal) {
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == sizeof info)
    if (of_terminal || info.ssi_code <= 0) return static_cast<int>(info.ssi_signo);
  return 0;
}

EndedBySignal::EndedBySignal(ForwardedSignals& signals, pid_t process)
    : thread_([this, &signals, process] {
        pollfd both[] = {{signals.fd(), POLLIN, 0}, {stop_.out.get(), POLLIN, 0}};
        for (;;) {
          ::poll(both, 2, -1);
          if (both[1].revents != 0) return;
          const int signal = signals.take_any();
          if (signal == 0) continue;
          if (process > 0) ::kill(process, SIGKILL);
          ::_exit(128 + signal);
        }
      }) {}

EndedBySignal::~EndedBySignal() {
  stop_.in.reset();
  thread_.join();
}

}  // namespace lkl::tool::served
