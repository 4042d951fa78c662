// SPDX-License-Identifier: GPL-2.0
#include "io/event_loop.h"

#include "host.h"

namespace lkl::host {

using BatchPointer = EventLoop::Batch*;
LKL_PER_THREAD(BatchPointer, batch_of_thread)
LKL_DEFINE_PER_THREAD(BatchPointer, batch_of_thread) = nullptr;

IoOperation& EventLoop::prepare(IoOperation::Kind kind, IoCompletion& end) {
  IoOperation& operation = end.operation_;
  operation.kind = kind;
  operation.end = &end;
  return operation;
}

void EventLoop::begin(IoOperation& operation) {
  in_flight_.fetch_add(1);
  Batch* const batch = batch_of_thread();
  if (batch && &batch->loop_ == this) {
    batch->started_.push(operation);
    return;
  }
  pass_on(operation);
}

void EventLoop::pass_on(IoOperation& operation) {
  IoOperationList one;
  one.push(operation);
  start(std::move(one));
}

void EventLoop::transfer(IoOperation::Kind kind, int fd, std::span<const IoVec> vector,
                         uint64_t offset, IoCompletion& end) {
  IoOperation& operation = prepare(kind, end);
  operation.fd = fd;
  operation.vector = vector;
  operation.offset = offset;
  begin(operation);
}

void EventLoop::read(int fd, std::span<const IoVec> to, uint64_t offset, IoCompletion& end) {
  transfer(IoOperation::Kind::kRead, fd, to, offset, end);
}

void EventLoop::write(int fd, std::span<const IoVec> from, uint64_t offset, IoCompletion& end) {
  transfer(IoOperation::Kind::kWrite, fd, from, offset, end);
}

void EventLoop::sync(int fd, IoCompletion& end) {
  IoOperation& operation = prepare(IoOperation::Kind::kSync, end);
  operation.fd = fd;
  begin(operation);
}

void EventLoop::run_blocking(BlockingTask& task, IoCompletion& end) {
  IoOperation& operation = prepare(IoOperation::Kind::kTask, end);
  operation.task = &task;
  begin(operation);
}

void EventLoop::finish(IoOperation& operation, int64_t result) {
  // the operation may be used again, or be gone, in done()
  operation.end->done(result);
  if (in_flight_.fetch_sub(1) == 1 && quiescing_.load()) kick();
}

void EventLoop::perform(IoOperation& operation) {
  finish(operation, host::perform(operation));
}

void EventLoop::wait(uint64_t deadline_ns) {
  submit();
  if (collect() > 0) return;
  sleep(deadline_ns);
  collect();
}

EventLoop::Batch::Batch(EventLoop& loop) : loop_(loop) {
  batch_of_thread() = this;
}

EventLoop::Batch::~Batch() {
  batch_of_thread() = nullptr;
  if (!started_.empty()) loop_.start(std::move(started_));
}

IoOperation* EventLoop::Batch::keep() {
  IoOperation* const first = started_.pop();
  if (first && first->kind == IoOperation::Kind::kTask) {
    started_.push_front(*first);
    return nullptr;
  }
  return first;
}

}  // namespace lkl::host
