// SPDX-License-Identifier: GPL-2.0
// The language of packetdrill: each of its constructs, and errors with their lines.
#include <gtest/gtest.h>

#include <string>

#include "drill/parser.h"
#include "drill/wire.h"

using namespace lkl::tool::drill;

namespace {

Script parse(const std::string& text) {
  return parse_script("s.pkt", text);
}

// What is wrong with it; empty if nothing is.
std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const ScriptError& error) {
    return error.what();
  }
  return {};
}

// The packet of a script with one, in the language again.
std::string packet(const std::string& text) {
  const Script script = parse("0 " + text);
  EXPECT_EQ(script.events.size(), 1u);
  return to_text(std::get<PacketSpec>(script.events.at(0).action));
}

const SystemCall& call_of(const Script& script, std::size_t event = 0) {
  return std::get<SystemCall>(script.events.at(event).action);
}

}  // namespace

TEST(DrillParserTest, OptionsCommandsAndComments) {
  const Script script = parse(R"(// a comment
--tolerance_usecs=14000
--local_ip=192.168.0.1 --non_fatal=packet,syscall
/* another
   one */
`./defaults.sh
sysctl -q a.b="1 2"`

 0 `true` // in between
+1 %{ assert a == 1 }%
`/tmp/restore.sh`
)");
  ASSERT_EQ(script.options.size(), 3u);
  EXPECT_EQ(script.options[0].name, "tolerance_usecs");
  EXPECT_EQ(script.options[0].value, "14000");
  EXPECT_EQ(script.options[0].line, 2);
  EXPECT_EQ(script.options[1].value, "192.168.0.1");
  EXPECT_EQ(script.options[2].value, "packet,syscall");
  ASSERT_EQ(script.begin.size(), 1u);
  EXPECT_EQ(script.begin[0].first, 6);
  EXPECT_EQ(script.begin[0].second, "./defaults.sh\nsysctl -q a.b=\"1 2\"");
  ASSERT_EQ(script.events.size(), 2u);
  EXPECT_EQ(std::get<Command>(script.events[0].action).text, "true");
  EXPECT_EQ(script.events[1].line, 10);
  EXPECT_EQ(std::get<Code>(script.events[1].action).text, " assert a == 1 ");
  ASSERT_EQ(script.end.size(), 1u);
  EXPECT_EQ(script.end[0].second, "/tmp/restore.sh");
}

TEST(DrillParserTest, Times) {
  const Script script = parse(R"(
0 `true`
.5 `true`
+1.25 `true`
* > . 1:1(0) ack 1
+.3~+.310 > . 1:1(0) ack 1
1~2 > . 1:1(0) ack 1
+0...0.2 connect(3, ..., ...) = 0
)");
  ASSERT_EQ(script.events.size(), 7u);
  const auto time = [&](std::size_t i) { return script.events[i].time; };
  EXPECT_EQ(time(0).at, 0);
  EXPECT_FALSE(time(0).relative);
  EXPECT_EQ(time(1).at, 500000);
  EXPECT_EQ(time(2).at, 1250000);
  EXPECT_TRUE(time(2).relative);
  EXPECT_TRUE(time(3).any);
  EXPECT_TRUE(time(4).relative);
  EXPECT_EQ(time(4).at, 300000);
  EXPECT_EQ(time(4).latest, 310000);
  EXPECT_FALSE(time(5).relative);
  EXPECT_EQ(time(5).latest, 2000000);
  EXPECT_EQ(time(6).end, 200000);
}

TEST(DrillParserTest, PacketsOfTcp) {
  for (const char* text : {
           "> S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 8>",
           "< S. 0:0(0) ack 1 win 5792 <mss 1460,sackOK,TS val 700 ecr 100,nop,wscale 7>",
           "> P. 1:10001(10000) ack 1",
           "< F. 10001:20001(10000) ack 1 win 514",
           "< . 1:1(0) ack 1 win 257 <nop,nop,sack 1001:2001 3001:4001>",
           "< . 1:1(0) ack 1 win 514 <md5 000102030405060708090a0b0c0d0e0f,nop,nop>",
           "> S 0:500(500) <mss 1460,nop,nop,sackOK,nop,wscale 8,FO abcd1234,nop,nop>",
           "> S 0:0(0) <FO,nop,nop>",
           "> S 0:0(0) <FOEXP,eol,eol,nop,nop>",
           "< [ect0] P. 1:2(1) ack 1 urg 1",
           "< [ce] . 1:1(0) ack 1",
           "> [noecn] . 1:1(0) ack 1 <...>",
           "> R 1:1(0)",
           "> SEW 0:0(0)",
           "< - 1:1(0)",
       })
    EXPECT_EQ(packet(text), text);
  // the cookie's digits may look like a number; flags have one order
  EXPECT_EQ(packet("< S 0:0(0) <FO 12345678,nop,nop>"), "< S 0:0(0) <FO 12345678,nop,nop>");
  EXPECT_EQ(packet("> PF. 1:2(1) ack 1"), "> FP. 1:2(1) ack 1");
  // sequence numbers go round
  EXPECT_EQ(packet("> . 4294967295:1(2) ack 1"), "> . 4294967295:1(2) ack 1");
}

