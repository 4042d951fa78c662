// SPDX-License-Identifier: GPL-2.0
// What a kernel with page tables maps for the application, and for itself.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "support/child.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr size_t kPage = 4096;

class MappingTest : public KernelTest {
 protected:
  void SetUp() override {
    // there before the library's: faults that it does not serve come here
    struct sigaction action = {};
    action.sa_sigaction = caught;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, &segv_before_);
    sigaction(SIGBUS, &action, &bus_before_);
    KernelTest::SetUp();
  }
  void TearDown() override {
    lkl_sys_close_range(0, ~0u, 0);
    KernelTest::TearDown();
    sigaction(SIGSEGV, &segv_before_, nullptr);
    sigaction(SIGBUS, &bus_before_, nullptr);
  }

  static char* map(size_t size, int flags = LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, int fd = -1,
                   int protection = LKL_PROT_READ | LKL_PROT_WRITE, void* at = nullptr) {
    void* const memory = lkl_sys_mmap(at, size, protection, flags, fd, 0);
    const auto number = reinterpret_cast<lkl_long>(memory);
    EXPECT_FALSE(number < 0 && number > -kPageAsError) << number;
    return static_cast<char*>(memory);
  }
  static int file(const char* name, size_t size) {
    const int fd = static_cast<int>(lkl_sys_open(name, LKL_O_CREAT | LKL_O_RDWR, 0600));
    EXPECT_GE(fd, 0);
    EXPECT_EQ(lkl_sys_ftruncate(fd, static_cast<lkl_long>(size)), 0);
    return fd;
  }
  // The signal of an access, 0 if there is none.
  template <typename Access>
  static int signal_of(Access access) {
    signal_ = 0;
    if (sigsetjmp(back_, 1) == 0) {
      ready_ = 1;
      access();
    }
    ready_ = 0;
    return signal_;
  }
  static int signal_of_read(const char* at) {
    return signal_of([at] { (void)*static_cast<const volatile char*>(at); });
  }
  static int signal_of_write(char* at) {
    return signal_of([at] { *static_cast<volatile char*>(at) = 1; });
  }

  static constexpr lkl_long kPageAsError = 4096;
  static inline void* address_ = nullptr;

 private:
  static void caught(int number, siginfo_t* info, void*) {
    if (!ready_) {
      signal(number, SIG_DFL);
      return;
    }
    signal_ = number;
    address_ = info->si_addr;
    siglongjmp(back_, 1);
  }
  static inline sigjmp_buf back_;
  static inline volatile sig_atomic_t ready_ = 0, signal_ = 0;
  struct sigaction segv_before_, bus_before_;
};

}  // namespace

TEST_F(MappingTest, AnonymousMemoryIsZeroAndKeepsWhatIsWritten) {
  char* const memory = map(64 * kPage);
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(memory[i * kPage], 0);
  for (size_t i = 0; i < 64; ++i) memory[i * kPage] = static_cast<char>(i + 1);
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(memory[i * kPage], static_cast<char>(i + 1));
  EXPECT_EQ(lkl_sys_munmap(reinterpret_cast<lkl_ulong>(memory), 64 * kPage), 0);
  EXPECT_EQ(signal_of_read(memory), SIGSEGV);
  EXPECT_EQ(address_, memory);
}

// The kernel copies from and to pages that nobody has touched before.
TEST_F(MappingTest, TheKernelReadsAndWritesWhatItHasMapped) {
  int fds[2];
  ASSERT_EQ(lkl_sys_pipe2(fds, 0), 0);
  char* const memory = map(4 * kPage);
  EXPECT_EQ(lkl_sys_write(fds[1], memory, 2 * kPage), static_cast<lkl_long>(2 * kPage));
  EXPECT_EQ(lkl_sys_write(fds[1], "hello", 5), 5);
  EXPECT_EQ(lkl_sys_read(fds[0], memory + kPage + 100, 2 * kPage + 5),
            static_cast<lkl_long>(2 * kPage + 5));
  EXPECT_EQ(std::string(memory + 3 * kPage + 100, 5), "hello");
  auto* const time = reinterpret_cast<__lkl__kernel_timespec*>(map(kPage));
  EXPECT_EQ(lkl_sys_clock_gettime(LKL_CLOCK_MONOTONIC, time), 0);
  EXPECT_NE(time->tv_sec + time->tv_nsec, 0);
  // names as well: other code, word by word
  char* const name = map(2 * kPage) + kPage - 3;
  std::strcpy(name, "/in two pages");
  EXPECT_EQ(lkl_sys_mkdir(name, 0700), 0);
  EXPECT_EQ(lkl_sys_access("/in two pages", 0), 0);
}

