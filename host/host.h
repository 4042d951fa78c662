// SPDX-License-Identifier: GPL-2.0
// The contract that each host fulfils: host/posix, host/win32. Nothing
// else in host/ includes a header of the operating system for these things.
//
// Errors are numbers of the kernel's on every host.
//
// Unless a function says otherwise it may be called from any thread, also on a
// kernel stack (of which a few KiB are left), and does not allocate.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "asm/host_memory.h"
#include "asm/host_ops.h"
#include "per_thread.h"

namespace lkl::host {

struct IoOperation;
struct ThreadRecord;

// A piece of memory: what is written from several of them, or read into them, is one stretch of
// a file. Laid out as struct lkl_iovec, and as POSIX hosts have theirs.
struct IoVec {
  void* base;
  size_t size;
};

// ---- clock ----

// CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds.
uint64_t monotonic_ns();
uint64_t realtime_ns();
// The cycle counter of the processor advances at one rate on all processors and
// never stops, as far as the host knows.
bool cycles_are_stable();
// Number of processors this process may use, at least 1.
unsigned processors();
// The calling thread sleeps so long.
void sleep_ns(uint64_t ns);

// Fills it (at most 256 bytes) from the host's generator; false if the host does not let us.
bool random_bytes(std::span<std::byte> bytes);

// ---- memory ----

// Zeroed memory of which untouched pages cost nothing; align is a power of two.
// nullptr when the host refuses. Released as a whole.
void* reserve_memory(size_t size, size_t align);
void release_memory(void* base, size_t size);
// The same at this place; false if the host refuses or something is there already.
// Core dumps leave it out.
bool map_fixed(uint64_t base, uint64_t size);
// Hints. All of it is about to be written: its pages are got at once, which costs less than a fault
// for each. Before that: huge pages, but for the ends, so that it takes no more memory than its
// size.
void populate_memory(void* base, size_t size);
void prefer_huge_pages(void* base, size_t size);
// The content is given up, and the pages go back to the host.
void discard_memory(void* base, size_t size);
// A hint: of the file with the code at this address nothing needs to stay mapped but what was
// written to. It is there again when it is used.
void unmap_program(const void* at);
// A kernel stack is put into use or out of it: arms or disarms the guard page
// (the second one: the first holds what the kernel writes at the stack's end)
// and tells valgrind.
void stack_on(void* base, size_t size);
void stack_off(void* base, size_t size);
// Tells valgrind of memory that was handed out, and not written yet.
void memory_has_no_content(void* base, size_t size);

// ---- waiting ----

// Blocks the calling thread while the word has this value, until wake_one() or the deadline
// (monotonic_ns() domain, UINT64_MAX for none); may return early. No cancellation point.
void wait_on(std::atomic<int>& word, int value, uint64_t deadline_ns);
void wake_one(std::atomic<int>& word);

// One thread sleeps here, until a time that others set and take back while it does.
class Alarm {
 public:
  Alarm() = default;
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  // Before anything else; and after fork, when it is shared with the parent. 0 or -errno.
  int open();
  // Instead of what was set or rung before (monotonic_ns() domain; UINT64_MAX: never).
  void set(uint64_t when_ns);
  // Now.
  void ring() { set(1); }
  // May return early. An alarm that went off before nobody slept is one for who sleeps next.
  void sleep();

 private:
  int64_t handle_ = -1;
};

// ---- threads ----

// The record of the calling thread, and the kernel it is of: a number that is never used
// again, 0 for none.
struct CurrentThread {
  ThreadRecord* record = nullptr;
  uint64_t kernel = 0;
  bool attaching = false;    // its record is being made: a signal handler has to do without
  bool forks_alone = false;  // its child has no kernel, and nothing is prepared
  uint8_t in_library = 0;    // functions that are more than a call
  uint8_t printing = 0;      // calls of the print function that it is inside
};
// Read by each call.
LKL_PER_THREAD(CurrentThread, current_thread)
// Async-signal-safe, but for the first call of a thread in a program with more than 32 keys
// of thread-specific data.
void set_current_thread(ThreadRecord* record, uint64_t kernel);
// `handler` runs in each thread that ends while it has a record, which it takes away; perhaps
// more than once, if calls are made after that. Called once per process.
void on_thread_exit(void (*handler)(ThreadRecord* record));

// A host thread with all signals blocked and a small stack. join() must be called before the
// end, except after fork_forget() in a child process, where the thread is no more.
class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  // 0 or -errno. The name is shown by ps -L and debuggers.
  int start(const char* name, void (*body)(void*), void* argument);
  void join();
  void fork_forget() { running_ = false; }
  bool running() const { return running_; }