TEST(DrillParserTest, OtherPackets) {
  for (const char* text :
       {"< udp (1000)", "> udp (0)", "< [1:1001(1000)] icmp unreachable frag_needed mtu 1200",
        "< [udp (8)] icmp unreachable port_unreachable", "< icmp source_quench"})
    EXPECT_EQ(packet(text), text);
  // what follows is the next event
  const Script script = parse("0 < icmp time_exceeded\n+0 close(3) = 0\n");
  EXPECT_EQ(script.events.size(), 2u);
}

TEST(DrillParserTest, CallsAndTheirResults) {
  const Script script = parse(R"(
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
0 fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)
0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
0 setsockopt(3, SOL_TCP, TCP_CONGESTION, "reno", 4) = 0
0 close() = ...
)");
  EXPECT_EQ(call_of(script).name, "socket");
  ASSERT_EQ(call_of(script).arguments.size(), 3u);
  EXPECT_EQ(call_of(script).arguments[0].kind, Expression::Kind::kEllipsis);
  EXPECT_EQ(call_of(script).arguments[1].text, "SOCK_STREAM");
  EXPECT_EQ(call_of(script).result.number, 3);
  EXPECT_EQ(call_of(script, 1).result.number, -1);
  EXPECT_EQ(call_of(script, 1).error, "EINPROGRESS");
  EXPECT_EQ(call_of(script, 1).note, "Operation now in progress");
  EXPECT_EQ(call_of(script, 2).result.number, 2);
  EXPECT_EQ(call_of(script, 2).error, "");
  const Expression& flags = call_of(script, 3).arguments[2];
  EXPECT_EQ(flags.kind, Expression::Kind::kOr);
  ASSERT_EQ(flags.items.size(), 2u);
  EXPECT_EQ(flags.items[1].text, "O_NONBLOCK");
  EXPECT_EQ(call_of(script, 4).arguments[3].kind, Expression::Kind::kText);
  EXPECT_TRUE(call_of(script, 5).arguments.empty());
  EXPECT_EQ(call_of(script, 5).result.kind, Expression::Kind::kEllipsis);
}

TEST(DrillParserTest, Structures) {
  const Script script = parse(R"(
0 recvmsg(4, {msg_name(...)=..., msg_iov(2)=[{...,0}, {..., 10}], msg_flags=MSG_ERRQUEUE,
              msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=0, ee_info=1}}]},
          MSG_ERRQUEUE) = 0
0 bind(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("192.168.0.1")}, ...) = 0
0 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) = 1
0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT|EPOLLET, fd=4}) = 0
)");
  const Expression& message = call_of(script).arguments[1];
  ASSERT_EQ(message.kind, Expression::Kind::kStructure);
  ASSERT_NE(message.field("msg_iov"), nullptr);
  EXPECT_EQ(message.field("msg_iov")->items.size(), 2u);
  EXPECT_EQ(message.field("msg_iov")->items[1].items[1].number, 10);
  EXPECT_EQ(message.field("nothing"), nullptr);
  const Expression& control = message.field("msg_control")->items.at(0);
  EXPECT_EQ(control.field("cmsg_data")->field("ee_info")->number, 1);
  const Expression& address = call_of(script, 1).arguments[1];
  EXPECT_EQ(address.field("sin_port")->kind, Expression::Kind::kFunction);
  EXPECT_EQ(address.field("sin_port")->items.at(0).number, 8080);
  EXPECT_EQ(address.field("sin_addr")->items.at(0).text, "192.168.0.1");
  EXPECT_EQ(call_of(script, 2).arguments[0].items.at(0).field("revents")->text, "POLLIN");
  EXPECT_EQ(call_of(script, 3).arguments[3].field("events")->kind, Expression::Kind::kOr);
}