TEST_F(MappingTest, BadPlacesAreErrorsToTheKernelAndSignalsToTheProgram) {
  int fds[2];
  ASSERT_EQ(lkl_sys_pipe2(fds, 0), 0);
  char* const memory = map(4 * kPage);
  memory[0] = 1;
  EXPECT_EQ(lkl_sys_munmap(reinterpret_cast<lkl_ulong>(memory), kPage), 0);
  EXPECT_EQ(lkl_sys_write(fds[1], memory, 1), -LKL_EFAULT);
  EXPECT_EQ(signal_of_read(memory), SIGSEGV);
  char* const fixed = memory + kPage;
  EXPECT_EQ(lkl_sys_mprotect(reinterpret_cast<lkl_ulong>(fixed), kPage, LKL_PROT_READ), 0);
  EXPECT_EQ(signal_of_read(fixed), 0);
  EXPECT_EQ(signal_of_write(fixed), SIGSEGV);
  EXPECT_EQ(lkl_sys_write(fds[1], fixed, 1), 1);
  EXPECT_EQ(lkl_sys_read(fds[0], fixed, 1), -LKL_EFAULT);
  EXPECT_EQ(lkl_sys_mprotect(reinterpret_cast<lkl_ulong>(fixed), kPage, LKL_PROT_NONE), 0);
  EXPECT_EQ(signal_of_read(fixed), SIGSEGV);
  EXPECT_EQ(
      lkl_sys_mprotect(reinterpret_cast<lkl_ulong>(fixed), kPage, LKL_PROT_READ | LKL_PROT_WRITE),
      0);
  EXPECT_EQ(signal_of_write(fixed), 0);
  // what is the host's can't be mapped over
  static char mine[2 * kPage];
  void* const over = lkl_sys_mmap(
      reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(mine) + kPage - 1) & ~(kPage - 1)),
      kPage, LKL_PROT_READ, LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS | LKL_MAP_FIXED, -1, 0);
  EXPECT_EQ(reinterpret_cast<lkl_long>(over), -LKL_ENOMEM);
}

TEST_F(MappingTest, FilesAreTheSameByEachWay) {
  const int fd = file("/file", 8 * kPage);
  char* const one = map(8 * kPage, LKL_MAP_SHARED, fd);
  char* const two = map(8 * kPage, LKL_MAP_SHARED, fd);
  char* const own = map(8 * kPage, LKL_MAP_PRIVATE, fd);
  EXPECT_EQ(lkl_sys_pwrite64(fd, "written", 8, 3 * kPage), 8);
  EXPECT_STREQ(one + 3 * kPage, "written");
  EXPECT_STREQ(own + 3 * kPage, "written");
  std::strcpy(two + 3 * kPage, "mapped");
  EXPECT_STREQ(one + 3 * kPage, "mapped");
  EXPECT_STREQ(own + 3 * kPage, "mapped");
  char back[16] = {};
  EXPECT_EQ(lkl_sys_pread64(fd, back, 7, 3 * kPage), 7);
  EXPECT_STREQ(back, "mapped");
  std::strcpy(own + 3 * kPage, "private");
  EXPECT_STREQ(one + 3 * kPage, "mapped");
  EXPECT_EQ(lkl_sys_msync(reinterpret_cast<lkl_ulong>(one), 8 * kPage, LKL_MS_SYNC), 0);
  std::strcpy(one + 3 * kPage, "again");
  EXPECT_STREQ(two + 3 * kPage, "again");
  EXPECT_STREQ(own + 3 * kPage, "private");
  EXPECT_EQ(lkl_sys_madvise(reinterpret_cast<lkl_ulong>(own), 8 * kPage, LKL_MADV_DONTNEED), 0);
  EXPECT_STREQ(own + 3 * kPage, "again");
}

