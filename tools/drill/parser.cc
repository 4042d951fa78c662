// SPDX-License-Identifier: GPL-2.0
#include "drill/parser.h"

#include <errno.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "drill/packet_parser.h"
#include "drill/tokens.h"

namespace lkl::tool::drill {

namespace {

constexpr double kMostSeconds = 1e6;

class Parser {
 public:
  Parser(const std::string& name, std::string_view text) : tokens_(name, text) {
    script_.name = name;
  }

  Script run() {
    while (tokens_.peek().kind == Token::Kind::kOption) parse_option();
    parse_commands(script_.begin);
    while (!tokens_.at_end() && tokens_.peek().kind != Token::Kind::kCommand) parse_event();
    if (script_.events.empty()) tokens_.fail("the script has no events");
    parse_commands(script_.end);
    if (!tokens_.at_end()) tokens_.fail("no events can follow a command without a time");
    return std::move(script_);
  }

 private:
  // --name=value, of which the value ends at a blank
  void parse_option() {
    const Token name = tokens_.take();
    ScriptOption option{name.line, name.text.substr(2), {}};
    if (tokens_.take_if('=')) {
      do option.value += tokens_.take().text;
      while (!tokens_.at_end() && !tokens_.peek().after_blank);
    }
    script_.options.push_back(std::move(option));
  }

  void parse_commands(std::vector<std::pair<int, std::string>>& commands) {
    while (tokens_.peek().kind == Token::Kind::kCommand) {
      const Token token = tokens_.take();
      commands.emplace_back(token.line, token.text);
    }
  }

  std::int64_t parse_time() {
    const Token token = tokens_.peek();
    if (token.kind != Token::Kind::kNumber || token.text.starts_with("0x"))
      tokens_.fail_expected("a time in seconds");
    tokens_.take();
    const double seconds = std::stod(token.text);
    if (!(seconds < kMostSeconds)) tokens_.fail(token.line, "this time is too long");
    return std::llround(seconds * 1e6);
  }

  EventTime parse_event_time() {
    EventTime time;
    if (tokens_.take_if('*')) {
      time.any = true;
      return time;
    }
    time.relative = tokens_.take_if('+');
    time.at = parse_time();
    const int line = tokens_.peek().line;
    if (tokens_.take_if('~')) {
      if (tokens_.take_if('+') != time.relative)
        tokens_.fail(line, "both ends of a range begin with '+', or none of them");
      time.latest = parse_time();
      if (*time.latest < time.at) tokens_.fail(line, "this range ends before it begins");
    } else if (tokens_.peek().kind == Token::Kind::kEllipsis) {
      tokens_.take();
      time.end = parse_time();
      if (*time.end < time.at) tokens_.fail(line, "this call ends before it begins");
    }
    return time;
  }

  void parse_event() {
    Event event;
    event.line = tokens_.peek().line;
    event.time = parse_event_time();
    const Token& next = tokens_.peek();
    if (next.is('<') || next.is('>')) {
      event.action = parse_packet(tokens_);
    } else if (next.kind == Token::Kind::kCommand) {
      event.action = Command{tokens_.take().text};
    } else if (next.kind == Token::Kind::kCode) {
      event.action = Code{tokens_.take().text};
    } else if (next.kind == Token::Kind::kWord) {
      event.action = parse_call();
    } else {
      tokens_.fail_expected("a packet ('<' or '>'), a system call, `command` or %{ code }%");
    }
    const auto* packet = std::get_if<PacketSpec>(&event.action);
    if (event.time.end && !std::holds_alternative<SystemCall>(event.action))
      tokens_.fail(event.line, "only a system call has a time when it ends");
    if ((event.time.latest || event.time.any) && (packet == nullptr || packet->inbound))
      tokens_.fail(event.line,
                   "only a packet from the kernel ('>') can have a range of times or '*'");
    script_.events.push_back(std::move(event));
  }