TEST(DrillParserTest, ErrorsNameTheirLine) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"", "s.pkt:1: the script has no events"},
      {"// nothing\n\n", "s.pkt:3: the script has no events"},
      {"0 `true", "s.pkt:1: this command (`) has no end"},
      {"0 `true`\n/* x", "s.pkt:2: this comment has no end"},
      {"0 `true`\n\n+0 %{ x", "s.pkt:3: this code (%{) has no end"},
      {"0 f(\"x) = 0", "s.pkt:1: this text has no end"},
      {"`a`\n`b`\n", "s.pkt:3: the script has no events"},
      {"0 `true`\n`a`\n0 `b`\n", "s.pkt:3: no events can follow a command without a time"},
      {"x `true`", "s.pkt:1: a time in seconds is needed here, not 'x'"},
      {"0\n",
       "s.pkt:2: a packet ('<' or '>'), a system call, `command` or %{ code }% is needed here, "
       "not the end of the script"},
      {"0 > X 1:1(0)",
       "s.pkt:1: 'X' are no flags of TCP; they are made of F, S, R, P, U, E, W and '.'"},
      {"0 > 1:1(0)", "s.pkt:1: flags of TCP, udp or icmp is needed here, not '1'"},
      {"0 > . 1:1(1) ack 1", "s.pkt:1: 1:1 are not 1 bytes"},
      {"0 > . 1:1(0)", "s.pkt:1: the flag '.' without 'ack'"},
      {"0 > P 1:1(0) ack 1", "s.pkt:1: 'ack' without the flag '.'"},
      {"0 > SS 1:1(0)", "s.pkt:1: 'SS' has a flag twice"},
      {"0 < S 0:0(0) win 65536", "s.pkt:1: win: 65536 is above 65535"},
      {"0 < S 0:0(0)\n<mss 1460,sackOK>",
       "s.pkt:2: the options of TCP have 6 bytes; a multiple of 4 is needed: pad them by nop"},
      {"0 < S 0:0(0) <magic 1>", "s.pkt:1: 'magic' is no option of TCP that is known here"},
      {"0 < S 0:0(0) <md5 00,nop,nop>", "s.pkt:1: md5: 1 bytes, not 16"},
      {"0 < S 0:0(0) <FO abc,nop>", "s.pkt:1: FO: abc has an odd number of digits"},
      {"0 < S 0:0(0) <FO xy12,nop,nop>", "s.pkt:1: FO: 'xy12' is no hexadecimal number"},
      {"0 < S 0:0(0) <TS 1 ecr 0,nop,nop>", "s.pkt:1: 'val' after TS is needed here, not '1'"},
      {"0 `true`\n+0 read(3, ..., 1 = 1",
       "s.pkt:2: ')' after the arguments of read is needed here, not '='"},
      {"0 read(3)", "s.pkt:1: '=' after read(...) is needed here, not the end of the script"},
      {"0 read(3, ..., 1) = 1 (note",
       "s.pkt:1: ')' after a note is needed here, not the end of the script"},
      {"0 f({a=1) = 0", "s.pkt:1: '}' after a structure is needed here, not ')'"},
      {"0 f([1) = 0", "s.pkt:1: ']' after a list is needed here, not ')'"},
      {"0 f(;) = 0", "s.pkt:1: a value is needed here, not ';'"},
      {"0\nsendmsg(4, {msg_iov(3)=[{..., 1}]}, 0) = 1", "s.pkt:2: msg_iov(3) has 1 elements"},
      {"0 f(99999999999999999999) = 0",
       "s.pkt:1: a number is needed here, not '99999999999999999999'"},
      {"+1~2 > . 1:1(0) ack 1", "s.pkt:1: both ends of a range begin with '+', or none of them"},
      {"2~1 > . 1:1(0) ack 1", "s.pkt:1: this range ends before it begins"},
      {"1~2 < . 1:1(0) ack 1",
       "s.pkt:1: only a packet from the kernel ('>') can have a range of times or '*'"},
      {"0...1 > . 1:1(0) ack 1", "s.pkt:1: only a system call has a time when it ends"},
      {"1...0 close(3) = 0", "s.pkt:1: this call ends before it begins"},
      {"0 < [1:1(0)] . 1:1(0)", "s.pkt:1: 'icmp' is needed here, not '.'"},
  };
  for (const auto& [text, message] : kWrong) EXPECT_EQ(error_of(text), message) << text;
}
