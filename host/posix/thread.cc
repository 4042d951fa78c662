// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <string_view>

#include "descriptor.h"
#include "host.h"

namespace lkl::host {

LKL_DEFINE_PER_THREAD(CurrentThread, current_thread);

namespace {

// Only serves to be told when a thread ends.
pthread_key_t exit_key;
void (*exit_handler)(ThreadRecord* record);

void thread_exits(void* raw) {
  exit_handler(static_cast<ThreadRecord*>(raw));
}

// Signals for the application. Faults are not: blocked, they kill.
sigset_t all_but_faults() {
  sigset_t all;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT})
    sigdelset(&all, fault);
  return all;
}

// Around fork(), from when the kernel stands still until it goes on: a call of a signal handler
// would wait for that in the thread that is to bring it about.
struct ForkHandlers {
  void (*prepare)();
  void (*parent)();
  void (*child)();
} fork_handlers;
constinit thread_local sigset_t signals_before_fork = {};

void prepare_fork() {
  sigset_t before;
  const sigset_t all = all_but_faults();
  pthread_sigmask(SIG_SETMASK, &all, &before);
  signals_before_fork = before;
  fork_handlers.prepare();
}

void after_fork(void (*handler)()) {
  handler();
  const sigset_t before = signals_before_fork;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Room for the stack of faults below, and for checkers of memory, which want much.
constexpr size_t kStackSize = 1 << 20;

struct Start {
  char name[16];
  void (*body)(void*);
  void* argument;
};

// A kernel stack that is used up has no room for the handler that could say so.
class FaultStack {
 public:
  FaultStack() {
    stack_t stack = {};
    stack.ss_sp = memory_.data();
    stack.ss_size = memory_.size();
    sigaltstack(&stack, &before_);
  }
  FaultStack(const FaultStack&) = delete;
  FaultStack& operator=(const FaultStack&) = delete;
  // Sanitizers have one of their own and want to find it again.
  ~FaultStack() { sigaltstack(&before_, nullptr); }

 private:
  alignas(16) std::array<std::byte, 64 * 1024> memory_;
  stack_t before_ = {};
};

void* thread_main(void* raw) {
  const std::unique_ptr<Start> start(static_cast<Start*>(raw));
  pthread_setname_np(pthread_self(), start->name);
  // Timers of the kernel are as exact as the host can make them.
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  const FaultStack fault_stack;
  start->body(start->argument);
  return nullptr;
}

}  // namespace

void set_current_thread(ThreadRecord* record, uint64_t kernel) {
  pthread_setspecific(exit_key, record);
  current_thread().record = record;
  current_thread().kernel = kernel;
}

void on_thread_exit(void (*handler)(ThreadRecord* record)) {
  exit_handler = handler;
  pthread_key_create(&exit_key, thread_exits);
}

int Thread::start(const char* name, void (*body)(void*), void* argument) {
  std::unique_ptr<Start> start(new (std::nothrow)
                                   Start{.name = {}, .body = body, .argument = argument});
  if (!start) return -ENOMEM;
  std::strncpy(start->name, name, sizeof start->name - 1);

  // Signals are for the threads of the application. But calls of others are executed
  // here too, and a fault of theirs must find its handler: blocked, it would kill.
  pthread_attr_t attributes;
  if (const int error = pthread_attr_init(&attributes)) return -error;
  pthread_attr_setstacksize(&attributes, kStackSize);
  const sigset_t all = all_but_faults();
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, thread_main, start.get());
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error) return -error;
  (void)start.release();
  handle_ = thread;
  running_ = true;
  return 0;
}

void Thread::join() {
  if (!running_) return;
  pthread_join(handle_, nullptr);
  running_ = false;
}

Unnoticed::Unnoticed() : errno_before_(errno) {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &host_before_);
}

Unnoticed::~Unnoticed() {
  pthread_setcancelstate(host_before_, nullptr);
  errno = errno_before_;
}

void on_fork(void (*prepare)(), void (*parent)(), void (*child)()) {
  fork_handlers = {prepare, parent, child};
  pthread_atfork(
      prepare_fork, [] { after_fork(fork_handlers.parent); },
      [] { after_fork(fork_handlers.child); });
}

uint64_t process_id() {
  return static_cast<uint64_t>(getpid());
}

uint64_t thread_id() {
  return static_cast<uint64_t>(gettid());
}

bool sleeps(uint64_t thread) {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/self/task/%" PRIu64 "/stat", thread);
  const Descriptor file(open(path.data(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  // its number, its name in parentheses, of which the name may have some, and the state
  std::array<char, 64> text;
  const ssize_t length = read(file.get(), text.data(), text.size());
  const std::string_view line(text.data(), length > 0 ? static_cast<size_t>(length) : 0);
  const size_t name_end = line.rfind(") ");
  return name_end != line.npos && line.substr(name_end + 2).starts_with('S');
}

void print(const char* text, size_t length) {
  append(STDERR_FILENO, text, length);
}

void append(int fd, const char* text, size_t length) {
  const Unnoticed scope;
  while (length > 0) {
    const ssize_t written = write(fd, text, length);
    if (written <= 0) return;
    text += written;
    length -= written;
  }
}

}  // namespace lkl::host
