// SPDX-License-Identifier: GPL-2.0
// Programs of BPF in tc: what leaves by a card, and what has come by it, is seen, changed and
// dropped.
#include <lkl/linux/pkt_cls.h>
#include <lkl/linux/pkt_sched.h>
#include <lkl/linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "net/marked.h"
#include "net/netlink_builder.h"
#include "support/bpf_program.h"

using namespace lkl_test;

namespace {

constexpr int kPayload = 14 + 20 + 8;  // Ethernet, IPv4, UDP
constexpr int kMove = LKL_BPF_ALU64 | LKL_BPF_MOV, kStack = 10;

class TcBpfTest : public MarkedTest {
 protected:
  // What is done with a frame of that length and no other.
  template <size_t N>
  static std::array<lkl_bpf_insn, N + 5> for_marked(const std::array<lkl_bpf_insn, N>& work) {
    std::array<lkl_bpf_insn, N + 5> program;
    program[0] = insn(kMove | LKL_BPF_X, 6, 1, 0, 0);
    program[1] =
        insn(LKL_BPF_LDX | LKL_BPF_MEM | LKL_BPF_W, 7, 6, offsetof(__lkl__sk_buff, len), 0);
    program[2] = insn(LKL_BPF_JMP | LKL_BPF_JNE | LKL_BPF_K, 7, 0, N,
                      kPayload + static_cast<int>(kMark.size()));
    std::ranges::copy(work, program.begin() + 3);
    program[N + 3] = insn(kMove | LKL_BPF_K, 0, 0, 0, LKL_TC_ACT_OK);
    program[N + 4] = insn(LKL_BPF_JMP | LKL_BPF_EXIT, 0, 0, 0, 0);
    return program;
  }

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(MarkedTest::SetUp());
    union lkl_bpf_attr attr = {};
    attr.map_type = LKL_BPF_MAP_TYPE_ARRAY;
    attr.key_size = sizeof(uint32_t);
    attr.value_size = sizeof(uint64_t);
    attr.max_entries = 1;
    counter_ = static_cast<int>(bpf_call(LKL_BPF_MAP_CREATE, attr));
    ASSERT_GE(counter_, 0) << lkl_strerror(counter_);
    Message both_ways = traffic(LKL_RTM_NEWQDISC, LKL_TC_H_CLSACT, "clsact");
    ASSERT_EQ(ask_route(both_ways), 0);
  }

  static Message traffic(unsigned type, uint32_t parent, const char* kind) {
    lkl_tcmsg header = {};
    header.tcm_ifindex = card(0);
    header.tcm_parent = parent;
    header.tcm_handle = parent == LKL_TC_H_CLSACT ? 0xffff0000 : 0;
    // of all protocols, and the only one
    if (parent != LKL_TC_H_CLSACT) header.tcm_info = 1 << 16 | net16(LKL_ETH_P_ALL);
    Message m(type, LKL_NLM_F_ACK | (type == LKL_RTM_DELTFILTER ? 0 : LKL_NLM_F_CREATE), header);
    m.text(LKL_TCA_KIND, kind);
    return m;
  }
  static uint32_t way(uint32_t minor) { return (LKL_TC_H_CLSACT & 0xffff0000) | minor; }

  // The program itself says what becomes of a frame.
  static int attach(uint32_t where, int program) {
    Message m = traffic(LKL_RTM_NEWTFILTER, where, "bpf");
    m.nest(LKL_TCA_OPTIONS, [&] {
      m.number<uint32_t>(LKL_TCA_BPF_FD, static_cast<uint32_t>(program));
      m.text(LKL_TCA_BPF_NAME, "test");
      m.number<uint32_t>(LKL_TCA_BPF_FLAGS, LKL_TCA_BPF_FLAG_ACT_DIRECT);
    });
    return ask_route(m);
  }
  static int detach(uint32_t where) {
    Message m = traffic(LKL_RTM_DELTFILTER, where, "bpf");
    return ask_route(m);
  }

  uint64_t counted() const {
    uint32_t key = 0;
    uint64_t value = ~0ull;
    union lkl_bpf_attr attr = {};
    attr.map_fd = static_cast<uint32_t>(counter_);
    attr.key = reinterpret_cast<uintptr_t>(&key);
    attr.value = reinterpret_cast<uintptr_t>(&value);
    EXPECT_EQ(bpf_call(LKL_BPF_MAP_LOOKUP_ELEM, attr), 0);
    return value;
  }

  int counter_ = -1;
};

}  // namespace

