// SPDX-License-Identifier: GPL-2.0
//
// What the io_uring of a confined command can be asked for: system call filters do not see it. The
// test takes the ring out of a running lkl, and asks.
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

// The numbers of the rings that a process has open.
std::vector<int> rings_of(int process) {
  std::vector<int> rings;
  const std::string folder = "/proc/" + std::to_string(process) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::error_code ec;
    if (std::filesystem::read_symlink(entry.path(), ec) == "anon_inode:[io_uring]")
      rings.push_back(std::stoi(entry.path().filename()));
  }
  return rings;
}

// A ring of another process, which does not run meanwhile. Requests are made as that process would,
// but name this one's descriptors. How a ring is laid out is the same for all of one size.
class TakenRing {
 public:
  TakenRing(int process, int number) {
    pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
    ring_ = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd_, number, 0));
    if (ring_ < 0) return;
    // Once for where things are, once more for the place of what depends on the size.
    io_uring_params like = make_like(1);
    char* const rings = map<char>(IORING_OFF_SQ_RING, like.sq_off.array);
    const unsigned entries = *reinterpret_cast<unsigned*>(rings + like.sq_off.ring_entries);
    munmap(rings, like.sq_off.array);
    like_ = make_like(entries);
    rings_ = map<char>(
        IORING_OFF_SQ_RING,
        std::max<std::size_t>(like_.sq_off.array + like_.sq_entries * sizeof(unsigned),
                              like_.cq_off.cqes + like_.cq_entries * sizeof(io_uring_cqe)));
    requests_ = map<io_uring_sqe>(IORING_OFF_SQES, like_.sq_entries * sizeof(io_uring_sqe));
  }
  TakenRing(const TakenRing&) = delete;
  TakenRing& operator=(const TakenRing&) = delete;
  ~TakenRing() {
    close(ring_);
    close(pidfd_);
  }

  explicit operator bool() const { return ring_ >= 0; }
  int fd() const { return ring_; }

  // The result of one request.
  int ask(const io_uring_sqe& request) {
    const unsigned mask = like_.sq_entries - 1;
    const unsigned tail = *at(like_.sq_off.tail);
    requests_[tail & mask] = request;
    requests_[tail & mask].user_data = kOurs;
    at(like_.sq_off.array)[tail & mask] = tail & mask;
    std::atomic_ref(*at(like_.sq_off.tail)).store(tail + 1, std::memory_order_release);
    if (syscall(SYS_io_uring_enter, ring_, 1, 0, 0, nullptr, 0) != 1) return -errno;
    // The process' own come here, too.
    for (;;) {
      const unsigned head = *at(like_.cq_off.head);
      if (head == std::atomic_ref(*at(like_.cq_off.tail)).load(std::memory_order_acquire)) {
        syscall(SYS_io_uring_enter, ring_, 0, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
        continue;
      }
      const io_uring_cqe end = reinterpret_cast<io_uring_cqe*>(
          rings_ + like_.cq_off.cqes)[head & (like_.cq_entries - 1)];
      std::atomic_ref(*at(like_.cq_off.head)).store(head + 1, std::memory_order_release);
      if (end.user_data == kOurs) return end.res;
    }
  }

 private:
  static constexpr std::uint64_t kOurs = 0x6f757273;

  static io_uring_params make_like(unsigned entries) {
    io_uring_params params = {};
    const int fd = static_cast<int>(syscall(SYS_io_uring_setup, entries, &params));
    EXPECT_GE(fd, 0);
    close(fd);
    return params;
  }
  template <class T>
  T* map(off_t what, std::size_t size) {
    void* const memory =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_, what);
    EXPECT_NE(memory, MAP_FAILED);
    return static_cast<T*>(memory);
  }
  unsigned* at(unsigned offset) { return reinterpret_cast<unsigned*>(rings_ + offset); }

  int pidfd_ = -1, ring_ = -1;
  io_uring_params like_ = {};
  char* rings_ = nullptr;
  io_uring_sqe* requests_ = nullptr;
};

