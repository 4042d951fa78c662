// SPDX-License-Identifier: GPL-2.0
#include "preload/serving.h"

#include <lkl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "preload/epoll_set.h"
#include "preload/libc.h"
#include "preload/made_once.h"
#include "preload/mask.h"
#include "preload/numbers.h"
#include "run/supervisor.h"

namespace lkl::preload {

namespace {

using tool::Descriptor;

// Of a socket of the kernel's there is one file, and it has this number. Others are one each: 0.
std::uint64_t inode_of(int kernel) {
  lkl_stat status = {};
  const bool is_socket = lkl_sys_newfstat(static_cast<unsigned>(kernel), &status) == 0 &&
                         (status.st_mode & S_IFMT) == S_IFSOCK;
  return is_socket ? status.st_ino : 0;
}

void close_kernels(int kernel) {
  lkl_sys_close(static_cast<unsigned>(kernel));
}

}  // namespace

// What a child has got from its parent and not used yet. The thread's.
struct Heir {
  struct Inherited {
    int number;  // the kernel's when it was made
    std::uint64_t inode;
    int kernel;      // ours for it, or -1:
    Descriptor end;  // what it gets
  };
  std::vector<Inherited> all;
};

namespace {

using Inherited = Heir::Inherited;

// All below is done by the thread, but where it says otherwise. Everybody is inside.
class Serving {
 public:
  // Whoever forks.
  Serving();

  // Any thread.
  template <class What>
  void run(What what) {
    // the thread's, too: it may still be in there when we go on
    const auto done = std::make_shared<std::promise<void>>();
    post([&what, done] {
      what();
      done->set_value();
    });
    done->get_future().wait();
  }
  void post(std::function<void()> what) { supervisor_.post(std::move(what)); }
  void take(const tool::served::Notification& call) { supervisor_.take(client_, call); }

  std::shared_ptr<Heir> make_heir();
  Descriptor claim(Heir& heir, int number);
  void close(Heir& heir, int number);
  void disinherit(Heir& heir);
  // A copy of what a child would get; nothing with errno if it cannot be.
  Descriptor share(int kernel, std::uint64_t inode);
  bool knows(int fd);
  void settle() { supervisor_.drain_pairs(); }
  void finish() { supervisor_.stop_when_sent(); }
  void stop() { supervisor_.stop(); }
  std::future<void>& ended() { return ended_; }

 private:
  void convert_numbers(std::uint64_t inode, const Descriptor& end);

