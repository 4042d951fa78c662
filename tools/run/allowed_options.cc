// SPDX-License-Identifier: GPL-2.0
#include "run/allowed_options.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <lkl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace lkl::tool::served {

namespace {

constexpr int kPacketLevel = 263, kMptcpLevel = 284;  // SOL_PACKET, SOL_MPTCP

struct OptionName {
  int level, name;
  bool operator==(const OptionName&) const = default;
};

// With an address, or a descriptor; or what only works with memory that both share, or of bytes
// that go straight to the socket. Programs do without.
constexpr OptionName kRefused[] = {
    {SOL_SOCKET, 50},   // SO_ATTACH_BPF
    {SOL_SOCKET, 52},   // SO_ATTACH_REUSEPORT_EBPF
    {SOL_SOCKET, 60},   // SO_ZEROCOPY: of memory that is ours, and is used again
    {IPPROTO_TCP, 31},  // TCP_ULP: TLS, whose records have a kind beside their bytes
    {SOL_SOCKET, 77},   // SO_PEERPIDFD
    {IPPROTO_IP, 64},   // IPT_SO_SET_REPLACE
    {IPPROTO_IP, 96},   // ARPT_SO_SET_REPLACE
    {IPPROTO_IP, 128},  // EBT_SO_SET_ENTRIES, _GET_INFO
    {IPPROTO_IP, 129},  {IPPROTO_IP, 130},
    {IPPROTO_IP, 131},  {IPPROTO_TCP, 35},  // TCP_ZEROCOPY_RECEIVE
    {kPacketLevel, 5},                      // PACKET_RX_RING
    {kPacketLevel, 13},                     // PACKET_TX_RING
    {kPacketLevel, 10},                     // PACKET_VERSION: of rings
    {kPacketLevel, 22},                     // PACKET_FANOUT_DATA
};
constexpr OptionName kRefusedToSet[] = {
    {IPPROTO_IPV6, 64},  // IP6T_SO_SET_REPLACE
};
// Levels of which not all is known to be harmless.
constexpr int kLevels[] = {SOL_SOCKET,   IPPROTO_IP,
                           IPPROTO_TCP,  IPPROTO_UDP,
                           IPPROTO_IPV6, IPPROTO_ICMPV6,
                           IPPROTO_RAW,  136 /* UDPLITE */,
                           kPacketLevel, 270 /* SOL_NETLINK */,
                           282 /* SOL_TLS */};

bool refused(int level, int name, bool set) {
  const OptionName option = {level, name};
  if (std::ranges::find(kLevels, level) == std::end(kLevels)) return true;
  return std::ranges::find(kRefused, option) != std::end(kRefused) ||
         (set && std::ranges::find(kRefusedToSet, option) != std::end(kRefusedToSet));
}

// Its program is elsewhere.
long set_classic_filter(int fd, int name, const std::vector<char>& value,
                        const ProgramMemory& memory) {
  struct Program {
    unsigned short length;
    std::uint64_t code;
  } theirs;
  if (value.size() != sizeof theirs) return -EINVAL;
  std::copy_n(value.data(), sizeof theirs, reinterpret_cast<char*>(&theirs));
  if (theirs.length == 0 || theirs.length > BPF_MAXINSNS) return -EINVAL;
  std::vector<sock_filter> code(theirs.length);
  if (!memory.read(theirs.code, code.data(), code.size() * sizeof(sock_filter))) return -EFAULT;
  Program ours = {theirs.length, reinterpret_cast<std::uint64_t>(code.data())};
  return lkl_sys_setsockopt(fd, SOL_SOCKET, name, reinterpret_cast<char*>(&ours), sizeof ours);
}

// Those whose argument is a structure without addresses.
struct Request {
  unsigned number;
  std::size_t size;
};
constexpr Request kRequests[] = {
    {SIOCGIFNAME, sizeof(ifreq)},    {SIOCGIFFLAGS, sizeof(ifreq)},
    {SIOCSIFFLAGS, sizeof(ifreq)},   {SIOCGIFADDR, sizeof(ifreq)},
    {SIOCSIFADDR, sizeof(ifreq)},    {SIOCGIFDSTADDR, sizeof(ifreq)},
    {SIOCSIFDSTADDR, sizeof(ifreq)}, {SIOCGIFBRDADDR, sizeof(ifreq)},
    {SIOCSIFBRDADDR, sizeof(ifreq)}, {SIOCGIFNETMASK, sizeof(ifreq)},
    {SIOCSIFNETMASK, sizeof(ifreq)}, {SIOCGIFMETRIC, sizeof(ifreq)},
    {SIOCGIFMTU, sizeof(ifreq)},     {SIOCSIFMTU, sizeof(ifreq)},
    {SIOCGIFHWADDR, sizeof(ifreq)},  {SIOCSIFHWADDR, sizeof(ifreq)},
    {SIOCGIFINDEX, sizeof(ifreq)},   {SIOCGIFTXQLEN, sizeof(ifreq)},
    {SIOCSIFTXQLEN, sizeof(ifreq)},  {SIOCGIFMAP, sizeof(ifreq)},
    {SIOCGARP, sizeof(arpreq)},      {SIOCSARP, sizeof(arpreq)},
    {SIOCDARP, sizeof(arpreq)},      {0x8906 /* SIOCGSTAMP */, sizeof(timeval)},
    {SIOCATMARK, sizeof(int)},       {0x894B /* SIOCOUTQNSD */, sizeof(int)},
    {TUNSETIFF, sizeof(ifreq)},      {TUNGETIFF, sizeof(ifreq)},
    {TUNSETQUEUE, sizeof(ifreq)},    {TUNGETFEATURES, sizeof(int)},
    {TUNGETSNDBUF, sizeof(int)},     {TUNSETSNDBUF, sizeof(int)},
    {TUNGETVNETHDRSZ, sizeof(int)},  {TUNSETVNETHDRSZ, sizeof(int)},
};
// Those whose argument is a number.
constexpr unsigned kNumbers[] = {TUNSETPERSIST, TUNSETOWNER,  TUNSETGROUP, TUNSETLINK,
                                 TUNSETOFFLOAD, TUNSETNOCSUM, TUNSETDEBUG};

long list_interfaces(int fd, std::uint64_t argument, const ProgramMemory& memory) {
  auto theirs = memory.value<ifconf>(argument);
  if (!theirs) return -EFAULT;
  if (theirs->ifc_len < 0) return -EINVAL;
  std::vector<char> room(
      theirs->ifc_buf
          ? std::min<std::size_t>(static_cast<std::size_t>(theirs->ifc_len), kLongestOption)
          : 0);
  ifconf ours = {};
  ours.ifc_len = static_cast<int>(room.size());
  ours.ifc_buf = theirs->ifc_buf ? room.data() : nullptr;
  const long error =
      lkl_sys_ioctl(static_cast<unsigned>(fd), SIOCGIFCONF, reinterpret_cast<lkl_ulong>(&ours));
  if (error != 0) return error;
  const auto used = std::min(room.size(), static_cast<std::size_t>(std::max(0, ours.ifc_len)));
  if (used != 0 &&
      !memory.write(reinterpret_cast<std::uint64_t>(theirs->ifc_buf), room.data(), used))
    return -EFAULT;
  theirs->ifc_len = ours.ifc_len;
  return memory.write(argument, &*theirs, sizeof *theirs) ? 0 : -EFAULT;
}

}  // namespace