class RingTest : public ToolTest {
 protected:
  // A shell on e.img that waits for a line, and is stopped.
  void SetUp() override {
    ToolTest::SetUp();
    make_ext4("e.img", "16M");
    ASSERT_EQ(mkfifo("lines", 0600), 0);
    shell_ = std::make_unique<Process>(
        std::vector<std::string>{"/bin/sh", "-c", "exec " LKL_TOOL_PATH " sh e.img < lines"},
        false);
    lines_.open("lines");
    lines_ << "pwd" << std::endl;
    ASSERT_EQ(shell_->first_line(), "/");
    shell_->signal(SIGSTOP);
    siginfo_t stopped = {};
    waitid(P_PID, static_cast<id_t>(shell_->pid()), &stopped, WSTOPPED | WNOWAIT);
    const std::vector<int> rings = rings_of(shell_->pid());
    if (rings.empty()) GTEST_SKIP() << "the host gives no io_uring";
    for (const int number : rings) {
      rings_.push_back(std::make_unique<TakenRing>(shell_->pid(), number));
      if (!*rings_.back()) GTEST_SKIP() << "the ring cannot be taken out of the process";
    }
  }
  void TearDown() override {
    if (shell_ != nullptr) shell_->signal(SIGKILL);
    lines_.close();
    shell_.reset();
    ToolTest::TearDown();
  }

  std::unique_ptr<Process> shell_;
  std::ofstream lines_;
  std::vector<std::unique_ptr<TakenRing>> rings_;
};

TEST_F(RingTest, ReadsWritesAndSyncs) {
  write_file("file", "text");
  const int fd = open("file", O_RDWR);
  ASSERT_GE(fd, 0);
  char text[4] = {};
  const iovec part = {text, sizeof(text)};
  for (const auto& ring : rings_) {
    io_uring_sqe request = {};
    request.opcode = IORING_OP_READV;
    request.fd = fd;
    request.addr = reinterpret_cast<std::uint64_t>(&part);
    request.len = 1;
    EXPECT_EQ(ring->ask(request), 4);
    EXPECT_EQ(std::string(text, 4), "text");
    request.opcode = IORING_OP_WRITEV;
    EXPECT_EQ(ring->ask(request), 4);
    // In no other way, even if it is allowed: by registered files, chained, by other threads.
    for (const unsigned flag : {IOSQE_FIXED_FILE, IOSQE_IO_LINK, IOSQE_ASYNC}) {
      io_uring_sqe flagged = request;
      flagged.flags = static_cast<std::uint8_t>(flag);
      EXPECT_EQ(ring->ask(flagged), -EACCES) << flag;
    }
    request = {};
    request.opcode = IORING_OP_FSYNC;
    request.fd = fd;
    EXPECT_EQ(ring->ask(request), 0);
  }
  close(fd);
}

TEST_F(RingTest, NothingElse) {
  const std::set<unsigned> allowed = {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC};
  for (const auto& ring : rings_) {
    for (unsigned operation = 0; operation < 256; operation++) {
      if (allowed.contains(operation)) continue;
      io_uring_sqe request = {};
      request.opcode = static_cast<std::uint8_t>(operation);
      request.fd = AT_FDCWD;
      const int result = ring->ask(request);
      // Those that the host's kernel does not know are not even looked at.
      if (operation > IORING_OP_UNLINKAT && result == -EINVAL) continue;
      EXPECT_EQ(result, -EACCES) << operation;
    }
  }
}

// Nor can that be changed, not even by a process that no filter keeps from trying.
TEST_F(RingTest, NothingIsRegistered) {
  int fd = open("e.img", O_RDONLY);
  char buffer[64] = {};
  iovec part = {buffer, sizeof(buffer)};
  io_uring_restriction more = {};
  more.opcode = IORING_RESTRICTION_SQE_OP;
  more.sqe_op = IORING_OP_OPENAT;
  for (const auto& ring : rings_) {
    const auto error = [&](unsigned what, void* argument, unsigned count) {
      return syscall(SYS_io_uring_register, ring->fd(), what, argument, count) < 0 ? errno : 0;
    };
    EXPECT_EQ(error(IORING_REGISTER_FILES, &fd, 1), EACCES);
    EXPECT_EQ(error(IORING_REGISTER_BUFFERS, &part, 1), EACCES);
    EXPECT_EQ(error(IORING_REGISTER_PERSONALITY, nullptr, 0), EACCES);
    EXPECT_EQ(error(IORING_REGISTER_RESTRICTIONS, &more, 1), EACCES);
    EXPECT_EQ(error(IORING_REGISTER_ENABLE_RINGS, nullptr, 0), EACCES);
  }
  close(fd);
}

}  // namespace
}  // namespace lkl::tool_test