  tool::served::Supervisor supervisor_;
  const std::shared_ptr<tool::served::Client> client_;
  std::list<std::shared_ptr<Heir>> heirs_;
  std::future<void> ended_;
};

std::atomic<Serving*> serving;

Serving::Serving() : client_(supervisor_.make_client({})) {
  // the program's signals are not this thread's
  const sigset_t all = all_but_faults();
  const MaskFor blocked(&all);
  ended_ = std::async(std::launch::async, [this] { supervisor_.run(); });
}

// A copy of each, as the parent may close its own.
std::shared_ptr<Heir> Serving::make_heir() {
  auto heir = std::make_shared<Heir>();
  for (int fd = 0; fd <= highest_entry(); fd++) {
    const Entry entry = entry_of(fd);
    if (entry.owner() != Owner::kKernel) continue;
    const auto copy = static_cast<int>(lkl_sys_dup(static_cast<unsigned>(entry.kernel_fd())));
    if (copy >= 0) heir->all.push_back({entry.kernel_fd(), inode_of(copy), copy, {}});
  }
  return heirs_.emplace_back(std::move(heir));
}

Descriptor Serving::claim(Heir& heir, int number) {
  const auto found = std::ranges::find(heir.all, number, &Inherited::number);
  if (found == heir.all.end()) return {};
  if (found->kernel >= 0) {
    const int kernel = std::exchange(found->kernel, -1);
    found->end = share(kernel, found->inode);
    if (!found->end) close_kernels(kernel);
  }
  Descriptor end = std::move(found->end);
  heir.all.erase(found);
  return end;
}

void Serving::close(Heir& heir, int number) {
  const auto found = std::ranges::find(heir.all, number, &Inherited::number);
  if (found == heir.all.end()) return;
  if (found->kernel >= 0) close_kernels(found->kernel);
  heir.all.erase(found);
}

void Serving::disinherit(Heir& heir) {
  while (!heir.all.empty()) close(heir, heir.all.back().number);
  std::erase_if(heirs_, [&](const auto& one) { return one.get() == &heir; });
}

Descriptor Serving::share(int kernel, std::uint64_t inode) {
  Descriptor end = supervisor_.adopt(client_, kernel);
  if (!end || inode == 0) return end;
  convert_numbers(inode, end);
  for (const auto& heir : heirs_)
    for (Inherited& one : heir->all) {
      if (one.kernel < 0 || one.inode != inode) continue;
      close_kernels(std::exchange(one.kernel, -1));
      one.end = Descriptor(::dup(end.get()));
    }
  return end;
}

// The program's own numbers of it, which its threads may use meanwhile.
void Serving::convert_numbers(std::uint64_t inode, const Descriptor& end) {
  for (int fd = 0; fd <= highest_entry(); fd++) {
    const Entry entry = entry_of(fd);
    if (entry.owner() != Owner::kKernel || inode_of(entry.kernel_fd()) != inode) continue;
    const std::lock_guard lock(shared_numbers);
    if (!replace_entry(fd, entry, Entry::of_served())) continue;
    const bool closes = (libc().fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
    libc().dup3(end.get(), fd, closes ? O_CLOEXEC : 0);
    EpollSet::move_to_host(entry.kernel_fd(), fd);
    close_kernels(entry.kernel_fd());
  }
}

bool Serving::knows(int fd) {
  return client_->find(tool::served::cookie_of(fd)) != nullptr;
}

Serving& get() {
  return made_once(serving);
}

// While a process is made.
std::shared_ptr<std::promise<void>> pause;

}  // namespace

bool serves_children() {
  return serving.load(std::memory_order_acquire) != nullptr;
}

void take_childs_call(const tool::served::Notification& call) {
  get().take(call);
}

std::shared_ptr<Heir> make_heir_and_pause() {
  Serving& all = get();
  const auto made = std::make_shared<std::promise<std::shared_ptr<Heir>>>();
  pause = std::make_shared<std::promise<void>>();
  all.post([&all, made, over = pause] {
    std::future<void> is_over = over->get_future();
    made->set_value(all.make_heir());
    is_over.wait();
  });
  return made->get_future().get();
}

void end_pause() {
  if (pause != nullptr) std::exchange(pause, nullptr)->set_value();
}

Descriptor claim_for(Heir& heir, int number) {
  Descriptor end;
  get().run([&] { end = get().claim(heir, number); });
  return end;
}

void close_for(Heir& heir, int number) {
  get().run([&] { get().close(heir, number); });
}

void disinherit(Heir& heir) {
  get().run([&] { get().disinherit(heir); });
}

void settle_serving() {
  get().run([] { get().settle(); });
}

bool share_number(int number) {
  const Inside inside;
  bool good = false;
  Serving& all = get();
  all.run([&] {
    const Entry entry = entry_of(number);
    good = entry.owner() != Owner::kKernel;
    const std::uint64_t inode = good ? 0 : inode_of(entry.kernel_fd());
    if (inode == 0) return;
    const auto copy = static_cast<int>(lkl_sys_dup(static_cast<unsigned>(entry.kernel_fd())));
    if (copy < 0) return;
    good = static_cast<bool>(all.share(copy, inode));
    if (!good) close_kernels(copy);
  });
  return good;
}

void know_if_served(int number) {
  if (!serves_children()) return;
  const Inside inside;
  bool known = false;
  get().run([&] { known = get().knows(number); });
  if (known) set_entry(number, Entry::of_served());
}

void forget_serving() {
  serving = nullptr;
  pause = nullptr;
}

void close_served_numbers() {
  for (int fd = 0; fd <= highest_entry(); fd++)
    if (entry_of(fd).owner() == Owner::kServed) free_number(fd);
}

void finish_serving() {
  if (!serves_children()) return;
  Serving& all = get();
  all.post([&] { all.finish(); });
  constexpr std::chrono::milliseconds kLook(20);
  while (all.ended().wait_for(kLook) != std::future_status::ready)
    if (this_thread.waiting != 0) all.post([&] { all.stop(); });
}

}  // namespace lkl::preload
