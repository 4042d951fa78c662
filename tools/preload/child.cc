// SPDX-License-Identifier: GPL-2.0
//
// A process that is served by its parent, as lkl run serves programs. So all its calls are the
// host's; but for descriptors of the kernel's that it has inherited, which become such when it uses
// them.
#include <sys/socket.h>

#include <memory>
#include <mutex>

#include "preload/family.h"
#include "preload/forks.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/with_descriptor.h"
#include "run/filter.h"

namespace lkl::preload {

namespace {

std::atomic<int> channel = -1;
std::atomic<bool> is_served;
std::span<const sock_filter> filter;
std::mutex claims, asking;

// The parent's own are closed, others' ends of pairs among them: who waits for the end of one would
// not see it. What it shares is the host's here.
void leave_parents(int but) {
  for (int fd = 0; fd <= highest_entry(); fd++) {
    const Owner owner = entry_of(fd).owner();
    if (owner == Owner::kServed) take_entry(fd);
    if (owner == Owner::kLibrary && fd != but && !is_end_of_report(fd)) free_number(fd);
  }
}

// An error, or 0. What goes with it, and what is to come with the answer. Inside. Who is under the
// filter already, and is served by nobody yet, makes no call that would be asked about.
int ask(const Request& request, int sent = -1, int* given = nullptr) {
  const std::lock_guard lock(asking);
  const int socket = channel;
  if (socket < 0) return -ENETDOWN;
  const bool is_asked = sent >= 0 ? send_with(socket, &request, sizeof request, sent)
                                  : libc().sendto(socket, &request, sizeof request, MSG_NOSIGNAL,
                                                  nullptr, 0) == sizeof request;
  Reply reply;
  const bool is_answered =
      is_asked && (given != nullptr ? receive_with(socket, &reply, sizeof reply, *given)
                                    : libc().read(socket, &reply, sizeof reply) == sizeof reply);
  return is_answered ? reply : -ENETDOWN;
}

// Inside.
bool be_served() {
  if (ask({.what = Request::kJoin, .number = channel, .process = ::getpid()}) != 0) return false;
  const int listener = tool::served::install_filter(filter);
  const int error = listener < 0
                        ? listener
                        : ask({.what = Request::kBegin, .number = listener, .process = ::getpid()});
  if (listener >= 0) libc().close(listener);
  if (error == 0) {
    leave_kernel_to_parent();
    return is_served = true;
  }
  if (channel >= 0) free_number(channel.exchange(-1));
  return false;
}

}  // namespace

void begin_as_child(const Fork& fork, bool has_kernel) {
  const Inside inside;
  // of threads that are no more
  for (std::mutex* const one : {&claims, &asking}) std::construct_at(one);
  leave_parents(fork.channel);
  channel = fork.channel;
  filter = fork.filter;
  is_served = false;
  if (has_kernel) be_served();
}

void leave_parent() {
  if (is_served || channel < 0) return;
  const Inside inside;
  free_number(channel.exchange(-1));
}

bool join_parent() {
  if (is_served) return true;
  if (channel < 0) return false;
  const Inside inside;
  return be_served();
}

bool hand_to_parent(int child, const Request& wanted) {
  Request request = wanted;
  request.what = Request::kAdopt;
  return !is_served && channel >= 0 && ask(request, child) == 0;
}

bool is_served_child() {
  return is_served.load(std::memory_order_relaxed);
}

bool claim(int number) {
  const Inside inside;
  const std::lock_guard lock(claims);
  const Entry entry = entry_of(number);
  // another thread may have done so
  if (entry.owner() != Owner::kKernel) return true;
  const std::lock_guard low(low_numbers);
  int given = -1;
  if (ask({.what = Request::kClaim, .number = entry.kernel_fd(), .process = 0}, -1, &given) != 0)
    return false;
  for (int fd = 0; fd <= highest_entry(); fd++) {
    if (entry_of(fd).bits != entry.bits) continue;
    const bool closes = (libc().fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
    libc().dup3(given, fd, closes ? O_CLOEXEC : 0);
    take_entry(fd);
  }
  libc().close(given);
  return true;
}

void claim_all() {
  for (int fd = 0; fd <= highest_entry(); fd++)
    if (entry_of(fd).owner() == Owner::kKernel) claim(fd);
}

void claim_what_stays() {
  for (int fd = 0; fd <= highest_entry(); fd++)
    if (entry_of(fd).owner() == Owner::kKernel && (libc().fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
      claim(fd);
}

void give_back(int kernel) {
  const Inside inside;
  const std::lock_guard lock(claims);
  for (int fd = 0; fd <= highest_entry(); fd++)
    if (entry_of(fd).bits == Entry::of_kernel(kernel).bits) return;
  ask({.what = Request::kClose, .number = kernel, .process = 0});
}

}  // namespace lkl::preload
