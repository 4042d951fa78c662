// SPDX-License-Identifier: GPL-2.0
//
// System calls with structures: sendmsg(), recvmsg(), poll(), epoll_wait().
#include <fmt/format.h>
#include <lkl.h>
#include <lkl/linux/errqueue.h>

#include <array>
#include <cstring>
#include <list>
#include <memory>

#include "drill/calls.h"

namespace lkl::tool::drill {

namespace {

using Kind = Expression::Kind;

constexpr std::size_t kControlRoom = 1024;

// What comes beside a message.
struct Control {
  int level = 0, type = 0;
  std::vector<char> data;

  bool operator==(const Control&) const = default;
};

std::string to_text(const Control& control) {
  std::string data;
  if (control.data.size() == sizeof(int)) {
    int value = 0;
    std::memcpy(&value, control.data.data(), sizeof(value));
    data = std::to_string(value);
  } else if (control.data.size() == sizeof(lkl_sock_extended_err)) {
    lkl_sock_extended_err error;
    std::memcpy(&error, control.data.data(), sizeof(error));
    data =
        fmt::format("{{ee_errno={}, ee_origin={}, ee_type={}, ee_code={}, ee_info={}, ee_data={}}}",
                    error.ee_errno, error.ee_origin, error.ee_type, error.ee_code, error.ee_info,
                    error.ee_data);
  } else {
    for (const char byte : control.data)
      data += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return fmt::format("{{cmsg_level={}, cmsg_type={}, cmsg_data={}}}", control.level, control.type,
                     data);
}

std::string to_text(const std::vector<Control>& controls) {
  std::string text;
  for (const Control& control : controls) text += (text.empty() ? "" : ", ") + to_text(control);
  return "[" + text + "]";
}

std::vector<Control> read_controls(const std::vector<char>& bytes, std::size_t size) {
  std::vector<Control> controls;
  for (std::size_t at = 0; at + sizeof(lkl_cmsghdr) <= size;) {
    lkl_cmsghdr header;
    std::memcpy(&header, bytes.data() + at, sizeof(header));
    if (header.cmsg_len < sizeof(header) || at + header.cmsg_len > size) break;
    const char* const data = bytes.data() + at + sizeof(header);
    controls.push_back(
        {header.cmsg_level, header.cmsg_type, {data, data + header.cmsg_len - sizeof(header)}});
    at += LKL_CMSG_ALIGN(header.cmsg_len);
  }
  return controls;
}

// An error's address follows it, which no script has.
void cut_error(Control& control) {
  const bool error = (control.level == LKL_SOL_IP && control.type == LKL_IP_RECVERR) ||
                     (control.level == LKL_SOL_IPV6 && control.type == LKL_IPV6_RECVERR);
  if (error && control.data.size() > sizeof(lkl_sock_extended_err))
    control.data.resize(sizeof(lkl_sock_extended_err));
}

struct Message {
  std::list<GuestMemory> buffers;
  std::vector<lkl_iovec> parts;
  std::vector<char> name = std::vector<char>(128);
  std::vector<char> control = std::vector<char>(kControlRoom);
  lkl_msghdr header = {};
};

}  // namespace

void Calls::prepare_message(const SystemCall& call, bool receive, PreparedCall& prepared) {
  const Expression& given = call.arguments[1];
  const Expression* const parts = given.field("msg_iov");
  if (given.kind != Kind::kStructure || parts == nullptr || parts->kind != Kind::kList)
    fail(given.line,
         "{msg_name(...)=..., msg_iov(N)=[{..., LENGTH}], msg_flags=...} is needed here");
  for (const std::string& name : given.names)
    if (name != "msg_name" && name != "msg_iov" && name != "msg_flags" && name != "msg_control")
      fail(given.line, fmt::format("'{}' of a message is not known here", name));
  const auto message = std::make_shared<Message>();
  for (const Expression& part : parts->items) {
    if (part.kind != Kind::kStructure || part.items.size() != 2)
      fail(part.line, "{..., LENGTH} is needed here");
    message->buffers.emplace_back(length(part.items[1]));
  }
  for (const GuestMemory& buffer : message->buffers)
    message->parts.push_back({buffer.data(), buffer.size()});
  message->header.msg_iov = message->parts.data();
  message->header.msg_iovlen = message->parts.size();
  const Expression* const controls = given.field("msg_control");
  if (receive) {
    message->header.msg_name = message->name.data();
    message->header.msg_namelen = static_cast<int>(message->name.size());
    message->header.msg_control = message->control.data();
    message->header.msg_controllen = message->control.size();
  } else if (controls != nullptr && !controls->items.empty()) {
    fail(controls->line, "msg_control of a message that is sent is not known here");
  }
  const int fd = descriptor(call.arguments[0]);
  const auto flags = static_cast<unsigned>(number(call.arguments[2]));
  prepared.run = [=] {
    return receive ? lkl_sys_recvmsg(fd, &message->header, flags)
                   : lkl_sys_sendmsg(fd, &message->header, flags);
  };
  if (!receive) return;

  std::optional<std::vector<Control>> expected;
  if (controls != nullptr && controls->kind == Kind::kList) {
    expected.emplace();
    for (const Expression& item : controls->items) {
      const Expression* const level = item.field("cmsg_level");
      const Expression* const type = item.field("cmsg_type");
      const Expression* const data = item.field("cmsg_data");
      if (level == nullptr || type == nullptr || data == nullptr)
        fail(item.line, "{cmsg_level=..., cmsg_type=..., cmsg_data=...} is needed here");
      Control control{static_cast<int>(number(*level)), static_cast<int>(number(*type)), {}};
      if (data->kind == Kind::kStructure) {
        lkl_sock_extended_err error = {};
        const auto get = [&](const char* name) {
          const Expression* const field = data->field(name);
          if (field == nullptr) fail(data->line, fmt::format("{} is missing here", name));
          return static_cast<std::uint32_t>(number(*field));
        };
        error.ee_errno = get("ee_errno");
        error.ee_origin = static_cast<std::uint8_t>(get("ee_origin"));
        error.ee_type = static_cast<std::uint8_t>(get("ee_type"));
        error.ee_code = static_cast<std::uint8_t>(get("ee_code"));
        error.ee_info = get("ee_info");
        error.ee_data = get("ee_data");
        control.data.resize(sizeof(error));
        std::memcpy(control.data.data(), &error, sizeof(error));
      } else {
        const int value = static_cast<int>(number(*data));
        control.data.resize(sizeof(value));
        std::memcpy(control.data.data(), &value, sizeof(value));
      }
      expected->push_back(std::move(control));
    }
  }
  std::optional<unsigned> expected_flags;
  if (const Expression* const field = given.field("msg_flags"); field != nullptr)
    expected_flags = static_cast<unsigned>(number(*field));
  prepared.verify = [=](long result) {
    if (result < 0) return;
    if (expected_flags && message->header.msg_flags != *expected_flags)
      throw Mismatch(fmt::format("expected msg_flags {:#x}, got {:#x}", *expected_flags,
                                 message->header.msg_flags));
    if (!expected) return;
    std::vector<Control> got = read_controls(message->control, message->header.msg_controllen);
    for (Control& control : got) cut_error(control);
    if (got != *expected)
      throw Mismatch(
          fmt::format("expected msg_control {}, got {}", to_text(*expected), to_text(got)));
  };
}

void Calls::prepare_poll(const Arguments& a, PreparedCall& prepared) {
  const auto list = std::make_shared<std::vector<lkl_pollfd>>();
  std::vector<short> expected;
  for (const Expression& item : a[0].items) {
    const Expression* const fd = item.field("fd");
    const Expression* const events = item.field("events");
    const Expression* const revents = item.field("revents");
    if (fd == nullptr || events == nullptr)
      fail(item.line, "{fd=..., events=..., revents=...} is needed here");
    list->push_back({descriptor(*fd), static_cast<short>(number(*events)), 0});
    expected.push_back(static_cast<short>(revents == nullptr ? 0 : number(*revents)));
  }
  const auto count = static_cast<unsigned>(number(a[1]));
  if (count > list->size()) fail(a[1].line, "poll: there are fewer descriptors");
  const std::int64_t timeout = number(a[2]);
  prepared.run = [=] {
    struct __lkl__kernel_timespec limit = {.tv_sec = timeout / 1000,
                                           .tv_nsec = timeout % 1000 * 1000000};
    return lkl_sys_ppoll(list->data(), count, timeout < 0 ? nullptr : &limit, nullptr, 0);
  };
  prepared.verify = [=](long result) {
    for (unsigned i = 0; result >= 0 && i < count; i++)
      if ((*list)[i].revents != expected[i])
        throw Mismatch(fmt::format("expected revents {:#x} of the {}. descriptor, got {:#x}",
                                   expected[i], i + 1, (*list)[i].revents));
  };
}

void Calls::prepare_epoll_wait(const Arguments& a, PreparedCall& prepared) {
  const int fd = descriptor(a[0]);
  std::vector<lkl_epoll_event> expected;
  const auto take = [&](const Expression& item) {
    const Expression* const events = item.field("events");
    const Expression* const mark =
        item.field("fd") != nullptr ? item.field("fd") : item.field("ptr");
    if (events == nullptr || mark == nullptr)
      fail(item.line, "{events=..., fd=...} is needed here");
    lkl_epoll_event event = {};
    event.events = static_cast<decltype(event.events)>(number(*events));
    event.data = static_cast<std::uint64_t>(number(*mark));
    expected.push_back(event);
  };
  if (a[1].kind == Kind::kList)
    for (const Expression& item : a[1].items) take(item);
  else
    take(a[1]);
  const int most = static_cast<int>(number(a[2]));
  const int timeout = static_cast<int>(number(a[3]));
  if (most < 1 || most > 1024) fail(a[2].line, "epoll_wait: 1 to 1024 events");
  const auto got = std::make_shared<std::vector<lkl_epoll_event>>(static_cast<std::size_t>(most));
  prepared.run = [=] { return lkl_sys_epoll_pwait(fd, got->data(), most, timeout, nullptr, 0); };
  prepared.verify = [=](long result) {
    for (std::size_t i = 0; result > 0 && i < static_cast<std::size_t>(result); i++) {
      const lkl_epoll_event& event = (*got)[i];
      const auto events = static_cast<std::uint32_t>(event.events);
      const auto data = static_cast<std::uint64_t>(event.data);
      if (i < expected.size() && events == static_cast<std::uint32_t>(expected[i].events) &&
          data == static_cast<std::uint64_t>(expected[i].data))
        continue;
      throw Mismatch(fmt::format("expected {}, got {{events={:#x}, fd={}}}",
                                 i < expected.size()
                                     ? fmt::format("{{events={:#x}, fd={}}}",
                                                   static_cast<std::uint32_t>(expected[i].events),
                                                   static_cast<std::uint64_t>(expected[i].data))
                                     : "no more events",
                                 events, data));
    }
  };
}

}  // namespace lkl::tool::drill
