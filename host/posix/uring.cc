// SPDX-License-Identifier: GPL-2.0
#include "posix/uring.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "annotate.h"
#include "posix/iovec.h"

namespace lkl::host {
namespace {

constexpr std::array kOperations = {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC};

void prepare(io_uring_sqe* entry, const IoOperation& operation) {
  const auto count = static_cast<unsigned>(operation.vector.size());
  switch (operation.kind) {
    case IoOperation::Kind::kRead:
      io_uring_prep_readv(entry, operation.fd, to_iovec(operation.vector), count, operation.offset);
      break;
    case IoOperation::Kind::kWrite:
      io_uring_prep_writev(entry, operation.fd, to_iovec(operation.vector), count,
                           operation.offset);
      break;
    case IoOperation::Kind::kSync:
    case IoOperation::Kind::kTask:
      io_uring_prep_fsync(entry, operation.fd, IORING_FSYNC_DATASYNC);
      break;
  }
}

}  // namespace

int Uring::open() {
  io_uring_params params = {};
  params.flags = IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED;
  if (const int error = io_uring_queue_init_params(kEntries, &ring_, &params); error < 0)
    return error;
  open_ = true;
  // Ended requests must not be dropped. Linux 5.5 has it.
  int error = params.features & IORING_FEAT_NODROP ? 0 : -ENOSYS;
  if (error == 0) error = restrict_operations();
  if (error < 0) close();
  return error;
}

void Uring::close() {
  if (open_) io_uring_queue_exit(&ring_);
  open_ = false;
}

// System call filters do not see what a ring is asked for: of those of a process that confines
// itself it must not be the way out. Nothing can be opened by it, and this is for good.
int Uring::restrict_operations() {
  std::array<io_uring_restriction, kOperations.size()> allowed = {};
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
    allowed[i].sqe_op = kOperations[i];
  }
  // By number: the shared library of liburing up to 2.3 does not export these two.
  const auto ask = [this](unsigned what, void* argument, unsigned count) {
    return ::syscall(SYS_io_uring_register, ring_.ring_fd, what, argument, count) < 0 ? -errno : 0;
  };
  if (const int error = ask(IORING_REGISTER_RESTRICTIONS, allowed.data(), allowed.size()))
    return error;
  return ask(IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
}

int Uring::submit(IoOperationList& operations) {
  while (!operations.empty()) {
    std::array<IoOperation*, kEntries> batch;
    unsigned count = 0;
    while (count < batch.size() && !operations.empty()) {
      io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
      if (!entry) break;
      batch[count] = operations.pop();
      prepare(entry, *batch[count]);
      io_uring_sqe_set_data(entry, batch[count]);
      ++count;
    }
    unsigned taken = 0;
    tell(&ring_);
    while (taken < count) {
      const int result = io_uring_submit(&ring_);
      if (result > 0) {
        taken += static_cast<unsigned>(result);
      } else if (result == -EAGAIN || result == -EBUSY || result == -EINTR) {
        // short of memory for requests just now
        ::usleep(100);
      } else {
        // a system call filter that came after us, say: what it has not taken is given back
        while (count > taken) operations.push_front(*batch[--count]);
        return result < 0 ? result : -EIO;
      }
    }
  }
  return 0;
}

IoOperationList Uring::reap() {
  IoOperationList ended;
  std::array<io_uring_cqe*, 32> entries;
  while (const unsigned ready = io_uring_peek_batch_cqe(&ring_, entries.data(), entries.size())) {
    hear(&ring_);
    for (unsigned i = 0; i < ready; ++i) {
      auto& operation = *static_cast<IoOperation*>(io_uring_cqe_get_data(entries[i]));
      operation.result = entries[i]->res;
      ended.push(operation);
    }
    io_uring_cq_advance(&ring_, ready);
  }
  return ended;
}

}  // namespace lkl::host
