// SPDX-License-Identifier: GPL-2.0
//
// What the operations share: calls that throw, and the one place that answers with an error.
#ifndef LKL_FUSE_OPERATION_H
#define LKL_FUSE_OPERATION_H

#include <errno.h>

#include <functional>
#include <new>
#include <system_error>

#include "file_system.h"
#include "protocol.h"
#include "session/serving.h"
#include "worker.h"

namespace lkl::fuse {

using tool::check;

// Error numbers of both kernels are the same ones (asm-generic/errno.h). To the host a kernel that
// has panicked is a disk that has failed.
inline int error_for_host(int error) {
  return error == ESHUTDOWN ? EIO : error;
}

// Runs the body of an operation. It has to answer the request, or to throw. It is run again if it
// has found the file system read-only because the host's was, until a moment ago.
template <typename Body>
void serve(fuse_req_t request, Body body) noexcept {
  try {
    FileSystem& fs = file_system(request);
    try {
      body(fs);
    } catch (const std::system_error& error) {
      if (error.code().value() != EROFS || !fs.host_access().make_writable()) throw;
      body(fs);
    }
  } catch (const std::system_error& error) {
    fuse_reply_err(request, error_for_host(error.code().value()));
  } catch (const std::bad_alloc&) {
    fuse_reply_err(request, ENOMEM);
  }
}

// As serve(), for what changes something.
template <typename Body>
void serve_change(fuse_req_t request, Body body) noexcept {
  serve(request, [&](FileSystem& fs) {
    fs.clock().follow();
    body(fs);
  });
}

// The same if the host keeps no time of it.
template <typename Body>
void serve_own_change(fuse_req_t request, Body body) noexcept {
  serve(request, [&](FileSystem& fs) {
    fs.follow_clock_alone();
    body(fs);
  });
}

// As serve_change(), for a body that returns the result of a call and has nothing more to say.
template <typename Body>
void serve_result(fuse_req_t request, Body body) noexcept {
  serve_change(request, [&](FileSystem& fs) {
    check(body(fs));
    fuse_reply_err(request, 0);
  });
}

// What is made from now on is the caller's.
inline void make_as_caller(fuse_req_t request, const FileSystem& fs) {
  const fuse_ctx* context = fuse_req_ctx(request);
  // Without ACLs the host's kernel has applied the umask already.
  const mode_t mask = fs.options().check_permissions ? context->umask : 0;
  Worker::current().make_as(fs.options().owners.swap_user(context->uid),
                            fs.options().owners.swap_group(context->gid), mask);
}

// Takes set-user-ID and set-group-ID bits away from what a user has changed who may not keep them.
// `fd` may be a path descriptor. The host says either just that, or only if the file has one of
// these bits that the user may not keep.
enum class HostSaid { kJustThat, kWhatItHas };
void take_privileges(fuse_req_t request, int fd, HostSaid said = HostSaid::kJustThat);

// For utimensat(2). Bits of `what` as of FUSE_SETATTR.
struct NewTimes {
  NewTimes(const struct stat& attributes, int what);

  struct __lkl__kernel_timespec access_and_change[2] = {};
};

// Changes a file by `change`, a call that gives a negative result if it fails. The host that
// collects writes keeps the times of the last change itself, and says so only when its clock has
// gone on: what changes the file here leaves them at that. `fd` may be a path descriptor.
long long change_file(FileSystem& fs, Node* node, int fd, const std::function<long long()>& change);

// One group of operations each, by what they work on.
void add_name_operations(fuse_lowlevel_ops& operations);
void add_attribute_operations(fuse_lowlevel_ops& operations);
void add_file_operations(fuse_lowlevel_ops& operations);
void add_directory_operations(fuse_lowlevel_ops& operations);
void add_ioctl_operations(fuse_lowlevel_ops& operations);

}  // namespace lkl::fuse

#endif  // LKL_FUSE_OPERATION_H
