// SPDX-License-Identifier: GPL-2.0
//
// Children that are the shell: system() and popen().
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "preload/forks.h"
#include "preload/libc.h"
#include "preload/mask.h"
#include "preload/not_cancelled.h"
#include "preload/spawn.h"
#include "preload/spawn_actions.h"

namespace lkl::preload {

namespace {

int spawn_shell(pid_t* process, const char* line, const Attributes& attributes,
                const std::function<bool()>& prepare) {
  char* const words[] = {const_cast<char*>("sh"), const_cast<char*>("-c"), const_cast<char*>(line),
                         nullptr};
  return spawn(process, {"/bin/sh", false, words, environ}, attributes, prepare);
}

// What the terminal sends is the child's, as long as any thread waits for one.
class TerminalsIgnored {
 public:
  TerminalsIgnored() {
    const BetweenForks whole;
    struct sigaction ignored = {};
    ignored.sa_handler = SIG_IGN;
    for (Signal& each : signals_)
      if (users_ == 0) libc().sigaction(each.number, &ignored, &each.before);
    users_++;
  }
  ~TerminalsIgnored() {
    const BetweenForks whole;
    users_--;
    for (const Signal& each : signals_)
      if (users_ == 0) libc().sigaction(each.number, &each.before, nullptr);
  }
  TerminalsIgnored(const TerminalsIgnored&) = delete;
  TerminalsIgnored& operator=(const TerminalsIgnored&) = delete;

  // Those that are ignored for this only.
  static sigset_t otherwise_not_ignored() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const Signal& each : signals_)
      if (each.before.sa_handler != SIG_IGN) ::sigaddset(&set, each.number);
    return set;
  }

 private:
  struct Signal {
    int number;
    struct sigaction before;
  };
  static inline int users_;
  static inline Signal signals_[] = {{SIGINT, {}}, {SIGQUIT, {}}};
};

pid_t wait_for(pid_t process, int& status) {
  pid_t ended;
  do {
    ended = ::waitpid(process, &status, 0);
  } while (ended < 0 && errno == EINTR);
  return ended;
}

// Ends with its thread, if that is cancelled.
class Waited {
 public:
  explicit Waited(pid_t process) : process_(process) {}
  ~Waited() {
    if (process_ < 0) return;
    ::kill(process_, SIGKILL);
    int status;
    wait_for(process_, status);
  }
  Waited(const Waited&) = delete;
  Waited& operator=(const Waited&) = delete;

  int status() {
    int status;
    const pid_t ended = wait_for(process_, status);
    return ended == std::exchange(process_, -1) ? status : -1;
  }

 private:
  pid_t process_;
};

int run_line(const char* line) {
  constexpr int kNoShell = 127;
  const TerminalsIgnored ignored;
  sigset_t mask;
  libc().pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  Attributes attributes;
  attributes.flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  attributes.by_default = TerminalsIgnored::otherwise_not_ignored();
  attributes.mask = mask;
  ::sigaddset(&mask, SIGCHLD);
  const MaskFor blocked(&mask);
  pid_t child = -1;
  const int error = spawn_shell(&child, line, attributes, [] { return true; });
  if (error == 0) return Waited(child).status();
  errno = error;
  return W_EXITCODE(kNoShell, 0);
}

// Streams to children.
struct Popened {
  FILE* stream = nullptr;
  int number = -1;
  pid_t process = -1;
  Popened* next = nullptr;
};
std::atomic<Popened*> all_popened;  // is changed between forks

void keep(std::unique_ptr<Popened> one) {
  const BetweenForks whole;
  one->next = all_popened;
  all_popened = one.release();
}

bool is_popened(FILE* stream) {
  // most programs have none, and the library's are none
  if (this_thread.inside != 0 || all_popened.load(std::memory_order_acquire) == nullptr)
    return false;
  const BetweenForks whole;
  for (const Popened* one = all_popened; one != nullptr; one = one->next)
    if (one->stream == stream) return true;
  return false;
}

std::unique_ptr<Popened> take(FILE* stream) {
  const BetweenForks whole;
  Popened* before = nullptr;
  for (Popened* one = all_popened; one != nullptr; before = std::exchange(one, one->next)) {
    if (one->stream != stream) continue;
    if (before != nullptr)
      before->next = one->next;
    else
      all_popened = one->next;
    return std::unique_ptr<Popened>(one);
  }
  return nullptr;
}

// Another child's input would not end before this one does.
void close_popened(int but) {
  for (const Popened* one = all_popened; one != nullptr; one = one->next)
    if (one->number != but) ::close(one->number);
}

struct Mode {
  bool reads = false, writes = false, is_closed_on_exec = false;

  // False if it is none.
  bool read(const char* text) {
    for (; *text != '\0'; text++) {
      if (*text == 'r')
        reads = true;
      else if (*text == 'w')
        writes = true;
      else if (*text == 'e')
        is_closed_on_exec = true;
      else
        return false;
    }
    return reads != writes;
  }
};

int popen_shell(const char* line, const Mode& mode, Popened& popened) {
  const NotCancelled not_cancelled;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
  const int near = ends[mode.reads ? 0 : 1], far = ends[mode.reads ? 1 : 0];
  const int number = mode.reads ? STDOUT_FILENO : STDIN_FILENO;
  popened.stream = libc().fdopen(near, mode.reads ? "r" : "w");
  int error = popened.stream != nullptr ? 0 : errno;
  if (error == 0)
    error = spawn_shell(&popened.process, line, {}, [=] {
      if (!put_at(far, number)) return false;
      close_popened(number);
      return true;
    });
  libc().close(far);
  if (popened.stream == nullptr)
    libc().close(near);
  else if (error != 0)
    libc().fclose(popened.stream);
  popened.number = near;
  return error;
}

// Gives its child's status.
int close_popened_stream(FILE* stream) {
  // As long as that takes no other child has it.
  const int flushed = ::fflush(stream);
  const NotCancelled not_cancelled;
  const std::unique_ptr<Popened> popened = take(stream);
  const int closed = libc().fclose(stream);
  int status = -1;
  if (popened == nullptr || wait_for(popened->process, status) < 0) return -1;
  return status != 0 ? status : flushed != 0 ? flushed : closed;
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

int system(const char* line) {
  if (this_thread.inside != 0) return libc().system(line);
  return line != nullptr ? run_line(line) : run_line("exit 0") == 0;
}

FILE* popen(const char* line, const char* text) {
  if (this_thread.inside != 0) return libc().popen(line, text);
  Mode mode;
  auto popened = std::make_unique<Popened>();
  const int error = mode.read(text) ? popen_shell(line, mode, *popened) : EINVAL;
  if (error != 0) {
    errno = error;
    return nullptr;
  }
  FILE* const stream = popened->stream;
  const int number = popened->number;
  // before another program can have it
  keep(std::move(popened));
  if (!mode.is_closed_on_exec) libc().fcntl(number, F_SETFD, 0);
  return stream;
}

// The C library's is the end of such a stream as well.
int fclose(FILE* stream) {
  return is_popened(stream) ? close_popened_stream(stream) : libc().fclose(stream);
}

int pclose(FILE* stream) {
  return is_popened(stream) ? close_popened_stream(stream) : libc().pclose(stream);
}
}
