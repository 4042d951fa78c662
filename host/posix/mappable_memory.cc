// SPDX-License-Identifier: GPL-2.0
#include "mappable_memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "host.h"

namespace lkl::host {
namespace {

constexpr size_t kPage = 4096;

// Page faults of the host for what is written to cost more than to map it, one for each page; of
// much not all is going to be touched. For what is read it maps sixteen pages by one.
constexpr size_t kMostPopulated = 64 * kPage;

std::atomic<bool> faults_are_served = false;

int protection(int access) {
  return ((access & LKL_MAP_READ) ? PROT_READ : 0) | ((access & LKL_MAP_WRITE) ? PROT_WRITE : 0) |
         ((access & LKL_MAP_EXECUTE) ? PROT_EXEC : 0);
}

// A hole for who looks at it, as large as that.
Descriptor empty_file(size_t size) {
  Descriptor file(memfd_create("lkl-memory", MFD_CLOEXEC));
  if (file && ftruncate(file.get(), static_cast<off_t>(size)) != 0) file = Descriptor();
  return file;
}

bool put(void* at, size_t size, int prot, int flags, int fd, size_t offset = 0) {
  return mmap(at, size, prot, flags | MAP_FIXED | MAP_NORESERVE, fd, static_cast<off_t>(offset)) ==
         at;
}

// Nor in core files: gdb would write all of a window as zeros.
bool put_nothing(void* at, size_t size) {
  return put(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1) &&
         madvise(at, size, MADV_DONTDUMP) == 0;
}

// A child that did not go by our handlers must not write to what is its parent's.
bool put_memory(void* at, size_t size, const Descriptor& file, size_t offset = 0) {
  return put(at, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), offset) &&
         madvise(at, size, MADV_DONTFORK) == 0;
}

bool copy(const std::byte* from, const Descriptor& holes_of, const Descriptor& to) {
  off_t at = 0;
  while ((at = lseek(holes_of.get(), at, SEEK_DATA)) >= 0) {
    const off_t end = lseek(holes_of.get(), at, SEEK_HOLE);
    while (at < end) {
      const ssize_t written = pwrite(to.get(), from + at, static_cast<size_t>(end - at), at);
      if (written <= 0) return false;
      at += written;
    }
  }
  return errno == ENXIO;  // beyond the last of it
}

}  // namespace

void let_faults_come() {
  if (!faults_are_served.load(std::memory_order_relaxed)) return;
  sigset_t faults;
  sigemptyset(&faults);
  sigaddset(&faults, SIGSEGV);
  sigaddset(&faults, SIGBUS);
  pthread_sigmask(SIG_UNBLOCK, &faults, nullptr);
}

MappableMemory::~MappableMemory() {
  if (exists()) release_memory(base_, size_);
  for (const Window& window : windows_) munmap(window.base, window.size);
}

void* MappableMemory::allocate(size_t size, size_t align) {
  if (exists()) return nullptr;
  // its place is found as for any other memory
  void* const place = reserve_memory(size, align);
  if (!place) return nullptr;
  guards_.reset(static_cast<uint8_t*>(std::calloc(size / kPage / 8, 1)));
  file_ = empty_file(size);
  if (!guards_ || !file_ || !put_memory(place, size, file_)) {
    release_memory(place, size);
    return nullptr;
  }
  base_ = place;
  size_ = mappable_size_ = size;
  faults_are_served.store(true);
  let_faults_come();
  return place;
}

bool MappableMemory::never_map(void* base, size_t size) {
  if (!put(base, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1)) return false;
  mappable_size_ = size_ - size;
  return true;
}

void* MappableMemory::window(size_t size, size_t align) {
  void* const place = reserve_memory(size, align);
  if (!place) return nullptr;
  if (!put_nothing(place, size)) {
    release_memory(place, size);
    return nullptr;
  }
  windows_.push_back({place, size});
  return place;
}

bool MappableMemory::map(void* at, const void* base, size_t size, int access) const {
  const auto offset = static_cast<const std::byte*>(base) - static_cast<const std::byte*>(base_);
  if (static_cast<size_t>(offset) + size > mappable_size_) return false;
  const bool written = access & LKL_MAP_WRITE;
  const int populate = written && size <= kMostPopulated ? MAP_POPULATE : 0;
  return mmap(at, size, protection(access), MAP_SHARED | MAP_FIXED | populate, file_.get(),
              offset) == at;
}