 private:
  uint64_t handle_ = 0;
  bool running_ = false;
};

// What the calling thread, the application's, does for the library in this scope is nothing to
// it: functions of the C library that are cancellation points (pthread_cancel(3)) do not end it
// inside the kernel, and errno is what it was.
class Unnoticed {
 public:
  Unnoticed();
  ~Unnoticed();
  Unnoticed(const Unnoticed&) = delete;
  Unnoticed& operator=(const Unnoticed&) = delete;

 private:
  const int errno_before_;
  int host_before_;  // what else this host has of the kind
};

// Numbers of the process and of the calling thread, as the host shows them.
uint64_t process_id();
uint64_t thread_id();
// Whether that thread of this process waits for something just now, in a sleep that signals end;
// false if the host does not say.
bool sleeps(uint64_t thread);

// Handlers around fork() of the host process, called in the forking thread: from the first to one
// of the others it runs no signal handler. Called once per process.
void on_fork(void (*prepare)(), void (*parent)(), void (*child)());

// ---- faults ----

// Memory of this process that may not be there; how much of it was, from its start on.
size_t read_memory(uint64_t address, char* to, size_t size);

// Faults on addresses that the kernel touched on behalf of a caller become
// -EFAULT. Other faults go to whoever handled them before, kernel or not; but those of application
// code in mappings that the kernel has made to `serve`, in the faulting thread: 0 if the access
// is to be tried again, or the number of the signal (LKL_FAULT_*) for whoever handled it before.
void install_fault_handler(int (*serve)(uint64_t address, bool write));
void remove_fault_handler();

// ---- reports of the kernel about itself; on a kernel stack, holding the CPU ----

// The addresses to which the calls on the stack of this thread return, innermost first,
// from kernel code on; how many, 0 if it can't be found out.
int backtrace(uint64_t* addresses, int max);
// For the fault handler: if it is backtrace() that met a bad pointer, back to its end.
void leave_backtrace();
// "function+0xOFFSET/0xSIZE" of the code that returns to `address`, 0-terminated; its
// length, 0 if it is not known.
int name_address(uint64_t address, char* text, int size);
// Says so on standard error; stops there under the debugger when it has come.
void wait_for_debugger();

// ---- files and settings ----

// Whether an event loop can watch it: 0, -EBADF if it is none, -EOPNOTSUPP where what the
// application has are no such descriptors.
int check_watchable(int fd);
// Does it, blocking the calling thread: bytes transferred, or -errno.
int64_t perform(const IoOperation& operation);
// Here and now: bytes transferred, -EAGAIN if that would be none without waiting (and `wait` does
// not allow it), -EOPNOTSUPP if the host can't know, or -errno.
int64_t read_now(int fd, std::span<const IoVec> to, uint64_t offset, bool wait);
int64_t write_now(int fd, std::span<const IoVec> from, uint64_t offset, bool wait);

// Lets `change` have the content of a file (nothing, if it is new) and writes what it has become.
// Other processes that do the same wait meanwhile. 0 or -errno. Allocates: not on a kernel stack.
int update_file(const char* path, void (*change)(std::string& content, const void* argument),
                const void* argument);
// A variable of the environment; nullptr if it is empty, or not to be trusted (a program that
// runs with more rights than its caller).
const char* environment(const char* name);
// Hands out the names of those that begin so.
void environment_names(std::string_view prefix,
                       void (*take)(const char* name, size_t length, void* argument),
                       void* argument);

// A shared library that the program can do without; nullptr if it is not installed, or has not
// this symbol. Stays loaded. Allocates.
void* open_library(const char* name);
void* find_symbol(void* library, const char* name);

// ---- console ----

// On standard error.
void print(const char* text, size_t length);
inline void print(std::string_view text) {
  print(text.data(), text.size());
}
// To a file that is open for that.
void append(int fd, const char* text, size_t length);

}  // namespace lkl::host
