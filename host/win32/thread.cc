// SPDX-License-Identifier: GPL-2.0
#include <windows.h>

#include <process.h>

#include <cerrno>
#include <memory>
#include <new>

#include "host.h"
#include "win32/ntdll.h"
#include "win32/path.h"

namespace lkl::host {

LKL_DEFINE_PER_THREAD(CurrentThread, current_thread);

namespace {

// Only serves to be told when a thread ends.
DWORD exit_slot = FLS_OUT_OF_INDEXES;
void (*exit_handler)(ThreadRecord* record);

// The thread that ends the process is told as well, when all others, in whatever they were, are no
// more: there is no kernel to be told any longer.
void CALLBACK thread_exits(void* raw) {
  if (!RtlDllShutdownInProgress()) exit_handler(static_cast<ThreadRecord*>(raw));
}

constexpr unsigned kStackSize = 1 << 20;

struct Start {
  const char* name;
  void (*body)(void*);
  void* argument;
};

// Windows 10 and later.
void set_name(const char* name) {
  using Function = HRESULT(WINAPI*)(HANDLE, PCWSTR);
  static const auto function = reinterpret_cast<Function>(reinterpret_cast<void*>(
      GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "SetThreadDescription")));
  if (function) function(GetCurrentThread(), wide(name).c_str());
}

unsigned __stdcall thread_main(void* raw) {
  const std::unique_ptr<Start> start(static_cast<Start*>(raw));
  set_name(start->name);
  start->body(start->argument);
  return 0;
}

}  // namespace

void set_current_thread(ThreadRecord* record, uint64_t kernel) {
  FlsSetValue(exit_slot, record);
  current_thread().record = record;
  current_thread().kernel = kernel;
}

void on_thread_exit(void (*handler)(ThreadRecord* record)) {
  exit_handler = handler;
  exit_slot = FlsAlloc(thread_exits);
}

int Thread::start(const char* name, void (*body)(void*), void* argument) {
  std::unique_ptr<Start> start(new (std::nothrow)
                                   Start{.name = name, .body = body, .argument = argument});
  if (!start) return -ENOMEM;
  const uintptr_t handle = _beginthreadex(nullptr, kStackSize, thread_main, start.get(),
                                          STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
  if (handle == 0) return -EAGAIN;
  (void)start.release();
  handle_ = handle;
  running_ = true;
  return 0;
}

void Thread::join() {
  if (!running_) return;
  const auto handle = reinterpret_cast<HANDLE>(handle_);
  WaitForSingleObject(handle, INFINITE);
  CloseHandle(handle);
  running_ = false;
}

// Threads are not cancelled here.
Unnoticed::Unnoticed() : errno_before_(errno), host_before_(static_cast<int>(GetLastError())) {}

Unnoticed::~Unnoticed() {
  SetLastError(static_cast<DWORD>(host_before_));
  errno = errno_before_;
}

// There is no fork().
void on_fork(void (*)(), void (*)(), void (*)()) {}

uint64_t process_id() {
  return GetCurrentProcessId();
}

uint64_t thread_id() {
  return GetCurrentThreadId();
}

// Asked only where there is fork().
bool sleeps(uint64_t) {
  return false;
}

}  // namespace lkl::host
