// SPDX-License-Identifier: GPL-2.0
// The network of a program of its own: passt(1), which we start on a socket pair, in the
// background. It ends when the socket does, whoever of us closes it or dies.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host.h"
#include "net/host_net.h"
#include "posix/helper_program.h"
#include "posix/raw_call.h"
#include "posix/stream_net.h"

namespace lkl::host {
namespace {

constexpr char kProgram[] = "passt";
constexpr uint64_t kLeastMtu = 576, kMostMtu = 65520;
constexpr int kRoom = 8 << 20;  // as much of it as the host lets us have (net.core.wmem_max)
// What it sends may be longer than what the card has been told, datagrams above all.
constexpr size_t kLongestFrame = 65535 + NetBackend::kEthernetSize;

class PasstNet final : public NetBackend {
 public:
  PasstNet(std::unique_ptr<NetBackend> stream, Descriptor socket, uint16_t mtu)
      : stream_(std::move(stream)), socket_(std::move(socket)), mtu_(mtu), process_(process_id()) {}
  // A child of fork() may have the socket as well.
  ~PasstNet() override {
    if (process_id() == process_) raw_call(SYS_shutdown, socket_.get(), SHUT_RDWR);
  }

  bool has_header() const override { return stream_->has_header(); }
  NetOffloads offloads() const override { return stream_->offloads(); }
  int accept(const NetOffloads& offloads) override { return stream_->accept(offloads); }
  size_t longest_frame(unsigned mtu) const override {
    return std::max(kLongestFrame, stream_->longest_frame(mtu));
  }
  uint16_t mtu() const override { return mtu_; }
  int send(unsigned queue, std::span<const IoVec> frame) override {
    return stream_->send(queue, frame);
  }
  int64_t receive(unsigned queue, std::span<const IoVec> room) override {
    return stream_->receive(queue, room);
  }
  bool has_link() const override { return stream_->has_link(); }
  int in(unsigned queue) const override { return stream_->in(queue); }
  int out(unsigned queue) const override { return stream_->out(queue); }

 private:
  const std::unique_ptr<NetBackend> stream_;
  const Descriptor socket_;
  const uint16_t mtu_;
  const uint64_t process_;
};

// Its options by their names, short and long, as passt(1) has them. Not those by which it would be
// another one than ours.
struct Option {
  std::string_view word, other;  // the same in short, or ""
};
constexpr Option kWithValue[] = {{"tcp-ports", "t"},   {"udp-ports", "u"},  {"address", "a"},
                                 {"netmask", "n"},     {"mac-addr", "M"},   {"gateway", "g"},
                                 {"interface", "i"},   {"outbound", "o"},   {"dns", "D"},
                                 {"search", "S"},      {"dns-forward", ""}, {"outbound-if4", ""},
                                 {"outbound-if6", ""}, {"runas", ""},       {"pcap", "p"},
                                 {"log-file", "l"},    {"log-size", ""}};
constexpr Option kFlags[] = {
    {"no-tcp", ""}, {"no-udp", ""},    {"no-icmp", ""},   {"no-dhcp", ""},    {"no-ndp", ""},
    {"no-ra", ""},  {"no-dhcpv6", ""}, {"no-map-gw", ""}, {"ipv4-only", "4"}, {"ipv6-only", "6"}};

int take_words(NetUri& uri, std::vector<std::string>& words, uint16_t& mtu) {
  if (!uri.target().empty())
    return uri.refuse("\"" + uri.target() +
                      "\": it has no name; words follow a comma, \"passt:,t=8080:80\"");
  for (const Option& option : kWithValue)
    for (const std::string_view word : {option.word, option.other})
      if (!word.empty())
        for (std::string& value : uri.take_all(word)) {
          words.push_back("--" + std::string(option.word));
          words.push_back(std::move(value));
        }
  for (const Option& option : kFlags)
    for (const std::string_view word : {option.word, option.other})
      if (!word.empty() && uri.take_flag(word)) words.push_back("--" + std::string(option.word));
  uint64_t number = 0;
  for (const std::string_view word : {"mtu", "m"})
    if (!uri.take_number(word, kLeastMtu, kMostMtu, number)) return -EINVAL;
  if (number) {
    mtu = static_cast<uint16_t>(number);
    words.insert(words.end(), {"--mtu", std::to_string(number)});
  }
  return uri.end();
}

// What it has said of its end: the last line of its own.
std::string last_line(std::string_view text) {
  std::string last;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool of_its_log = line.starts_with("Failed to send ") && line.ends_with(" to syslog");
    if (!line.empty() && !of_its_log) last = line;
  }
  return last;
}

}  // namespace

int open_passt(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  uint16_t mtu = 0;
  std::vector<std::string> words = {kProgram, "--stderr", "--fd",
                                    std::to_string(kHelperDescriptor)};
  if (const int error = take_words(uri, words, mtu)) return error;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
  Descriptor ours(ends[0]);
  // It does not wait for room, and what it sends without any is lost; it may be a window of a
  // connection at once.
  for (const int end : ends)
    if (::setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &kRoom, sizeof kRoom) < 0)
      ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kRoom, sizeof kRoom);
  {
    const Descriptor theirs(ends[1]);
    std::string said;
    const int status = run_helper(words, theirs.get(), said);
    if (status == -ENOENT) {
      uri.say("there is no program \"passt\"; Debian's package is passt");
      return status;
    }
    if (status < 0) {
      uri.say(std::string("passt can't be started: ") + std::strerror(-status));
      return status;
    }
    if (status > 0) {
      const std::string line = last_line(said);
      uri.say(line.empty() ? "passt ended with status " + std::to_string(status) : line);
      return -EINVAL;
    }
  }
  Descriptor again(::fcntl(ours.get(), F_DUPFD_CLOEXEC, 0));
  if (!again) return -errno;
  std::unique_ptr<NetBackend> stream;
  if (const int error = make_stream_net(std::move(ours), stream)) return error;
  result = std::make_unique<PasstNet>(std::move(stream), std::move(again), mtu);
  return 0;
}

}  // namespace lkl::host
