// SPDX-License-Identifier: GPL-2.0
// BPF by its interpreter: a program on a socket decides what is let through, and tells what it has
// seen by a ring buffer in mapped memory.
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "support/bpf_program.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr unsigned kPage = 4096;

class BpfTest : public KernelTest {
 protected:
  static int make_ring() {
    union lkl_bpf_attr attr = {};
    attr.map_type = LKL_BPF_MAP_TYPE_RINGBUF;
    attr.max_entries = kPage;
    return static_cast<int>(bpf_call(LKL_BPF_MAP_CREATE, attr));
  }

  static int load(std::span<const lkl_bpf_insn> program) {
    return load_bpf(LKL_BPF_PROG_TYPE_SOCKET_FILTER, program);
  }

  // Tells the length of each message by the ring, and lets pass all that have not five bytes.
  static int load_filter(int ring) {
    constexpr int kMove = LKL_BPF_ALU64 | LKL_BPF_MOV, kStack = 10;
    const std::array program = {
        insn(LKL_BPF_LDX | LKL_BPF_MEM | LKL_BPF_W, 7, 1, 0, 0),  // its length
        insn(LKL_BPF_STX | LKL_BPF_MEM | LKL_BPF_DW, kStack, 7, -8, 0),
        insn(LKL_BPF_LD | LKL_BPF_IMM | LKL_BPF_DW, 1, LKL_BPF_PSEUDO_MAP_FD, 0, ring),
        insn(0, 0, 0, 0, 0),
        insn(kMove | LKL_BPF_X, 2, kStack, 0, 0),
        insn(LKL_BPF_ALU64 | LKL_BPF_ADD | LKL_BPF_K, 2, 0, 0, -8),
        insn(kMove | LKL_BPF_K, 3, 0, 0, 8),
        insn(kMove | LKL_BPF_K, 4, 0, 0, 0),
        insn(LKL_BPF_JMP | LKL_BPF_CALL, 0, 0, 0, LKL_BPF_FUNC_ringbuf_output),
        insn(kMove | LKL_BPF_K, 0, 0, 0, 0),
        insn(LKL_BPF_JMP | LKL_BPF_JEQ | LKL_BPF_K, 7, 0, 1, 5),
        insn(kMove | LKL_BPF_K, 0, 0, 0, 0x7fffffff),
        insn(LKL_BPF_JMP | LKL_BPF_EXIT, 0, 0, 0, 0),
    };
    return load(program);
  }
};

}  // namespace

TEST_F(BpfTest, FiltersASocketAndTellsByARing) {
  const int ring = make_ring();
  ASSERT_GE(ring, 0) << lkl_strerror(ring);
  const int program = load_filter(ring);
  ASSERT_GE(program, 0) << lkl_strerror(program);
  int ends[2];
  ASSERT_EQ(lkl_sys_socketpair(LKL_AF_UNIX, LKL_SOCK_DGRAM | LKL_SOCK_NONBLOCK, 0, ends), 0);
  ASSERT_EQ(lkl_sys_setsockopt(ends[1], LKL_SOL_SOCKET, LKL_SO_ATTACH_BPF,
                               reinterpret_cast<const char*>(&program), sizeof program),
            0);
  for (const std::string message : {"one", "three", "eleven"})
    ASSERT_EQ(
        lkl_sys_sendto(ends[0], const_cast<char*>(message.data()), message.size(), 0, nullptr, 0),
        static_cast<lkl_long>(message.size()));
  std::array<char, 16> got;
  for (const std::string message : {"one", "eleven"}) {
    const lkl_long size = lkl_sys_recvfrom(ends[1], got.data(), got.size(), 0, nullptr, nullptr);
    ASSERT_EQ(size, static_cast<lkl_long>(message.size()));
    EXPECT_EQ(std::string(got.data(), static_cast<size_t>(size)), message);
  }
  EXPECT_EQ(lkl_sys_recvfrom(ends[1], got.data(), got.size(), 0, nullptr, nullptr), -LKL_EAGAIN);

  // Behind the page of the reader is that of the writer, then the records, twice.
  void* const memory = lkl_sys_mmap(nullptr, 3 * kPage, LKL_PROT_READ, LKL_MAP_SHARED,
                                    static_cast<lkl_ulong>(ring), kPage);
  ASSERT_GT(reinterpret_cast<lkl_long>(memory), 0);
  const auto* const written = static_cast<const std::atomic<std::uint64_t>*>(memory);
  struct Record {
    std::uint32_t size, place;
    std::uint64_t length;
  };
  ASSERT_EQ(written->load(), 3 * sizeof(Record));
  const auto* const records =
      reinterpret_cast<const Record*>(static_cast<const char*>(memory) + kPage);
  EXPECT_EQ(records[0].size, 8u);
  EXPECT_EQ(records[0].length, 3u);
  EXPECT_EQ(records[1].length, 5u);
  EXPECT_EQ(records[2].length, 6u);
  EXPECT_EQ(lkl_sys_munmap(reinterpret_cast<lkl_ulong>(memory), 3 * kPage), 0);
  for (const int fd : {ends[0], ends[1], program, ring}) lkl_sys_close(static_cast<unsigned>(fd));
}

// What would read beyond its memory is not let in.
TEST_F(BpfTest, TheVerifierRefuses) {
  const std::array program = {
      insn(LKL_BPF_LDX | LKL_BPF_MEM | LKL_BPF_DW, 0, 10, 8, 0),
      insn(LKL_BPF_JMP | LKL_BPF_EXIT, 0, 0, 0, 0),
  };
  EXPECT_EQ(load(program), -LKL_EACCES);
}
