// SPDX-License-Identifier: GPL-2.0
#include "drill/calls.h"

#include <fmt/format.h>
#include <lkl.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <list>
#include <memory>

namespace lkl::tool::drill {

namespace {

using Kind = Expression::Kind;

constexpr std::int64_t kMostLength = 64 << 20;

std::uint16_t network_order(std::uint16_t value) {
  return static_cast<std::uint16_t>(value << 8 | value >> 8);
}

template <class T>
std::vector<char> bytes_of(const T& value) {
  const auto* const begin = reinterpret_cast<const char*>(&value);
  return {begin, begin + sizeof(value)};
}

std::string hex(const std::vector<char>& bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

std::string result_text(long result) {
  if (result >= 0) return std::to_string(result);
  return fmt::format("-1 {} ({})", error_name(result), lkl_strerror(static_cast<int>(result)));
}

}  // namespace

void Calls::fail(int line, const std::string& message) const {
  throw ScriptError(fmt::format("{}:{}: {}", script_name_, line, message));
}

void Calls::require(const SystemCall& call, int line, std::size_t least, std::size_t most) const {
  if (call.arguments.size() < least || call.arguments.size() > most)
    fail(line,
         fmt::format("{} has {} arguments here; it takes {}", call.name, call.arguments.size(),
                     least == most ? std::to_string(least) : fmt::format("{} to {}", least, most)));
}

std::int64_t Calls::symbol(const std::string& name, int line) const {
  if (const auto found = settings_.definitions.find(name); found != settings_.definitions.end()) {
    std::int64_t value = 0;
    const std::string& text = found->second;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && stop == text.data() + text.size()) return value;
    if (text != name) return symbol(text, line);
  }
  const std::optional<std::int64_t> value = find_symbol(name);
  if (!value) fail(line, fmt::format("the name '{}' is not known here; -D gives it a value", name));
  return *value;
}

std::int64_t Calls::number(const Expression& value) const {
  switch (value.kind) {
    case Kind::kNumber:
      return value.number;
    case Kind::kWord:
      return symbol(value.text, value.line);
    case Kind::kOr: {
      std::int64_t all = 0;
      for (const Expression& item : value.items) all |= number(item);
      return all;
    }
    case Kind::kList:
      if (value.items.size() == 1) return number(value.items[0]);
      [[fallthrough]];
    default:
      fail(value.line, "a number is needed here");
  }
}

std::size_t Calls::length(const Expression& value) const {
  const std::int64_t size = number(value);
  if (size < 0 || size > kMostLength) fail(value.line, fmt::format("{} is no length", size));
  return static_cast<std::size_t>(size);
}

int Calls::descriptor(const Expression& value) const {
  const auto found = descriptors_.find(static_cast<int>(number(value)));
  // closed, or never opened
  return found == descriptors_.end() ? -1 : found->second;
}

std::vector<char> Calls::address(const Expression& value, std::uint16_t port, bool remote) const {
  Address ip = remote ? settings_.network.remote : settings_.network.local;
  if (value.kind == Kind::kStructure) {
    const Expression* const text = value.field("sin_addr");
    const Expression* const number_of_port = value.field("sin_port");
    if (text == nullptr || text->items.size() != 1 || number_of_port == nullptr ||
        number_of_port->items.size() != 1)
      fail(value.line,
           "{sa_family=..., sin_port=htons(...), sin_addr=inet_addr(\"...\")} is needed");
    const std::optional<Address> given = parse_address(text->items[0].text);
    if (!given) fail(value.line, fmt::format("'{}' is no address", text->items[0].text));
    ip = *given;
    port = static_cast<std::uint16_t>(number(number_of_port->items[0]));
  } else if (value.kind != Kind::kEllipsis) {
    fail(value.line, "an address or ... is needed here");
  }
  if (!settings_.ipv6_sockets()) {
    lkl_sockaddr_in to = {};
    to.sin_family = LKL_AF_INET;
    to.sin_port = network_order(port);
    std::memcpy(&to.sin_addr, ip.bytes.data(), sizeof(to.sin_addr));
    return bytes_of(to);
  }
  lkl_sockaddr_in6 to = {};
  to.sin6_family = LKL_AF_INET6;
  to.sin6_port = network_order(port);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(&to.sin6_addr);
  if (ip.ipv6) {
    std::copy(ip.bytes.begin(), ip.bytes.end(), bytes);
  } else {
    bytes[10] = bytes[11] = 0xff;
    std::copy_n(ip.bytes.begin(), 4, bytes + 12);
  }
  return bytes_of(to);
}

std::vector<char> Calls::option_value(const Expression& value) const {
  if (value.kind == Kind::kText) return {value.text.begin(), value.text.end()};
  const Expression& inner =
      value.kind == Kind::kList && value.items.size() == 1 ? value.items[0] : value;
  if (inner.kind == Kind::kText) return {inner.text.begin(), inner.text.end()};
  if (inner.kind == Kind::kStructure) {
    const Expression* const on = inner.field("onoff");
    const Expression* const seconds = inner.field("linger");
    if (on == nullptr || seconds == nullptr)
      fail(inner.line, "of structures only {onoff=..., linger=...} is known here");
    const int both[] = {static_cast<int>(number(*on)), static_cast<int>(number(*seconds))};
    return bytes_of(both);
  }
  return bytes_of(static_cast<int>(number(value)));
}

bool Calls::prepare_socket_call(const SystemCall& call, int line, PreparedCall& prepared) {
  const Arguments& a = call.arguments;
  const std::string& name = call.name;
  if (name == "socket") {
    require(call, line, 3, 3);
    const int domain = a[0].kind != Kind::kEllipsis ? static_cast<int>(number(a[0]))
                       : settings_.ipv6_sockets()   ? LKL_AF_INET6
                                                    : LKL_AF_INET;
    const int type = static_cast<int>(number(a[1]));
    const int protocol = static_cast<int>(number(a[2]));
    prepared.run = [=] { return lkl_sys_socket(domain, type, protocol); };
    prepared.new_descriptor.emplace();
  } else if (name == "bind" || name == "connect") {
    require(call, line, 3, 3);
    const bool connect = name == "connect";
    const int fd = descriptor(a[0]);
    const std::vector<char> to =
        address(a[1], connect ? settings_.connect_port : settings_.bind_port, connect);
    prepared.connects = connect;
    prepared.connecting = fd;
    prepared.run = [=] {
      auto copy = to;
      auto* const generic = reinterpret_cast<lkl_sockaddr*>(copy.data());
      const int size = static_cast<int>(copy.size());
      return connect ? lkl_sys_connect(fd, generic, size) : lkl_sys_bind(fd, generic, size);
    };
  } else if (name == "listen" || name == "shutdown") {
    require(call, line, 2, 2);
    const int fd = descriptor(a[0]);
    const int how = static_cast<int>(number(a[1]));
    const bool listen = name == "listen";
    prepared.run = [=] { return listen ? lkl_sys_listen(fd, how) : lkl_sys_shutdown(fd, how); };
  } else if (name == "accept" || name == "accept4") {
    require(call, line, name == "accept" ? 3 : 4, name == "accept" ? 3 : 4);
    const int fd = descriptor(a[0]);
    const int flags = a.size() > 3 ? static_cast<int>(number(a[3])) : 0;
    prepared.run = [=] { return lkl_sys_accept4(fd, nullptr, nullptr, flags); };
    prepared.new_descriptor.emplace();
    prepared.connects = true;
  } else if (name == "setsockopt") {
    require(call, line, 5, 5);
    const int fd = descriptor(a[0]);
    const int level = static_cast<int>(number(a[1]));
    const int option = static_cast<int>(number(a[2]));
    const std::vector<char> value = option_value(a[3]);
    const int size = static_cast<int>(number(a[4]));
    if (size < 0 || static_cast<std::size_t>(size) > value.size())
      fail(line, fmt::format("this value has {} bytes, not {}", value.size(), size));
    prepared.run = [=] { return lkl_sys_setsockopt(fd, level, option, value.data(), size); };
  } else if (name == "getsockopt") {
    require(call, line, 5, 5);
    const int fd = descriptor(a[0]);
    const int level = static_cast<int>(number(a[1]));
    const int option = static_cast<int>(number(a[2]));
    const std::vector<char> expected = option_value(a[3]);
    const int expected_size = static_cast<int>(number(a[4]));
    const auto value =
        std::make_shared<std::vector<char>>(std::max<std::size_t>(expected.size(), 256));
    const auto size = std::make_shared<int>(expected_size);
    prepared.run = [=] { return lkl_sys_getsockopt(fd, level, option, value->data(), size.get()); };
    prepared.verify = [=](long result) {
      if (result < 0) return;
      const std::vector<char> got(value->begin(), value->begin() + std::clamp<long>(*size, 0, 256));
      const std::size_t compared = std::min({expected.size(), got.size()});
      if (*size != expected_size ||
          !std::equal(got.begin(), got.begin() + static_cast<long>(compared), expected.begin()))
        throw Mismatch(fmt::format("expected the value {} of {} bytes, got {} of {} bytes",
                                   hex(expected), expected_size, hex(got), *size));
    };
  } else {
    return false;
  }
  return true;
}

bool Calls::prepare_transfer(const SystemCall& call, int line, PreparedCall& prepared) {
  const Arguments& a = call.arguments;
  const std::string& name = call.name;
  const bool receives = name == "read" || name == "recv" || name == "recvfrom" || name == "readv";
  if (name == "read" || name == "write") {
    require(call, line, 3, 3);
  } else if (name == "recv" || name == "send") {
    require(call, line, 4, 4);
  } else if (name == "recvfrom" || name == "sendto") {
    require(call, line, 6, 6);
  } else if (name == "readv" || name == "writev") {
    require(call, line, 3, 3);
    const int fd = descriptor(a[0]);
    const auto buffers = std::make_shared<std::list<GuestMemory>>();
    for (const Expression& part : a[1].items) {
      if (part.kind != Kind::kStructure || part.items.size() != 2)
        fail(part.line, "{..., LENGTH} is needed here");
      buffers->emplace_back(length(part.items[1]));
    }
    prepared.run = [=] {
      std::vector<lkl_iovec> parts;
      for (const GuestMemory& buffer : *buffers) parts.push_back({buffer.data(), buffer.size()});
      const auto where = static_cast<lkl_ulong>(fd);
      return receives ? lkl_sys_readv(where, parts.data(), parts.size())
                      : lkl_sys_writev(where, parts.data(), parts.size());
    };
    return true;
  } else {
    return false;
  }
  const int fd = descriptor(a[0]);
  const auto buffer = std::make_shared<GuestMemory>(length(a[2]));
  const bool plain = a.size() == 3;
  const auto flags = static_cast<unsigned>(plain ? 0 : number(a[3]));
  std::vector<char> to;
  if (name == "sendto") {
    to = address(a[4], settings_.connect_port, true);
    prepared.connects = (flags & LKL_MSG_FASTOPEN) != 0;
    prepared.connecting = fd;
  }
  prepared.run = [=] {
    char* const data = buffer->data();
    const std::size_t size = buffer->size();
    if (plain)
      return receives ? lkl_sys_read(static_cast<unsigned>(fd), data, size)
                      : lkl_sys_write(static_cast<unsigned>(fd), data, size);
    if (receives) return lkl_sys_recvfrom(fd, data, size, flags, nullptr, nullptr);
    auto copy = to;
    return lkl_sys_sendto(fd, data, size, flags,
                          copy.empty() ? nullptr : reinterpret_cast<lkl_sockaddr*>(copy.data()),
                          static_cast<int>(copy.size()));
  };
  return true;
}

bool Calls::prepare_other(const SystemCall& call, int line, PreparedCall& prepared) {
  const Arguments& a = call.arguments;
  const std::string& name = call.name;
  if (name == "close") {
    require(call, line, 1, 1);
    const int fd = descriptor(a[0]);
    descriptors_.erase(static_cast<int>(number(a[0])));
    prepared.run = [=] { return lkl_sys_close(static_cast<unsigned>(fd)); };
  } else if (name == "fcntl") {
    require(call, line, 2, 3);
    const int fd = descriptor(a[0]);
    const auto command = static_cast<unsigned>(number(a[1]));
    const auto argument = static_cast<lkl_ulong>(a.size() > 2 ? number(a[2]) : 0);
    prepared.run = [=] { return lkl_sys_fcntl(static_cast<unsigned>(fd), command, argument); };
  } else if (name == "ioctl") {
    require(call, line, 3, 3);
    const int fd = descriptor(a[0]);
    const auto request = static_cast<unsigned>(number(a[1]));
    const int expected = static_cast<int>(number(a[2]));
    const auto value = std::make_shared<int>(expected);
    prepared.run = [=] {
      return lkl_sys_ioctl(static_cast<unsigned>(fd), request,
                           reinterpret_cast<lkl_ulong>(value.get()));
    };
    prepared.verify = [=](long result) {
      if (result >= 0 && *value != expected)
        throw Mismatch(fmt::format("expected [{}], got [{}]", expected, *value));
    };
  } else if (name == "poll") {
    require(call, line, 3, 3);
    prepare_poll(a, prepared);
  } else if (name == "epoll_create") {
    require(call, line, 1, 1);
    const int size = static_cast<int>(number(a[0]));
    prepared.run = [=]() -> long { return size > 0 ? lkl_sys_epoll_create1(0) : -LKL_EINVAL; };
    prepared.new_descriptor.emplace();
  } else if (name == "epoll_ctl") {
    require(call, line, 4, 4);
    const int fd = descriptor(a[0]);
    const int operation = static_cast<int>(number(a[1]));
    const int watched = descriptor(a[2]);
    const Expression* const events = a[3].field("events");
    if (events == nullptr) fail(a[3].line, "{events=..., fd=...} is needed here");
    const Expression* const mark =
        a[3].field("fd") != nullptr ? a[3].field("fd") : a[3].field("ptr");
    lkl_epoll_event event = {};
    event.events = static_cast<decltype(event.events)>(number(*events));
    event.data = mark == nullptr ? 0 : static_cast<std::uint64_t>(number(*mark));
    prepared.run = [=] {
      lkl_epoll_event copy = event;
      return lkl_sys_epoll_ctl(fd, operation, watched, &copy);
    };
  } else if (name == "epoll_wait") {
    require(call, line, 4, 4);
    prepare_epoll_wait(a, prepared);
  } else if (name == "recvmsg" || name == "sendmsg") {
    require(call, line, 3, 3);
    prepare_message(call, name == "recvmsg", prepared);
  } else {
    return false;
  }
  return true;
}

PreparedCall Calls::prepare(const Event& event) {
  const auto& call = std::get<SystemCall>(event.action);
  PreparedCall prepared;
  if (!call.error.empty() && !find_symbol(call.error))
    fail(event.line, fmt::format("the error '{}' is not known here", call.error));
  if (!prepare_socket_call(call, event.line, prepared) &&
      !prepare_transfer(call, event.line, prepared) && !prepare_other(call, event.line, prepared))
    fail(event.line, fmt::format("the system call '{}' is not known here", call.name));
  if (prepared.new_descriptor) {
    prepared.new_descriptor.reset();
    if (call.result.kind != Kind::kEllipsis && number(call.result) >= 0)
      prepared.new_descriptor = static_cast<int>(number(call.result));
  }
  return prepared;
}

void Calls::finish(const SystemCall& call, const PreparedCall& prepared, long result) {
  if (result >= 0 && prepared.new_descriptor) {
    descriptors_[*prepared.new_descriptor] = static_cast<int>(result);
    if (prepared.connects) connection_ = static_cast<int>(result);
  } else if (prepared.connects && prepared.connecting >= 0 &&
             (result >= 0 || result == -LKL_EINPROGRESS)) {
    connection_ = prepared.connecting;
  }
  if (call.result.kind != Kind::kEllipsis) {
    const std::int64_t expected = number(call.result);
    const long wanted_error = call.error.empty() ? 0 : -static_cast<long>(*find_symbol(call.error));
    const bool good = expected < 0 ? result < 0 && (call.error.empty() || result == wanted_error)
                                   : result >= 0 && (prepared.new_descriptor || result == expected);
    if (!good)
      throw Mismatch(fmt::format("expected result {}, got {}",
                                 call.error.empty() ? std::to_string(expected)
                                                    : fmt::format("{} {}", expected, call.error),
                                 result_text(result)));
  }
  if (prepared.verify) prepared.verify(result);
}

}  // namespace lkl::tool::drill