bool MappableMemory::unmap(void* at, size_t size) {
  return put_nothing(at, size);
}

bool MappableMemory::lend(void* at, const void* base, size_t size) {
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(base) -
                                          static_cast<const std::byte*>(base_));
  if (offset + size > mappable_size_) return false;
  const Loan loan = {at, offset, size};
  try {
    loans_.push_back(loan);
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (put_memory(at, size, file_, offset)) return true;
  // whichever of the two it is now
  (void)take_back(at, size);
  return false;
}

bool MappableMemory::take_back(void* at, size_t size) {
  void* const own = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (own == MAP_FAILED) return false;
  std::memcpy(own, at, size);
  if (mremap(own, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) != at) {
    munmap(own, size);
    return false;
  }
  std::erase_if(loans_, [&](const Loan& loan) {
    return static_cast<size_t>(static_cast<std::byte*>(loan.at) - static_cast<std::byte*>(at)) <
           size;
  });
  return true;
}

void MappableMemory::discard(void* base, size_t size) const {
  // the file's pages, not only the mapping of them
  (void)madvise(base, size, MADV_REMOVE);
}

void MappableMemory::remember_guard(const void* stack, bool on) {
  if (!has(stack)) return;
  const size_t page =
      static_cast<size_t>(static_cast<const std::byte*>(stack) - static_cast<std::byte*>(base_)) /
      kPage;
  const auto bit = static_cast<uint8_t>(1u << page % 8);
  guards_[page / 8] = static_cast<uint8_t>(on ? guards_[page / 8] | bit : guards_[page / 8] & ~bit);
}

void MappableMemory::put_guards_back() const {
  for (size_t byte = 0; byte < size_ / kPage / 8; ++byte)
    for (unsigned bits = guards_[byte]; bits; bits &= bits - 1) {
      const size_t page = byte * 8 + static_cast<size_t>(__builtin_ctz(bits));
      (void)mprotect(static_cast<std::byte*>(base_) + (page + 1) * kPage, kPage, PROT_READ);
    }
}

void MappableMemory::fork_prepare() {
  int ends[2];
  if (!exists() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
  copied_ = Descriptor(ends[0]);
  tell_copied_ = Descriptor(ends[1]);
}

void MappableMemory::fork_parent() {
  // or it would wait for itself
  tell_copied_ = Descriptor();
  char said;
  if (copied_)
    while (read(copied_.get(), &said, 1) < 0 && errno == EINTR) {
    }
  copied_ = Descriptor();
}

bool MappableMemory::copy_from_parent() {
  if (!tell_copied_) return false;
  Descriptor own = empty_file(size_);
  void* const parents = mmap(nullptr, size_, PROT_READ, MAP_SHARED, file_.get(), 0);
  if (!own || parents == MAP_FAILED) return false;
  const bool copied = copy(static_cast<const std::byte*>(parents), file_, own);
  munmap(parents, size_);
  if (!copied || !put_memory(base_, mappable_size_, own)) return false;
  for (const Loan& loan : loans_)
    if (!put_memory(loan.at, loan.size, own, loan.offset)) return false;
  file_ = std::move(own);
  return true;
}

bool MappableMemory::fork_child() {
  if (!exists()) return true;
  // what is mapped there is the parent's memory
  for (const Window& window : windows_) (void)put_nothing(window.base, window.size);
  const bool copied = copy_from_parent();
  if (tell_copied_) (void)send(tell_copied_.get(), "", 1, MSG_NOSIGNAL);
  copied_ = Descriptor();
  tell_copied_ = Descriptor();
  if (copied)
    put_guards_back();
  else
    fork_child_without();
  return copied;
}

void MappableMemory::fork_child_without() {
  if (!exists()) return;
  for (const Window& window : windows_) (void)put_nothing(window.base, window.size);
  (void)put(base_, mappable_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  // it may have use for what is the application's: as it is, until somebody writes
  for (const Loan& loan : loans_)
    (void)put(loan.at, loan.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file_.get(), loan.offset);
  copied_ = Descriptor();
  tell_copied_ = Descriptor();
}

}  // namespace lkl::host