TEST_F(MappingTest, BeyondTheEndOfAFileIsABusError) {
  const int fd = file("/file", 2 * kPage);
  char* const memory = map(4 * kPage, LKL_MAP_SHARED, fd);
  EXPECT_EQ(signal_of_read(memory + kPage), 0);
  EXPECT_EQ(signal_of_read(memory + 2 * kPage), SIGBUS);
  EXPECT_EQ(address_, memory + 2 * kPage);
  EXPECT_EQ(signal_of_write(memory + kPage), 0);
  EXPECT_EQ(lkl_sys_ftruncate(fd, kPage), 0);
  EXPECT_EQ(signal_of_write(memory + kPage), SIGBUS);
  EXPECT_EQ(lkl_sys_ftruncate(fd, 4 * kPage), 0);
  EXPECT_EQ(signal_of_write(memory + 3 * kPage), 0);
  EXPECT_EQ(memory[kPage], 0) << "what was cut off comes back";
}

// A fault maps 64 KiB; who reads on and on has few of them.
TEST_F(MappingTest, WhoReadsOnHasFewFaults) {
  constexpr size_t kBlock = 16 * kPage, kBlocks = 96;
  const int fd = file("/file", kBlock * kBlocks);
  const std::string content(kBlock, 'x');
  for (size_t i = 0; i < kBlocks; ++i)
    ASSERT_EQ(lkl_sys_write(fd, content.data(), kBlock), static_cast<long>(kBlock));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  // what the host has not mapped it does not read
  const auto is_mapped = [&](const char* at) {
    char there;
    return write(ends[1], at, 1) == 1 && read(ends[0], &there, 1) == 1;
  };
  const auto faults = [&](const auto& block_of) {
    char* const memory = map(kBlock * kBlocks, LKL_MAP_SHARED, fd, LKL_PROT_READ);
    int missing = 0;
    for (size_t i = 0; i < kBlocks; ++i) {
      const char* const at = memory + block_of(i) * kBlock;
      missing += !is_mapped(at);
      EXPECT_EQ(*static_cast<const volatile char*>(at), 'x');
    }
    lkl_sys_munmap(reinterpret_cast<lkl_ulong>(memory), kBlock * kBlocks);
    return missing;
  };
  EXPECT_LT(faults([](size_t i) { return i; }), 24);
  // two of them in turns
  EXPECT_LT(faults([](size_t i) { return i % 2 * kBlocks / 2 + i / 2; }), 48);
  // nobody knows where this one goes
  EXPECT_EQ(faults([](size_t i) { return kBlocks - 1 - i; }), static_cast<int>(kBlocks));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(MappingTest, Moves) {
  char* const memory = map(2 * kPage);
  std::strcpy(memory + kPage, "moves");
  char* const room = map(8 * kPage);
  const auto moved = static_cast<char*>(reinterpret_cast<void*>(lkl_sys_mremap(
      reinterpret_cast<lkl_ulong>(memory), 2 * kPage, 4 * kPage,
      LKL_MREMAP_MAYMOVE | LKL_MREMAP_FIXED, reinterpret_cast<lkl_ulong>(room + 2 * kPage))));
  ASSERT_EQ(moved, room + 2 * kPage);
  EXPECT_STREQ(moved + kPage, "moves");
  EXPECT_EQ(signal_of_read(memory), SIGSEGV);
  EXPECT_EQ(moved[3 * kPage], 0);
}

// Many threads meet faults at once, in a program that blocks all signals in its threads.
TEST_F(MappingTest, ThreadsShareIt) {
  constexpr size_t kPages = 512;
  char* const memory = map(kPages * kPage);
  std::atomic<unsigned> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, nullptr);
      lkl_sys_getpid();
      for (size_t i = 0; i < kPages; ++i) {
        char* const mine = memory + i * kPage + static_cast<size_t>(t) * 64;
        *mine = static_cast<char>(i + static_cast<size_t>(t));
      }
      for (size_t i = 0; i < kPages; ++i)
        if (memory[i * kPage + static_cast<size_t>(t) * 64] !=
            static_cast<char>(i + static_cast<size_t>(t)))
          ++wrong;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
}