TEST_F(TcBpfTest, DropsAndCountsWhatLeaves) {
  const int program = load_bpf(
      LKL_BPF_PROG_TYPE_SCHED_CLS,
      for_marked(std::array{
          insn(LKL_BPF_ST | LKL_BPF_MEM | LKL_BPF_W, kStack, 0, -4, 0),
          insn(LKL_BPF_LD | LKL_BPF_IMM | LKL_BPF_DW, 1, LKL_BPF_PSEUDO_MAP_FD, 0, counter_),
          insn(0, 0, 0, 0, 0),
          insn(kMove | LKL_BPF_X, 2, kStack, 0, 0),
          insn(LKL_BPF_ALU64 | LKL_BPF_ADD | LKL_BPF_K, 2, 0, 0, -4),
          insn(LKL_BPF_JMP | LKL_BPF_CALL, 0, 0, 0, LKL_BPF_FUNC_map_lookup_elem),
          insn(LKL_BPF_JMP | LKL_BPF_JEQ | LKL_BPF_K, 0, 0, 4, 0),
          insn(kMove | LKL_BPF_K, 1, 0, 0, 1),
          insn(LKL_BPF_STX | LKL_BPF_ATOMIC | LKL_BPF_DW, 0, 1, 0, LKL_BPF_ADD),
          insn(kMove | LKL_BPF_K, 0, 0, 0, LKL_TC_ACT_SHOT),
          insn(LKL_BPF_JMP | LKL_BPF_EXIT, 0, 0, 0, 0),
      }));
  ASSERT_GE(program, 0) << lkl_strerror(program);
  send_marked(20);
  EXPECT_EQ(marked_so_far(), 20);
  EXPECT_EQ(counted(), 0u);

  ASSERT_EQ(attach(way(LKL_TC_H_MIN_EGRESS), program), 0);
  // the filter has it now
  lkl_sys_close(static_cast<unsigned>(program));
  send_marked(30);
  EXPECT_EQ(marked_so_far(), 20);
  EXPECT_EQ(counted(), 30u);
  talk_by_tcp("10.0.0.2", 300'000);

  ASSERT_EQ(detach(way(LKL_TC_H_MIN_EGRESS)), 0);
  send_marked(40);
  EXPECT_EQ(marked_so_far(), 60);
  EXPECT_EQ(counted(), 30u);
}

// What comes back has two bytes more of a program's than were sent, and a sum that agrees.
TEST_F(TcBpfTest, ChangesWhatHasCome) {
  constexpr int kUdpSum = 14 + 20 + 6;
  constexpr int kWas = 'a' | ' ' << 8, kIs = 'A' | '-' << 8;
  const int program =
      load_bpf(LKL_BPF_PROG_TYPE_SCHED_CLS,
               for_marked(std::array{
                   insn(LKL_BPF_ST | LKL_BPF_MEM | LKL_BPF_H, kStack, 0, -2, kIs),
                   insn(kMove | LKL_BPF_X, 1, 6, 0, 0),
                   insn(kMove | LKL_BPF_K, 2, 0, 0, kPayload),
                   insn(kMove | LKL_BPF_X, 3, kStack, 0, 0),
                   insn(LKL_BPF_ALU64 | LKL_BPF_ADD | LKL_BPF_K, 3, 0, 0, -2),
                   insn(kMove | LKL_BPF_K, 4, 0, 0, 2),
                   insn(kMove | LKL_BPF_K, 5, 0, 0, 0),
                   insn(LKL_BPF_JMP | LKL_BPF_CALL, 0, 0, 0, LKL_BPF_FUNC_skb_store_bytes),
                   insn(kMove | LKL_BPF_X, 1, 6, 0, 0),
                   insn(kMove | LKL_BPF_K, 2, 0, 0, kUdpSum),
                   insn(kMove | LKL_BPF_K, 3, 0, 0, kWas),
                   insn(kMove | LKL_BPF_K, 4, 0, 0, kIs),
                   insn(kMove | LKL_BPF_K, 5, 0, 0, LKL_BPF_F_MARK_MANGLED_0 | 2),
                   insn(LKL_BPF_JMP | LKL_BPF_CALL, 0, 0, 0, LKL_BPF_FUNC_l4_csum_replace),
               }));
  ASSERT_GE(program, 0) << lkl_strerror(program);
  ASSERT_EQ(attach(way(LKL_TC_H_MIN_INGRESS), program), 0);
  // it answers by now
  ASSERT_TRUE(echoes_by_udp("10.0.0.2", 100));
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in there = address("10.0.0.2");
  ASSERT_EQ(lkl_sys_connect(fd, generic(there), sizeof there), 0);
  std::array<char, 100> back;
  ASSERT_EQ(lkl_sys_write(static_cast<unsigned>(fd), kMark.data(), kMark.size()),
            static_cast<lkl_long>(kMark.size()));
  const lkl_long size = lkl_sys_read(static_cast<unsigned>(fd), back.data(), back.size());
  ASSERT_EQ(size, static_cast<lkl_long>(kMark.size()));
  EXPECT_EQ(std::string(back.data(), static_cast<size_t>(size)), "A-marked datagram");
  lkl_sys_close(static_cast<unsigned>(fd));
  lkl_sys_close(static_cast<unsigned>(program));
}
