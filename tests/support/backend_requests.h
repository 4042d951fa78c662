// SPDX-License-Identifier: GPL-2.0
// Requests to a backend, one after the other, by a loop that is waited on here.
#pragma once

#include <vector>

#include "block/backend.h"

namespace lkl_test {

struct TestRequest final : lkl::host::BlockRequest {
  bool ended = false;
  int error = 0;
  std::vector<lkl::host::IoVec> parts;

  TestRequest() = default;
  TestRequest(lkl::host::BlockOp what, uint64_t where, std::vector<lkl::host::IoVec> vec,
              uint64_t bytes = 0)
      : parts(std::move(vec)) {
    op = what;
    offset = where;
    vector = parts;
    length = bytes;
    for (const lkl::host::IoVec& part : parts) length += part.size;
  }
  void completed(int result) override {
    ended = true;
    error = result;
  }
};

inline int run(lkl::host::BlockBackend& backend, lkl::host::EventLoop& loop, TestRequest& request) {
  backend.submit(request);
  while (!request.ended) loop.wait(UINT64_MAX);
  return request.error;
}

inline int run(lkl::host::BlockBackend& backend, lkl::host::EventLoop& loop, lkl::host::BlockOp op,
               uint64_t offset, std::vector<lkl::host::IoVec> parts, uint64_t length = 0) {
  TestRequest request(op, offset, std::move(parts), length);
  return run(backend, loop, request);
}

}  // namespace lkl_test
