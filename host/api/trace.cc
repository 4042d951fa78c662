// SPDX-License-Identifier: GPL-2.0
#include "api/trace.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "api/util.h"
#include "core/calls.h"
#include "core/registry.h"
#include "lkl.h"

namespace lkl::host {
namespace {

// `kinds`, one letter for each argument: d l u x numbers, m octal, o flags of open(2),
// f descriptor, a descriptor of a folder, s string, b and r buffers of so many bytes as
// the next argument and the result say, p pointer. `classes`: f file, d desc, n network.
struct Call {
  int number;
  const char* name;
  const char* kinds;
  const char* classes;
};

constexpr Call kCalls[] = {
#include "lkl_trace.inc"
};
constexpr int kLast = kCalls[std::size(kCalls) - 1].number;

struct Class {
  std::string_view name;
  char letter;
};
constexpr Class kClasses[] = {{"file", 'f'}, {"desc", 'd'}, {"network", 'n'}};

struct Flag {
  int value;
  const char* name;
};
constexpr Flag kOpenFlags[] = {
    {LKL_O_CREAT, "O_CREAT"},     {LKL_O_EXCL, "O_EXCL"},           {LKL_O_NOCTTY, "O_NOCTTY"},
    {LKL_O_TRUNC, "O_TRUNC"},     {LKL_O_APPEND, "O_APPEND"},       {LKL_O_NONBLOCK, "O_NONBLOCK"},
    {LKL_O_SYNC, "O_SYNC"},       {LKL_O_DSYNC, "O_DSYNC"},         {LKL_O_DIRECT, "O_DIRECT"},
    {LKL_O_TMPFILE, "O_TMPFILE"}, {LKL_O_DIRECTORY, "O_DIRECTORY"}, {LKL_O_NOFOLLOW, "O_NOFOLLOW"},
    {LKL_O_NOATIME, "O_NOATIME"}, {LKL_O_CLOEXEC, "O_CLOEXEC"},     {LKL_O_PATH, "O_PATH"},
};

CallTrace& settings() {
  return Registry::get().trace;
}
static_assert(kLast < static_cast<int>(decltype(CallTrace::chosen)().size()));

const Call* find_call(int64_t nr) {
  const auto found = std::ranges::lower_bound(kCalls, nr, {}, &Call::number);
  return found != std::end(kCalls) && found->number == nr ? found : nullptr;
}

bool choose(std::string_view word) {
  bool any = false;
  const auto cls = std::ranges::find(kClasses, word, &Class::name);
  for (const Call& call : kCalls) {
    if (call.name != word && (cls == std::end(kClasses) || !std::strchr(call.classes, cls->letter)))
      continue;
    settings().chosen.set(static_cast<size_t>(call.number));
    any = true;
  }
  return any;
}

// One line; what does not fit is left out. Nothing is allocated: a signal handler may
// make calls.
class Line final {
 public:
  __attribute__((format(printf, 2, 3))) void add(const char* format, ...) {
    va_list args;
    va_start(args, format);
    const int length = std::vsnprintf(text_ + length_, kRoom - length_, format, args);
    va_end(args);
    if (length > 0) length_ = std::min(length_ + static_cast<size_t>(length), kRoom - 1);
  }

  void add_quoted(const char* bytes, size_t length, bool more) {
    add("\"");
    for (const char c : std::string_view(bytes, length)) {
      if (c == '\n') {
        add("\\n");
      } else if (c == '"' || c == '\\') {
        add("\\%c", c);
      } else if (c >= ' ' && c <= '~') {
        add("%c", c);
      } else {
        add("\\%03o", static_cast<unsigned char>(c));
      }
    }
    add(more ? "\"..." : "\"");
  }

  void add_string(uint64_t address) {
    char bytes[160];
    const size_t there = host::read_memory(address, bytes, sizeof bytes);
    const size_t length = strnlen(bytes, there);
    if (there == 0)
      add_pointer(address);
    else
      add_quoted(bytes, length, length == there);
  }

  void add_buffer(uint64_t address, uint64_t size) {
    char bytes[32];
    const size_t wanted = std::min<uint64_t>(size, sizeof bytes);
    if (host::read_memory(address, bytes, wanted) < wanted)
      add_pointer(address);
    else
      add_quoted(bytes, wanted, size > wanted);
  }

  void add_pointer(uint64_t address) {
    if (address == 0)
      add("NULL");
    else
      add("%#" PRIx64, address);
  }

