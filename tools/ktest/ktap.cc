// SPDX-License-Identifier: GPL-2.0
#include "ktest/ktap.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace lkl::tool {

namespace {

constexpr std::size_t kIndent = 4;

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::size_t> take_number(std::string_view& text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// "[    0.012345][    T1] text"
std::string_view without_time_stamp(std::string_view line) {
  const std::string_view whole = line;
  while (line.starts_with('[')) {
    const std::size_t end = line.find(']');
    if (end == std::string_view::npos) return whole;
    if (line.substr(1, end - 1).find_first_not_of(" 0123456789.TC") != std::string_view::npos)
      return whole;
    line.remove_prefix(end + 1);
  }
  if (line.size() != whole.size()) take(line, " ");
  return line;
}

// One line, taken apart.
struct Line {
  enum class Kind { kOther, kVersion, kPlan, kSubtest, kResult } kind = Kind::kOther;
  std::size_t level = 0;
  std::size_t number = 0;  // of the result, or how many are planned
  std::string_view name;   // of the result or subtest
  bool ok = false;
  bool skipped = false;
  std::string_view reason;
  std::string_view text;  // without its time stamp
};

bool parse_result(std::string_view rest, Line& line) {
  line.ok = !take(rest, "not ");
  if (!take(rest, "ok ")) return false;
  const auto number = take_number(rest);
  if (!number || (!rest.empty() && !take(rest, " "))) return false;
  take(rest, "- ");
  line.kind = Line::Kind::kResult;
  line.number = *number;
  line.name = rest;
  if (const std::size_t at = rest.find(" # "); at != std::string_view::npos) {
    std::string_view directive = rest.substr(at + 3);
    if (take(directive, "SKIP")) {
      line.name = rest.substr(0, at);
      line.skipped = true;
      take(directive, ":");
      take(directive, " ");
      line.reason = directive;
    }
  }
  return true;
}

Line parse_line(std::string_view raw) {
  Line line;
  if (raw.ends_with('\r')) raw.remove_suffix(1);
  line.text = without_time_stamp(raw);
  const std::size_t spaces = std::min(line.text.find_first_not_of(' '), line.text.size());
  line.level = spaces / kIndent;
  std::string_view rest = line.text.substr(spaces);
  if (spaces % kIndent != 0 || parse_result(rest, line)) return line;
  if (take(rest, "KTAP version ") || take(rest, "TAP version ")) {
    line.kind = Line::Kind::kVersion;
  } else if (take(rest, "# Subtest: ")) {
    line.kind = Line::Kind::kSubtest;
    line.name = rest;
  } else if (take(rest, "1..")) {
    if (const auto number = take_number(rest); number && rest.empty()) {
      line.kind = Line::Kind::kPlan;
      line.number = *number;
    }
  }
  return line;
}

class Reader {
 public:
  void read(std::string_view raw) {
    const Line line = parse_line(raw);
    switch (line.kind) {
      case Line::Kind::kVersion:
        at(line.level).plan.reset();
        break;
      case Line::Kind::kPlan:
        at(line.level).plan = line.number;
        break;
      case Line::Kind::kSubtest:
        at(line.level).subtest = line.name;
        break;
      case Line::Kind::kResult:
        add(line);
        break;
      case Line::Kind::kOther:
        log_ += line.text;
        log_ += '\n';
        break;
    }
  }

  KtapResults finish() {
    KtapResults out;
    // Innermost first: what has not ended belongs to what has not ended around it.
    for (std::size_t level = levels_.size(); level-- > 1;) {
      if (levels_[level].subtest.empty() && levels_[level].results.empty()) continue;
      TestResult open;
      open.name = levels_[level].subtest;
      open.verdict = Verdict::kFailed;
      open.unfinished = true;
      open.children = std::move(levels_[level].results);
      if (level == 1)
        out.unfinished = std::move(open);
      else
        at(level - 1).results.push_back(std::move(open));
    }
    if (!levels_.empty()) out.results = std::move(levels_[0].results);
    out.rest = std::move(log_);
    return out;
  }

 private:
  struct Level {
    std::vector<TestResult> results;
    std::optional<std::size_t> plan;
    std::string subtest;  // whose results these are
  };

  Level& at(std::size_t level) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    return levels_[level];
  }

  void add(const Line& line) {
    TestResult result;
    result.name = line.name;
    result.verdict = !line.ok       ? Verdict::kFailed
                     : line.skipped ? Verdict::kSkipped
                                    : Verdict::kPassed;
    result.reason = line.reason;
    result.log = std::exchange(log_, {});
    if (levels_.size() > line.level + 1) {
      Level& inner = levels_[line.level + 1];
      if (inner.plan && inner.results.size() != *inner.plan &&
          result.verdict != Verdict::kSkipped) {
        result.verdict = Verdict::kFailed;
        result.reason = fmt::format("{} tests were planned, {} have a result", *inner.plan,
                                    inner.results.size());
      }
      result.children = std::move(inner.results);
      levels_.resize(line.level + 1);
    }
    at(line.level).results.push_back(std::move(result));
  }

  std::vector<Level> levels_;
  std::string log_;
};

template <typename Work>
void for_each_line(std::string_view text, Work work) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    work(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void write_result(const TestResult& result, std::size_t level, std::size_t index,
                  std::string& out) {
  const std::string indent(level * kIndent, ' ');
  if (!result.children.empty()) {
    out += fmt::format("{0}    KTAP version 1\n{0}    # Subtest: {1}\n{0}    1..{2}\n", indent,
                       result.name, result.children.size());
    std::size_t number = 0;
    for (const TestResult& child : result.children) write_result(child, level + 1, ++number, out);
  }
  out += result.log;
  const bool good = is_good(result.verdict);
  if (!good && !result.reason.empty())
    out += fmt::format("{}# {}: {}\n", indent, result.name, result.reason);
  out += fmt::format("{}{}ok {} {}{}\n", indent, good ? "" : "not ", index, result.name,
                     result.verdict == Verdict::kSkipped ? " # SKIP " + result.reason : "");
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPassed:
      return "passed";
    case Verdict::kSkipped:
      return "skipped";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kCrashed:
      return "crashed";
    case Verdict::kTimedOut:
      return "timed out";
  }
  return "";
}

void TestCounts::add(const TestResult& result) {
  if (!result.children.empty()) {
    for (const TestResult& child : result.children) add(child);
    return;
  }
  if (result.verdict == Verdict::kPassed)
    passed++;
  else if (result.verdict == Verdict::kSkipped)
    skipped++;
  else
    failed++;
}

KtapResults read_ktap(std::string_view log) {
  Reader reader;
  for_each_line(log, [&](std::string_view line) { reader.read(line); });
  return reader.finish();
}

std::string renumber_ktap(std::string_view log, std::size_t index) {
  std::string out;
  for_each_line(log, [&](std::string_view raw) {
    const Line line = parse_line(raw);
    if (line.level == 0) {
      if (line.kind == Line::Kind::kVersion || line.kind == Line::Kind::kPlan) return;
      if (line.kind == Line::Kind::kResult) {
        out += fmt::format("{}ok {} {}{}\n", line.ok ? "" : "not ", index, line.name,
                           line.skipped ? fmt::format(" # SKIP {}", line.reason) : "");
        return;
      }
    }
    out += line.text;
    out += '\n';
  });
  return out;
}

std::string write_ktap(const TestResult& suite, std::size_t index) {
  std::string out;
  write_result(suite, 0, index, out);
  return out;
}

}  // namespace lkl::tool
