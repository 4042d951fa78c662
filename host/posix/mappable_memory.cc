// SPDX-License-Identifier: GPL-2.0
#include "mappable_memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "host.h"
#include "posix/raw_call.h"
#include "posix/valgrind.h"

namespace lkl::host {
namespace {

constexpr size_t kPage = 4096;

// Page faults of the host for what is written to cost more than to map it, one for each page; of
// much not all is going to be touched. For what is read it maps sixteen pages by one.
constexpr size_t kMostPopulated = 64 * kPage;

// A thread for so much at least.
constexpr size_t kLeastToCopy = size_t{1} << 20;

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
  if (!put(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1)) return false;
  valgrind::comes_when_used(at, size);
  return madvise(at, size, MADV_DONTDUMP) == 0;
}

// With the thread that forks.
unsigned most_copiers() {
  return std::min(processors(), Copiers::kMost);
}

// Where a file has pages, between two offsets.
template <typename Each>
bool for_each_run(const Descriptor& file, size_t start, size_t end, Each each) {
  const auto limit = static_cast<off_t>(end);
  auto at = static_cast<off_t>(start);
  while (at < limit && (at = lseek(file.get(), at, SEEK_DATA)) >= 0 && at < limit) {
    const off_t to = std::min(lseek(file.get(), at, SEEK_HOLE), limit);
    if (to < at || !each(static_cast<size_t>(at), static_cast<size_t>(to - at))) return false;
    at = to;
  }
  return at >= 0 || errno == ENXIO;  // beyond the last of it
}

// To the same place in another file. Of what the kernel has not written to valgrind must not think
// that it is told to somebody. Not pwrite(): to a sanitizer much of it is nobody's.
bool copy_run(const Descriptor& from, const std::byte* mapped, const Descriptor& to, size_t offset,
              size_t size) {
  static const bool by_host = valgrind::runs_us();
  while (size > 0) {
    auto in = static_cast<off_t>(offset), out = in;
    const int64_t done =
        by_host ? raw_call(SYS_copy_file_range, from.get(), &in, to.get(), &out, size, 0)
                : raw_call(SYS_pwrite64, to.get(), mapped + offset, size, out);
    if (done <= 0) return false;
    offset += static_cast<size_t>(done);
    size -= static_cast<size_t>(done);
  }
  return true;
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
  Descriptor file = empty_file(size);
  if (file) pieces_.add({std::move(file), 0, size});
  if (!guards_ || pieces_.empty() || !put_memory(place, 0, size)) {
    pieces_.keep(0);
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

// MAP_FIXED, of each file what it has of this.
bool MappableMemory::put_pieces(void* at, size_t offset, size_t size, int prot, int flags) const {
  for (const Piece& piece : pieces_) {
    const size_t start = std::max(piece.start, offset), end = std::min(piece.end, offset + size);
    if (start < end && !put(static_cast<std::byte*>(at) + (start - offset), end - start, prot,
                            flags, piece.file.get(), start))
      return false;
  }
  return true;
}

// A child that did not go by our handlers must not write to what is its parent's.
bool MappableMemory::put_memory(void* at, size_t offset, size_t size) const {
  return put_pieces(at, offset, size, PROT_READ | PROT_WRITE, MAP_SHARED) &&
         madvise(at, size, MADV_DONTFORK) == 0;
}

bool MappableMemory::map(void* at, const void* base, size_t size, int access) const {
  const auto offset = static_cast<const std::byte*>(base) - static_cast<const std::byte*>(base_);
  if (static_cast<size_t>(offset) + size > mappable_size_) return false;
  const bool written = access & LKL_MAP_WRITE;
  const int populate = written && size <= kMostPopulated ? MAP_POPULATE : 0;
  if (written) valgrind::is_written_elsewhere(base, size);
  return put_pieces(at, static_cast<size_t>(offset), size, protection(access),
                    MAP_SHARED | populate);
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
  valgrind::is_written_elsewhere(base, size);
  if (put_memory(at, offset, size)) return true;
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

// ---- fork() ----
//
// A page of a file in memory costs the host so much that it is a child's copy which takes the time,
// and to one file it lets one thread write at a time. So the memory of a child is in several, the
// ends of which are such that each gets as much. The parent copies, which has it all mapped.

//
// From fork_prepare() to fork_parent() nobody else's call goes on, so none of this takes a lock of
// the C library's, its allocator's for one: who has it may be in a call.

#if defined(__SANITIZE_THREAD__)
// It takes threads of a forked child for those that there were at the fork, whose addresses they
// get, and ends the process. So the thread that forks copies all.
constexpr bool kMayHaveThreads = false;
#else
constexpr bool kMayHaveThreads = true;
#endif

Copiers::Copiers() {
  for (unsigned i = 0; kMayHaveThreads && i + 1 < most_copiers(); ++i) {
    copiers_[i].all = this;
    copiers_[i].number = i + 1;
    if (copiers_[i].thread.start(
            "lkl-fork", [](void* self) { serve(*static_cast<Copier*>(self)); }, &copiers_[i]))
      break;
  }
  for (Copier& copier : copiers_)
    if (copier.thread.running()) wait_while(copier, kBegins);
}

Copiers::~Copiers() {
  for (Copier& copier : copiers_) {
    if (!copier.thread.running()) continue;
    copier.state.store(kEnds);
    wake_one(copier.state);
    copier.thread.join();
  }
}

void Copiers::fork_forget() {
  for (Copier& copier : copiers_) copier.thread.fork_forget();
}

void Copiers::wait_while(Copier& copier, State state) {
  while (copier.state.load() == state) wait_on(copier.state, state, UINT64_MAX);
}

void Copiers::serve(Copier& self) {
  self.state.store(kIdle);
  wake_one(self.state);
  for (;;) {
    wait_while(self, kIdle);
    if (self.state.load() == kEnds) return;
    self.all->body_(self.all->argument_, self.number);
    self.state.store(kIdle);
    wake_one(self.state);
  }
}

void Copiers::run(void (*body)(void*, size_t), void* argument, size_t count) {
  body_ = body;
  argument_ = argument;
  for (Copier& copier : copiers_) {
    if (!copier.thread.running() || copier.number >= count) continue;
    copier.state.store(kWorks);
    wake_one(copier.state);
  }
  for (size_t i = 0; i < count; ++i)
    if (i == 0 || i > copiers_.size() || !copiers_[i - 1].thread.running()) body(argument, i);
  for (Copier& copier : copiers_) wait_while(copier, kWorks);
}

void MappableMemory::make_pieces_for_child() {
  const auto for_each_run_of_all = [this](const auto& each) {
    return std::all_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
      return for_each_run(piece.file, piece.start, piece.end, each);
    });
  };
  size_t in_use = 0;
  const auto count = [&](size_t, size_t run) {
    in_use += run;
    return true;
  };
  if (!for_each_run_of_all(count)) return;
  const size_t wanted = std::clamp<size_t>(in_use / kLeastToCopy, 1, most_copiers());
  // one will do if the host has no more descriptors
  while (childs_.size() < wanted) {
    Descriptor file = empty_file(size_);
    if (!file) break;
    childs_.add({std::move(file), 0, mappable_size_});
  }
  if (childs_.empty()) return;
  const size_t share = in_use / childs_.size() / kPage * kPage;
  size_t left = share;
  Piece* piece = childs_.begin();
  for_each_run_of_all([&](size_t offset, size_t run) {
    for (; run > left && piece + 1 != childs_.end(); left = share) {
      offset += left;
      run -= left;
      piece->end = offset;
      (++piece)->start = offset;
    }
    left -= std::min(left, run);
    return true;
  });
  childs_.keep(static_cast<size_t>(piece + 1 - childs_.begin()));
}

void MappableMemory::fork_prepare() {
  int ends[2];
  if (!exists() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
  copied_ = Descriptor(ends[0]);
  tell_copied_ = Descriptor(ends[1]);
  make_pieces_for_child();
}

bool MappableMemory::copy_to(const Piece& to) const {
  return std::all_of(pieces_.begin(), pieces_.end(), [&](const Piece& from) {
    return for_each_run(from.file, std::max(from.start, to.start), std::min(from.end, to.end),
                        [&](size_t offset, size_t size) {
                          return copy_run(from.file, static_cast<const std::byte*>(base_), to.file,
                                          offset, size);
                        });
  });
}

bool MappableMemory::copy_for_child(Copiers* copiers) const {
  struct Copy {
    const MappableMemory* memory;
    std::atomic<bool> good = true;
    void of(size_t piece) {
      if (!memory->copy_to(memory->childs_[piece])) good = false;
    }
  } copy = {this};
  const auto of_piece = [](void* self, size_t piece) { static_cast<Copy*>(self)->of(piece); };
  if (copiers)
    copiers->run(of_piece, &copy, childs_.size());
  else
    for (size_t i = 0; i < childs_.size(); ++i) of_piece(&copy, i);
  return copy.good;
}

void MappableMemory::fork_parent(Copiers* copiers) {
  // or the child would wait for itself if we are gone
  copied_ = Descriptor();
  if (!childs_.empty() && copy_for_child(copiers))
    (void)send(tell_copied_.get(), "", 1, MSG_NOSIGNAL);
  tell_copied_ = Descriptor();
  childs_.keep(0);
}

bool MappableMemory::have_copy() {
  tell_copied_ = Descriptor();
  char said;
  ssize_t got = 0;
  if (copied_)
    while ((got = read(copied_.get(), &said, 1)) < 0 && errno == EINTR) {
    }
  copied_ = Descriptor();
  if (got != 1) return false;
  pieces_ = std::move(childs_);
  childs_.keep(0);
  return put_memory(base_, 0, mappable_size_) &&
         std::all_of(loans_.begin(), loans_.end(), [this](const Loan& loan) {
           return put_memory(loan.at, loan.offset, loan.size);
         });
}

bool MappableMemory::fork_child() {
  if (!exists()) return true;
  // what is mapped there is the parent's memory
  for (const Window& window : windows_) (void)put_nothing(window.base, window.size);
  if (!have_copy()) {
    fork_child_without();
    return false;
  }
  put_guards_back();
  return true;
}

void MappableMemory::fork_child_without() {
  if (!exists()) return;
  for (const Window& window : windows_) (void)put_nothing(window.base, window.size);
  (void)put(base_, mappable_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  // it may have use for what is the application's: as it is, until somebody writes
  for (const Loan& loan : loans_)
    (void)put_pieces(loan.at, loan.offset, loan.size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  copied_ = Descriptor();
  tell_copied_ = Descriptor();
  childs_.keep(0);
}

}  // namespace lkl::host
