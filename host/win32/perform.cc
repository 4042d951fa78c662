// SPDX-License-Identifier: GPL-2.0
// I/O that the calling thread waits for, by the C library's descriptors, whose handles are not
// overlapped.
#include <algorithm>
#include <cerrno>

#include "host.h"
#include "io/operation.h"
#include "win32/gathering.h"
#include "win32/handle.h"
#include "win32/ntdll.h"
#include "win32/pieces.h"
#include "win32/windows_error.h"

namespace lkl::host {
namespace {

// Of ntstatus.h, which can't be had beside windows.h.
constexpr LONG kPending = 0x103, kEndOfFile = static_cast<LONG>(0xC0000011);

// Bytes transferred, or -errno. What is behind the end of a file is none.
// By ntdll: ReadFile() takes a place for something that is to be told of at a port.
int64_t once(HANDLE file, bool reads, Piece piece, uint64_t offset) {
  LARGE_INTEGER place;
  place.QuadPart = static_cast<int64_t>(offset);
  IO_STATUS_BLOCK result = {};
  LONG status = reads ? NtReadFile(file, nullptr, nullptr, nullptr, &result, piece.base, piece.size,
                                   &place, nullptr)
                      : NtWriteFile(file, nullptr, nullptr, nullptr, &result, piece.base,
                                    piece.size, &place, nullptr);
  if (status == kPending) {  // of a handle that somebody has made overlapped
    WaitForSingleObject(file, INFINITE);
    status = result.Status;
  }
  if (status == kEndOfFile) return 0;
  return status >= 0 ? static_cast<int64_t>(result.Information)
                     : errno_of(RtlNtStatusToDosError(status));
}

int64_t gathered(HANDLE file, bool reads, std::span<const IoVec> vector, size_t skip, size_t size,
                 uint64_t offset) {
  GatherBuffer buffer;
  if (!buffer.data()) return -ENOMEM;
  if (!reads) gather(vector, skip, {buffer.data(), size});
  const int64_t count = once(file, reads, {buffer.data(), static_cast<DWORD>(size)}, offset);
  if (reads && count > 0) scatter({buffer.data(), static_cast<size_t>(count)}, vector, skip);
  return count;
}

int64_t transfer(HANDLE file, bool reads, std::span<const IoVec> vector, uint64_t offset) {
  if (file == INVALID_HANDLE_VALUE) return -EBADF;
  size_t total = 0, done = 0;
  for (const IoVec& part : vector) total += part.size;
  while (done < total) {
    const Piece piece = Pieces(vector, done).next();
    const bool alone = piece.size >= Pieces::kLarge || piece.size == total - done;
    const size_t size = alone ? piece.size : std::min(total - done, GatherBuffer::kSize);
    const int64_t count = alone ? once(file, reads, piece, offset + done)
                                : gathered(file, reads, vector, done, size, offset + done);
    if (count < 0) return done > 0 ? static_cast<int64_t>(done) : count;
    done += static_cast<size_t>(count);
    if (static_cast<size_t>(count) < size) break;
  }
  return static_cast<int64_t>(done);
}

}  // namespace

// Whether it would have to wait nobody can say beforehand.
int64_t read_now(int fd, std::span<const IoVec> to, uint64_t offset, bool wait) {
  if (!wait) return -EOPNOTSUPP;
  const Unnoticed scope;
  return transfer(handle_of(fd), true, to, offset);
}

int64_t write_now(int fd, std::span<const IoVec> from, uint64_t offset, bool wait) {
  if (!wait) return -EOPNOTSUPP;
  const Unnoticed scope;
  return transfer(handle_of(fd), false, from, offset);
}

int64_t perform(const IoOperation& operation) {
  if (operation.kind == IoOperation::Kind::kTask) return operation.task->run();
  const Unnoticed scope;
  const HANDLE file = handle_of(operation.fd);
  if (operation.kind == IoOperation::Kind::kSync) {
    if (file == INVALID_HANDLE_VALUE) return -EBADF;
    return FlushFileBuffers(file) ? 0 : last_errno();
  }
  return transfer(file, operation.kind == IoOperation::Kind::kRead, operation.vector,
                  operation.offset);
}

}  // namespace lkl::host
