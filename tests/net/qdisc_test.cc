// SPDX-License-Identifier: GPL-2.0
// Queueing disciplines: each can be chosen and carries traffic; those that lose, double or hold
// back packets are seen to do it on the wire.
#include <lkl/linux/pkt_sched.h>
#include <lkl/linux/rtnetlink.h>

#include "net/marked.h"
#include "net/netlink_builder.h"

using namespace lkl_test;

namespace {

Message traffic(unsigned type, uint32_t parent, uint32_t handle, const char* kind) {
  lkl_tcmsg header = {};
  header.tcm_ifindex = lkl_ifname_to_ifindex("eth0");
  header.tcm_parent = parent;
  header.tcm_handle = handle;
  Message m(type, LKL_NLM_F_ACK | LKL_NLM_F_CREATE | LKL_NLM_F_REPLACE, header);
  m.text(LKL_TCA_KIND, kind);
  return m;
}

int set_root(const char* kind, const std::function<void(Message&)>& options) {
  Message m = traffic(LKL_RTM_NEWQDISC, LKL_TC_H_ROOT, 0x10000, kind);
  options(m);
  return ask_route(m);
}

int set_netem(const lkl_tc_netem_qopt& how) {
  return set_root("netem", [&](Message& m) { m.object(LKL_TCA_OPTIONS, how); });
}

using QdiscTest = MarkedTest;

}  // namespace

TEST_F(QdiscTest, AreChosenByNameAndCarryTraffic) {
  for (const char* name : {"fq", "fq_codel", "fq_pie", "cake", "codel", "pie", "sfq", "pfifo",
                           "bfifo", "pfifo_fast", "drr", "qfq"}) {
    ASSERT_EQ(lkl_qdisc_add(card(0), "root", name), 0) << name;
    // these two have no class yet that a packet could be in
    if (std::string_view(name) == "drr" || std::string_view(name) == "qfq") continue;
    talk_by_tcp("10.0.0.2", 300'000);
  }
  EXPECT_EQ(lkl_qdisc_add(card(0), "root", "no-such"), -LKL_ENOENT);
}

TEST_F(QdiscTest, NetemLosesAndDoubles) {
  lkl_tc_netem_qopt how = {};
  how.limit = 1000;
  how.loss = ~0u;
  ASSERT_EQ(set_netem(how), 0);
  send_marked(50);
  how.loss = 0;
  how.duplicate = ~0u;
  ASSERT_EQ(set_netem(how), 0);
  send_marked(50);
  // what is behind it has gone, too
  EXPECT_EQ(marked_so_far(), 100);
  talk_by_tcp("10.0.0.2", 300'000);
}

TEST_F(QdiscTest, TbfHoldsBack) {
  lkl_tc_tbf_qopt how = {};
  how.rate.rate = 100;  // bytes a second
  how.rate.linklayer = LKL_TC_LINKLAYER_ETHERNET;
  how.limit = 1000;
  ASSERT_EQ(set_root("tbf",
                     [&](Message& m) {
                       m.nest(LKL_TCA_OPTIONS, [&] {
                         m.object(LKL_TCA_TBF_PARMS, how);
                         m.number<uint32_t>(LKL_TCA_TBF_BURST, 2000);
                       });
                     }),
            0);
  send_marked(
      200);  // 59 bytes each: 2000 bytes at once, 1000 wait, and what is beyond that is lost
  usleep(100'000);
  EXPECT_GT(marked_, 20);
  EXPECT_LT(marked_, 100);
  how.rate.rate = 100'000'000;
  how.limit = 1'000'000;
  ASSERT_EQ(set_root("tbf",
                     [&](Message& m) {
                       m.nest(LKL_TCA_OPTIONS, [&] {
                         m.object(LKL_TCA_TBF_PARMS, how);
                         m.number<uint32_t>(LKL_TCA_TBF_BURST, 100'000);
                       });
                     }),
            0);
  talk_by_tcp("10.0.0.2", 1 << 20);
}

TEST_F(QdiscTest, HtbHasClasses) {
  lkl_tc_htb_glob start = {};
  start.version = 3;
  start.rate2quantum = 10;
  start.defcls = 1;
  ASSERT_EQ(set_root("htb",
                     [&](Message& m) {
                       m.nest(LKL_TCA_OPTIONS, [&] { m.object(LKL_TCA_HTB_INIT, start); });
                     }),
            0);
  lkl_tc_htb_opt how = {};
  how.rate.rate = how.ceil.rate = 100'000'000;
  how.rate.linklayer = how.ceil.linklayer = LKL_TC_LINKLAYER_ETHERNET;
  how.buffer = how.cbuffer = 100'000;
  how.quantum = 10'000;
  Message add = traffic(LKL_RTM_NEWTCLASS, 0x10000, 0x10001, "htb");
  add.nest(LKL_TCA_OPTIONS, [&] { add.object(LKL_TCA_HTB_PARMS, how); });
  const int error = ask_route(add);
  ASSERT_EQ(error, 0) << lkl_strerror(error);
  // in the class another one, that loses all
  lkl_tc_netem_qopt nothing = {};
  nothing.limit = 1000;
  nothing.loss = ~0u;
  Message inner = traffic(LKL_RTM_NEWQDISC, 0x10001, 0x20000, "netem");
  inner.object(LKL_TCA_OPTIONS, nothing);
  ASSERT_EQ(ask_route(inner), 0);
  send_marked(50);
  nothing.loss = 0;
  Message changed = traffic(LKL_RTM_NEWQDISC, 0x10001, 0x20000, "netem");
  changed.object(LKL_TCA_OPTIONS, nothing);
  ASSERT_EQ(ask_route(changed), 0);
  send_marked(50);
  talk_by_tcp("10.0.0.2", 1 << 20);
  EXPECT_EQ(marked_, 50);
}