  void add_open_flags(int flags) {
    constexpr const char* kAccess[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    add("%s", kAccess[flags & LKL_O_ACCMODE]);
    int left = flags & ~LKL_O_ACCMODE;
    // those that have several bits first
    for (const bool several : {true, false}) {
      for (const Flag& flag : kOpenFlags) {
        if (several != (flag.value & (flag.value - 1)) || (left & flag.value) != flag.value)
          continue;
        add("|%s", flag.name);
        left &= ~flag.value;
      }
    }
    if (left) add("|%#x", left);
  }

  void finish() {
    text_[length_++] = '\n';
    const Descriptor& file = settings().file;
    if (file)
      host::append(file.get(), text_, length_);
    else
      host::print(text_, length_);
  }

 private:
  static constexpr size_t kRoom = 1023;
  size_t length_ = 0;
  char text_[kRoom + 1];
};

void add_argument(Line& line, char kind, const uint64_t (&arguments)[6], size_t i, int64_t result) {
  const uint64_t value = arguments[i];
  switch (kind) {
    case 'a':
      if (static_cast<int>(value) == LKL_AT_FDCWD) {
        line.add("AT_FDCWD");
        break;
      }
      [[fallthrough]];
    case 'f':
    case 'd':
      line.add("%d", static_cast<int>(value));
      break;
    case 'l':
      line.add("%" PRId64, static_cast<int64_t>(value));
      break;
    case 'u':
      line.add("%" PRIu64, value);
      break;
    case 'm':
      line.add("%#o", static_cast<unsigned>(value));
      break;
    case 'o':
      line.add_open_flags(static_cast<int>(value));
      break;
    case 's':
      line.add_string(value);
      break;
    case 'b':
      line.add_buffer(value, arguments[i + 1]);
      break;
    case 'r':
      if (result >= 0)
        line.add_buffer(value, static_cast<uint64_t>(result));
      else
        line.add_pointer(value);
      break;
    case 'p':
      line.add_pointer(value);
      break;
    default:
      line.add("%#" PRIx64, value);
  }
}

int refuse(const char* why, const std::string& what) {
  std::fprintf(stderr, "lkl: LKL_TRACE: %s%s\n", what.c_str(), why);
  return -LKL_EINVAL;
}

}  // namespace

int start_trace() {
  const char* setting = host::environment("LKL_TRACE");
  if (!setting) return 0;
  const std::string_view text = setting;
  const size_t colon = text.find(':');
  if (text.substr(0, colon) != "syscalls")
    return refuse(": it can be syscalls or syscalls:FILTER", std::string(text));
  CallTrace& trace = settings();
  trace = {};
  if (colon == std::string_view::npos) trace.chosen.set();
  std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view word = rest.substr(0, comma);
    if (!choose(word))
      return refuse(": no such system call, nor one of the classes file, desc, network",
                    std::string(word));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  if (const char* path = host::environment("LKL_TRACE_FILE")) {
    if (const int error = open_file(path, Access::kAppend, trace.file))
      return refuse(std::strerror(-error), "LKL_TRACE_FILE=" + std::string(path) + ": ");
  }
  return 1;
}

void stop_trace() {
  settings().file.reset();
}

int64_t traced_call(uint64_t kernel, int64_t nr, const uint64_t (&arguments)[6]) {
  const auto& [a, b, c, d, e, f] = arguments;
  const Call* call = find_call(nr);
  if (call && !settings().chosen.test(static_cast<size_t>(call->number)))
    return call_kernel(kernel, nr, a, b, c, d, e, f);

  // Strings are shown as they were before the call, buffers that it fills after it.
  Line line;
  line.add("[%" PRIu64 "] ", host::thread_id());
  if (call)
    line.add("%s(", call->name);
  else
    line.add("syscall_%" PRId64 "(", nr);
  const char* kinds = call ? call->kinds : "xxxxxx";
  const size_t count = std::strlen(kinds);
  const size_t filled = std::min(count, std::string_view(kinds).find('r'));
  const auto add = [&](size_t from, size_t to, int64_t result) {
    for (size_t i = from; i < to; ++i) {
      if (i > 0) line.add(", ");
      add_argument(line, kinds[i], arguments, i, result);
    }
  };
  add(0, filled, 0);
  const uint64_t start = host::monotonic_ns();
  const int64_t result = call_kernel(kernel, nr, a, b, c, d, e, f);
  const uint64_t end = host::monotonic_ns();
  add(filled, count, result);
  if (result < 0 && result >= -4095)
    line.add(") = -1 %s (%s)", error_name(static_cast<int>(result)),
             lkl_strerror(static_cast<int>(result)));
  else if (call && std::string_view(call->name) == "mmap")
    line.add(") = %#" PRIx64, static_cast<uint64_t>(result));
  else
    line.add(") = %" PRId64, result);
  line.add(" <%" PRIu64 ".%06" PRIu64 ">", (end - start) / 1'000'000'000,
           (end - start) / 1000 % 1'000'000);
  line.finish();
  return result;
}

}  // namespace lkl::host