long set_option(int fd, int level, int name, std::uint64_t address, int size,
                const ProgramMemory& memory) {
  if (size < 0) return -EINVAL;
  if (refused(level, name, true)) return -ENOPROTOOPT;
  if (static_cast<std::size_t>(size) > kLongestOption) return -ENOBUFS;
  std::vector<char> value(static_cast<std::size_t>(size));
  if (size != 0 && !memory.read(address, value.data(), value.size())) return -EFAULT;
  if (level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF))
    return set_classic_filter(fd, name, value, memory);
  return lkl_sys_setsockopt(fd, level, name, value.data(), size);
}

long get_option(int fd, int level, int name, std::uint64_t address, std::uint64_t size_at,
                const ProgramMemory& memory) {
  const auto room = memory.value<int>(size_at);
  if (!room) return -EFAULT;
  if (*room < 0) return -EINVAL;
  if (refused(level, name, false)) return -ENOPROTOOPT;
  // some are asked by what is there
  std::vector<char> value(std::min<std::size_t>(static_cast<std::size_t>(*room), kLongestOption));
  if (!value.empty() && !memory.read(address, value.data(), value.size())) return -EFAULT;
  int size = static_cast<int>(value.size());
  const long error = lkl_sys_getsockopt(fd, level, name, value.data(), &size);
  if (error < 0) return error;
  const auto used = std::min(value.size(), static_cast<std::size_t>(std::max(0, size)));
  if ((used != 0 && !memory.write(address, value.data(), used)) ||
      !memory.write(size_at, &size, sizeof size))
    return -EFAULT;
  return error;
}

long request(int fd, unsigned number, std::uint64_t argument, const ProgramMemory& memory) {
  if (number == SIOCGIFCONF) return list_interfaces(fd, argument, memory);
  if (std::ranges::find(kNumbers, number) != std::end(kNumbers))
    return lkl_sys_ioctl(static_cast<unsigned>(fd), number, argument);
  const auto* const known = std::ranges::find(kRequests, number, &Request::number);
  if (known == std::end(kRequests)) return -EOPNOTSUPP;
  std::vector<char> value(known->size);
  if (!memory.read(argument, value.data(), value.size())) return -EFAULT;
  const long error =
      lkl_sys_ioctl(static_cast<unsigned>(fd), number, reinterpret_cast<lkl_ulong>(value.data()));
  if (error == 0 && !memory.write(argument, value.data(), value.size())) return -EFAULT;
  return error;
}

}  // namespace lkl::tool::served