TEST_F(MappingTest, SharedFutexesAreFoundByTheirPage) {
  const int fd = file("/file", kPage);
  auto* const one = reinterpret_cast<unsigned*>(map(kPage, LKL_MAP_SHARED, fd));
  auto* const two = reinterpret_cast<unsigned*>(map(kPage, LKL_MAP_SHARED, fd));
  std::atomic<bool> woken = false;
  std::thread waiter([&] {
    while (std::atomic_ref(*one).load() == 0)
      lkl_sys_futex(one, LKL_FUTEX_WAIT, 0, nullptr, nullptr, 0);
    woken = true;
  });
  while (!woken) {
    std::atomic_ref(*two).store(1);
    lkl_sys_futex(two, LKL_FUTEX_WAKE, 1, nullptr, nullptr, 0);
    usleep(1000);
  }
  waiter.join();
}

TEST_F(MappingTest, OfOrdinaryMemoryFutexesGoByTheAddress) {
  static unsigned word = 0;
  word = 0;
  std::atomic<int> waits = 0;
  std::thread waiter([&] {
    while (std::atomic_ref(word).load() == 0) {
      ++waits;
      EXPECT_NE(lkl_sys_futex(&word, LKL_FUTEX_WAIT, 0, nullptr, nullptr, 0), -LKL_EFAULT);
    }
  });
  while (waits == 0) usleep(1000);
  usleep(5000);
  std::atomic_ref(word).store(1);
  while (lkl_sys_futex(&word, LKL_FUTEX_WAKE, 1, nullptr, nullptr, 0) == 0 && waits < 0) {
  }
  waiter.join();
}