  SystemCall parse_call() {
    SystemCall call;
    call.name = tokens_.take().text;
    tokens_.expect('(', call.name);
    if (!tokens_.take_if(')')) {
      do call.arguments.push_back(parse_expression());
      while (tokens_.take_if(','));
      tokens_.expect(')', "the arguments of " + call.name);
    }
    tokens_.expect('=', call.name + "(...)");
    call.result = parse_expression();
    if (tokens_.peek().kind == Token::Kind::kWord) call.error = tokens_.take().text;
    if (tokens_.take_if('(')) {
      for (unsigned depth = 1; depth > 0;) {
        if (tokens_.at_end()) tokens_.fail_expected("')' after a note");
        const Token token = tokens_.take();
        if (token.is('(')) depth++;
        if (token.is(')') && --depth == 0) break;
        if (!call.note.empty() && token.after_blank) call.note += ' ';
        call.note += token.text;
      }
    }
    return call;
  }

  Expression parse_expression() {
    Expression first = parse_term();
    if (!tokens_.peek().is('|')) return first;
    Expression all;
    all.kind = Expression::Kind::kOr;
    all.line = first.line;
    all.items.push_back(std::move(first));
    while (tokens_.take_if('|')) all.items.push_back(parse_term());
    return all;
  }

  Expression parse_term() {
    const Token& next = tokens_.peek();
    Expression term;
    term.line = next.line;
    if (next.kind == Token::Kind::kEllipsis) {
      tokens_.take();
    } else if (next.kind == Token::Kind::kNumber || next.is('-')) {
      term.kind = Expression::Kind::kNumber;
      const bool minus = tokens_.take_if('-');
      const auto value = static_cast<std::int64_t>(tokens_.number("a number", INT64_MAX));
      term.number = minus ? -value : value;
    } else if (next.kind == Token::Kind::kText) {
      term.kind = Expression::Kind::kText;
      term.text = tokens_.take().text;
    } else if (next.kind == Token::Kind::kWord) {
      term.kind = Expression::Kind::kWord;
      term.text = tokens_.take().text;
      if (tokens_.take_if('(')) {
        term.kind = Expression::Kind::kFunction;
        parse_list(term.items, ')', term.text);
      }
    } else if (tokens_.take_if('[')) {
      term.kind = Expression::Kind::kList;
      parse_list(term.items, ']', "a list");
    } else if (tokens_.take_if('{')) {
      term.kind = Expression::Kind::kStructure;
      parse_structure(term);
    } else {
      tokens_.fail_expected("a value");
    }
    return term;
  }

  void parse_list(std::vector<Expression>& items, char close, std::string_view what) {
    if (tokens_.take_if(close)) return;
    do items.push_back(parse_expression());
    while (tokens_.take_if(','));
    tokens_.expect(close, what);
  }

  // How many words on the '=' is, if a field's name is the next; 0 if none is.
  std::size_t field_length() const {
    if (tokens_.peek().kind != Token::Kind::kWord) return 0;
    if (tokens_.peek(1).is('=')) return 1;
    // NAME(...)= and NAME(COUNT)=
    if (tokens_.peek(1).is('(') && tokens_.peek(3).is(')') && tokens_.peek(4).is('=')) return 4;
    return 0;
  }

  void parse_structure(Expression& structure) {
    do {
      const std::size_t length = field_length();
      std::string name;
      Token count;
      if (length > 0) {
        name = tokens_.take().text;
        if (length > 1) {
          tokens_.take();
          count = tokens_.take();
          tokens_.take();
        }
        tokens_.take();
      }
      structure.names.push_back(name);
      structure.items.push_back(parse_expression());
      const Expression& value = structure.items.back();
      if (count.kind == Token::Kind::kNumber && value.kind == Expression::Kind::kList &&
          count.text != std::to_string(value.items.size()))
        tokens_.fail(count.line,
                     fmt::format("{}({}) has {} elements", name, count.text, value.items.size()));
    } while (tokens_.take_if(','));
    tokens_.expect('}', "a structure");
  }

  Tokens tokens_;
  Script script_;
};

}  // namespace

const Expression* Expression::field(const std::string& name) const {
  for (std::size_t i = 0; i < names.size(); i++)
    if (names[i] == name) return &items[i];
  return nullptr;
}

Script parse_script(const std::string& name, std::string_view text) {
  return Parser(name, text).run();
}

Script read_script(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || text.fail())
    throw Failure(fmt::format("{}: {}", path, describe({errno, std::system_category()})));
  Script script = parse_script(path, text.str());
  script.folder = std::filesystem::absolute(path).parent_path();
  return script;
}

}  // namespace lkl::tool::drill
