// SPDX-License-Identifier: GPL-2.0
#include "posix/uring_loop.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "host.h"

namespace lkl {

std::unique_ptr<UringLoop> UringLoop::create() {
  std::unique_ptr<UringLoop> loop(new UringLoop);
  if (loop->open() < 0) return nullptr;
  return loop;
}

int UringLoop::open() {
  io_uring_params params = {};
  params.flags = IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED;
  if (const int error = io_uring_queue_init_params(kEntries, &ring_, &params); error < 0)
    return error;
  // Waiting with a deadline must not touch the submission queue, which belongs to
  // other threads; ended requests must not be dropped. Linux 5.11 has both.
  constexpr unsigned kNeeded = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
  if ((params.features & kNeeded) != kNeeded) {
    io_uring_queue_exit(&ring_);
    return -ENOSYS;
  }
  if (const int error = restrict_operations(); error < 0) {
    io_uring_queue_exit(&ring_);
    return error;
  }
  return 0;
}

// System call filters do not see what a ring is asked for: of those of a process that confines
// itself it must not be the way out. Nothing can be opened by it, and this is for good.
int UringLoop::restrict_operations() {
  std::array<io_uring_restriction, 4> allowed = {};
  constexpr std::array kOperations = {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC,
                                      IORING_OP_POLL_ADD};
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
    allowed[i].sqe_op = kOperations[i];
  }
  // By number: the shared library of liburing up to 2.3 does not export these two.
  const auto tell = [this](unsigned what, void* argument, unsigned count) {
    return ::syscall(SYS_io_uring_register, ring_.ring_fd, what, argument, count) < 0 ? -errno : 0;
  };
  if (const int error = tell(IORING_REGISTER_RESTRICTIONS, allowed.data(), allowed.size()))
    return error;
  return tell(IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
}

UringLoop::~UringLoop() {
  if (ring_.ring_fd <= 0) return;  // create() failed
  quiesce();
  io_uring_queue_exit(&ring_);
}

template <typename Prepare>
void UringLoop::submit(Prepare prepare, void* data) {
  const std::lock_guard lock(submit_mutex_);
  io_uring_sqe* sqe;
  while (!(sqe = io_uring_get_sqe(&ring_))) io_uring_submit(&ring_);
  prepare(sqe);
  io_uring_sqe_set_data(sqe, data);
  // EBUSY and EAGAIN pass: the kernel is short of memory for requests just now
  while (io_uring_submit(&ring_) < 0) {
  }
}

void UringLoop::read(int fd, std::span<const iovec> to, uint64_t offset, IoCompletion& end) {
  in_flight_.fetch_add(1);
  submit([&](io_uring_sqe* sqe) { io_uring_prep_readv(sqe, fd, to.data(), to.size(), offset); },
         &end);
}

void UringLoop::write(int fd, std::span<const iovec> from, uint64_t offset, IoCompletion& end) {
  in_flight_.fetch_add(1);
  submit(
      [&](io_uring_sqe* sqe) { io_uring_prep_writev(sqe, fd, from.data(), from.size(), offset); },
      &end);
}

void UringLoop::sync(int fd, IoCompletion& end) {
  in_flight_.fetch_add(1);
  submit([&](io_uring_sqe* sqe) { io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC); }, &end);
}

void UringLoop::run_blocking(BlockingTask& task, IoCompletion& end) {
  pool_.submit(task, end);
}

void UringLoop::arm_wakeup() {
  if (wakeup_armed_) return;
  wakeup_armed_ = true;
  submit([this](io_uring_sqe* sqe) { io_uring_prep_poll_add(sqe, wakeup_.fd(), POLLIN); },
         &wakeup_);
}

unsigned UringLoop::collect() {
  unsigned count = pool_.collect();
  std::array<io_uring_cqe*, 32> cqes;
  unsigned ready;
  while ((ready = io_uring_peek_batch_cqe(&ring_, cqes.data(), cqes.size())) > 0) {
    for (unsigned i = 0; i < ready; ++i) {
      void* const data = io_uring_cqe_get_data(cqes[i]);
      const int result = cqes[i]->res;
      io_uring_cqe_seen(&ring_, cqes[i]);
      if (data == &wakeup_) {
        uint64_t kicks;
        (void)!::read(wakeup_.fd(), &kicks, sizeof kicks);
        wakeup_armed_ = false;
        continue;
      }
      static_cast<IoCompletion*>(data)->done(result);
      in_flight_.fetch_sub(1);
      ++count;
    }
  }
  return count;
}

void UringLoop::wait(uint64_t deadline_ns) {
  if (collect() > 0 || !wakeup_.going_to_sleep()) return;
  arm_wakeup();
  io_uring_cqe* cqe;
  if (deadline_ns == UINT64_MAX) {
    io_uring_wait_cqe(&ring_, &cqe);
  } else {
    const uint64_t now = host::monotonic_ns();
    const uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    __kernel_timespec timeout = {.tv_sec = static_cast<int64_t>(left / 1'000'000'000),
                                 .tv_nsec = static_cast<long long>(left % 1'000'000'000)};
    io_uring_wait_cqe_timeout(&ring_, &cqe, &timeout);
  }
  wakeup_.awake();
  collect();
}

void UringLoop::quiesce() {
  for (;;) {
    collect();
    if (in_flight_.load() > 0) {
      io_uring_cqe* cqe;
      io_uring_wait_cqe(&ring_, &cqe);
    } else if (pool_.in_flight() > 0) {
      pool_.wait_for_one();
    } else {
      return;
    }
  }
}

void UringLoop::after_fork_child() {
  io_uring_queue_exit(&ring_);
  wakeup_.renew();
  wakeup_armed_ = false;
  pool_.after_fork_child();
  if (open() < 0) {
    constexpr char kMessage[] = "lkl: the child of a fork got no io_uring from the host\n";
    host::print(kMessage, sizeof kMessage - 1);
    std::abort();
  }
}

}  // namespace lkl