// The host lets a process have so many mappings, and here there are none left: what is mapped
// goes and comes back as it is needed.
TEST_F(MappingTest, TheHostMayHaveFewMappings) {
  constexpr size_t kPages = 4096;
  char* const memory = map(kPages * kPage);
  // in an order that no two of them are neighbours by their memory and by their place
  for (size_t i = 0; i < kPages; ++i) memory[(i * 1237 % kPages) * kPage] = static_cast<char>(i);
  EXPECT_EQ(in_child([&] {
              char* const many =
                  static_cast<char*>(::mmap(nullptr, kPage << 18, PROT_NONE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
              unsigned refused = 0, splits = 0;
              for (size_t i = 1; i < (1u << 18) && !refused; i += 2) {
                if (::mprotect(many + i * kPage, kPage, PROT_READ) != 0)
                  refused = 1;
                else
                  ++splits;
              }
              if (!refused) return 2;
              // some room for all, less than there are pages
              for (size_t i = 1; i < 401; i += 2)
                if (::mprotect(many + i * kPage, kPage, PROT_NONE) != 0) return 3;
              for (int round = 0; round < 2; ++round) {
                for (size_t i = 0; i < kPages; ++i) {
                  char& byte = memory[(i * 1237 % kPages) * kPage];
                  if (byte != static_cast<char>(i + static_cast<size_t>(round))) return 4;
                  ++byte;
                }
              }
              return 0;
            }),
            0);
}

// An error when it is asked for, not the end of the kernel when it is written.
TEST_F(MappingTest, MoreThanThereIsIsNotPromised) {
  constexpr size_t kPiece = 1 << 20;
  std::vector<char*> pieces;
  for (;;) {
    void* const piece = lkl_sys_mmap(nullptr, kPiece, LKL_PROT_READ | LKL_PROT_WRITE,
                                     LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
    if (reinterpret_cast<lkl_long>(piece) == -LKL_ENOMEM) break;
    ASSERT_GT(reinterpret_cast<lkl_long>(piece), 0);
    pieces.push_back(static_cast<char*>(piece));
    ASSERT_LT(pieces.size(), 1024u);
  }
  lkl_sysinfo info = {};
  ASSERT_EQ(lkl_sys_sysinfo(&info), 0);
  EXPECT_GT(pieces.size() * kPiece, info.totalram * info.mem_unit / 2);
  for (char* piece : pieces) std::memset(piece, 1, kPiece);
  for (char* piece : pieces)
    EXPECT_EQ(lkl_sys_munmap(reinterpret_cast<lkl_ulong>(piece), kPiece), 0);
}

// A copy of all of it, for itself.
TEST_F(MappingTest, AForkedChildHasItsOwn) {
  const int fd = file("/file", kPage);
  char* const shared = map(kPage, LKL_MAP_SHARED, fd);
  char* const memory = map(16 * kPage);
  std::strcpy(memory, "before");
  std::strcpy(shared, "file");
  const auto same = [&](const char* text) {
    char back[8] = {};
    return lkl_sys_pread64(fd, back, 7, 0) == 7 && std::string(back) == text;
  };
  EXPECT_EQ(in_child([&] {
              if (std::string(memory) != "before" || !same("file")) return 1;
              std::strcpy(memory, "child");
              std::strcpy(shared, "child");
              if (!same("child")) return 2;
              for (size_t i = 0; i < 16; ++i) memory[i * kPage + 1] = 7;
              if (lkl_sys_mkdir("/childs", 0700) != 0) return 3;
              std::thread([] { lkl_sys_mkdir("/threads", 0700); }).join();
              if (lkl_sys_access("/threads", 0) != 0) return 4;
              return lkl_sys_halt() == 0 ? 0 : 5;
            }),
            0);
  EXPECT_STREQ(memory, "before");
  EXPECT_STREQ(shared, "file");
  EXPECT_TRUE(same("file"));
  EXPECT_EQ(memory[kPage + 1], 0);
  EXPECT_EQ(lkl_sys_access("/childs", 0), -LKL_ENOENT);
}

// Its memory is in several files then, and so is that of a child of its own: pages are where they
// were wherever one ends and the next one begins.
TEST_F(MappingTest, AChildHasAllOfMuchMemory) {
  constexpr size_t kPages = 4096;
  const int fd = file("/file", kPages * kPage);
  char* const shared = map(kPages * kPage, LKL_MAP_SHARED, fd);
  char* const own = map(kPages * kPage);
  char* const imported = static_cast<char*>(aligned_alloc(kPage, kPages * kPage));
  ASSERT_EQ(lkl_memory_import(imported, kPages * kPage), 0);
  const auto number = [](char* memory, size_t page) -> size_t& {
    return *reinterpret_cast<size_t*>(memory + page * kPage);
  };
  // each generation its own, which it writes by one way and reads by the others
  const auto write = [&](size_t generation) {
    for (size_t page = 0; page < kPages; ++page) {
      const size_t value = generation * kPages + page;
      number(own, page) = number(imported, page) = value;
      if (page % 2)
        number(shared, page) = value;
      else if (lkl_sys_pwrite64(fd, reinterpret_cast<const char*>(&value), sizeof value,
                                static_cast<lkl_long>(page * kPage)) != sizeof value)
        return false;
    }
    return true;
  };
  const auto is = [&](size_t generation) {
    for (size_t page = 0; page < kPages; ++page) {
      size_t back = 0;
      if (lkl_sys_pread64(fd, reinterpret_cast<char*>(&back), sizeof back,
                          static_cast<lkl_long>(page * kPage)) != sizeof back)
        return false;
      for (const size_t value :
           {back, number(shared, page), number(own, page), number(imported, page)})
        if (value != generation * kPages + page) return false;
    }
    return true;
  };
  ASSERT_TRUE(write(1));
  EXPECT_EQ(in_child([&] {
              if (!is(1)) return 1;
              if (!write(2)) return 2;
              const int child = in_child([&] {
                if (!is(2)) return 3;
                return write(3) && is(3) ? 0 : 4;
              });
              return child ? child : is(2) ? 0 : 5;
            }),
            0);
  EXPECT_TRUE(is(1));
  EXPECT_EQ(lkl_memory_release(imported, kPages * kPage), 0);
  free(imported);
}
