// SPDX-License-Identifier: GPL-2.0
#include "preload/kernel.h"

#include <lkl.h>
#include <lkl_config.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

#include "preload/deadline.h"
#include "preload/environment.h"
#include "preload/family.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/say.h"
#include "preload/serving.h"
#include "preload/signals.h"
#include "run/network_counters.h"
#include "run/network_setup.h"
#include "run/preload_variables.h"

namespace lkl::preload {

namespace {

constexpr const char* kMemory = "256M";

std::atomic<bool> runs;
std::mutex starting;
lkl_config config;
std::atomic<bool> has_said;

bool is_verbose() {
  return our_variable(kVerboseVariable) != nullptr;
}

// The library's own lines; the kernel's for who wants them.
void print(void*, const char* text, lkl_ulong length) {
  const std::string_view words(text, length);
  if (words.starts_with("lkl: "))
    has_said = true;
  else if (!is_verbose())
    return;
  (void)!libc().write(STDERR_FILENO, text, length);
}

// The library says more than its result does, if it says anything.
void check(int error, const char* what) {
  if (error == 0) return;
  if (has_said) libc()._exit(1);
  give_up(std::string(what) + ": " + lkl_strerror(error));
}

const char* variable(const char* name) {
  const char* const text = our_variable(name);
  return text != nullptr && *text != '\0' ? text : nullptr;
}

void read_config() {
  check(lkl_load_config_env(&config), "LKL_HIJACK_*");
  for (const char* name : {kFileVariable, kOptionsVariable})
    if (const char* const text = variable(name)) check(lkl_load_config_json(&config, text), name);
  if (config.ifnum == 0)
    check(lkl_load_config_json(&config, R"({"interfaces": [{"uri": "slirp:", "dhcp": true}]})"),
          "slirp:");
}

void start() {
  lkl_set_print(print, nullptr);
  read_config();
  const NumbersKept kept;
  prepare_faults();
  check(lkl_init(&lkl_host_ops), "the library cannot be used");
  lkl_set_on_fork(LKL_ON_FORK_LEAVE);
  check(lkl_load_config_pre(&config), "there is no network");
  const char* const memory = variable(kMemoryVariable);
  const char* const more = config.boot_cmdline;
  check(lkl_start_kernel("mem=%s %s%s", memory ? memory : kMemory,
                         is_verbose() ? "" : "loglevel=2 ", more ? more : ""),
        "the kernel does not boot");
  check(tool::served::set_up_network(config), "the network cannot be set up");
  serve_signals();
}

// Inside.
void close_sockets() {
  for (int fd = 0; fd <= highest_entry(); fd++) {
    const Entry entry = entry_of(fd);
    if (entry.owner() == Owner::kKernel) lkl_sys_close(static_cast<unsigned>(entry.kernel_fd()));
  }
}

// A connection that nobody has any more is one as long as its other end has not got all of it.
// Inside.
void wait_until_sent() {
  using tool::served::number_of_network;
  constexpr int kPatienceMs = 5000;
  Deadline deadline(kPatienceMs);
  for (std::uint64_t heard = 0;
       number_of_network("sockstat", "TCP:", "orphan") != 0 && !deadline.is_over();) {
    const std::uint64_t now = number_of_network("snmp", "Tcp:", "InSegs");
    if (now != std::exchange(heard, now)) deadline = Deadline(kPatienceMs);
    __lkl__kernel_timespec nap = {.tv_sec = 0, .tv_nsec = 1'000'000};
    lkl_sys_nanosleep(&nap, nullptr);
  }
}

}  // namespace

bool has_kernel() {
  return runs;
}

void want_kernel() {
  if (this_thread.inside == 0) want_kernel_for_children();
}

void want_kernel_for_children() {
  if (runs.load(std::memory_order_acquire)) return;
  const Inside inside;
  const std::lock_guard lock(starting);
  if (runs) return;
  leave_parent();
  start();
  runs.store(true, std::memory_order_release);
}

void close_all() {
  if (!has_kernel()) return;
  in_kernel([] {
    close_sockets();
    wait_until_sent();
    return 0L;
  });
}

void end_kernel() {
  static std::atomic<bool> ended;
  if (this_thread.inside != 0 || ended.exchange(true)) return;
  end_serving();
  if (!has_kernel()) return;
  close_all();
  in_kernel([] {
    // files of captures and the like are written then
    lkl_unload_config(&config);
    return 0L;
  });
}

void leave_to_parent() {
  leave_kernel_to_parent();
  this_thread.task = 0;
  this_thread.waiting = 0;
  runs = false;
}

void learn_task() {
  if (has_kernel()) this_thread.task = static_cast<int>(lkl_sys_gettid());
}

}  // namespace lkl::preload
