// SPDX-License-Identifier: GPL-2.0
#include "lkl/completion.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "image/image_address.h"
#include "lkl/commands.h"

namespace lkl::tool {

namespace {

// Options are words "--type=TYPE", what takes no value "--json"; "=WORDS" is the first operand.
constexpr std::string_view kScript = R"bash(
# Sets kind to what the value of an option is ('': the first operand); fails if it takes none.
_lkl_kind() {
  local word
  for word in $options; do
    if [[ $word == "$1="* ]]; then
      kind=${word#*=}
      return 0
    fi
  done
  return 1
}

_lkl_value() { # KIND
  local from=(-W "")
  case $1 in
    TYPE | FSTYPE) from=(-W "ext4 btrfs vfat exfat squashfs iso9660 udf") ;;
    ATTRIBUTES) from=(-W "mode ownership timestamps links xattr all") ;;
    CHECKER) from=(-W "lockdep kasan ubsan kmemleak gcov") ;;
    FORMAT) from=(-W "$formats") ;;
    COMMAND) from=(-W "$commands") ;;
    DOMAIN)
      from=(-W "$(lkl domains --json 2>/dev/null | sed -n 's/^    "name": "\([^" ]*\)",$/\1/p')")
      ;;
    PART)
      compopt -o nospace 2>/dev/null
      from=(-W "UUID= LABEL= PARTUUID= PARTLABEL=")
      ;;
    DIR) from=(-d) ;;
    FILE | IMAGE | PATH | OPERAND) from=(-f) ;;
    *[a-z]*) from=(-W "${1//|/ }") ;;
  esac
  [[ ${from[0]} == -W ]] || compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "${from[@]}" -- "$cur"))
}

_lkl() {
  local cur prev words cword split
  _init_completion -s -n : 2>/dev/null || {
    cur=${COMP_WORDS[COMP_CWORD]}
    prev=${COMP_WORDS[COMP_CWORD - 1]}
    words=("${COMP_WORDS[@]}")
    cword=$COMP_CWORD
  }
  local program=${words[0]##*/} command="" options="" commands="" formats="" kind="" i word
  _lkl_options "$program"
  local all=$commands
  if [[ -n $all ]]; then
    for ((i = 1; i < cword; i++)); do
      if [[ ${words[i]} == -* ]]; then
        ! _lkl_kind "${words[i]}" || ((++i))
      elif [[ " $all " == *" ${words[i]} "* ]]; then
        command=${words[i]}
        _lkl_options "$program" "$command"
        break
      fi
    done
  fi
  if [[ $prev == -* ]] && _lkl_kind "$prev"; then
    _lkl_value "$kind"
  elif [[ $cur == -* ]]; then
    local names=""
    for word in $options; do
      word=${word%%=*}
      [[ -z $word || $word == -? ]] || names+=" $word"
    done
    COMPREPLY=($(compgen -W "$names" -- "$cur"))
  elif [[ -n $all && -z $command ]]; then
    _lkl_value COMMAND
  elif [[ $prev == "$command" ]] && _lkl_kind ''; then
    _lkl_value "$kind"
  else
    _lkl_value OPERAND
  fi
}
)bash";

// The type name as a word that the shell takes as it is: of "CHECKER[,...]" the beginning.
std::string kind_of(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  const auto end = std::find_if(name.begin(), name.end(), [](unsigned char c) {
    return !std::isalpha(c) && c != '|' && c != '_';
  });
  return std::string(name.begin(), end);
}

std::string options_of(const CLI::App& app) {
  std::string words;
  const auto add = [&words](std::string_view word) {
    words += fmt::format("{}{}", words.empty() ? "" : " ", word);
  };
  for (const CLI::Option* option : app.get_options()) {
    const std::string kind = kind_of(*option);
    if (option->get_positional()) {
      if (!kind.empty()) add("=" + kind);
      continue;
    }
    const std::string value = option->get_items_expected_max() > 0 ? "=" + kind : "";
    for (const std::string& name : option->get_snames()) add("-" + name + value);
    for (const std::string& name : option->get_lnames()) add("--" + name + value);
    if (app.get_name() != "find") continue;
    for (const FindWord& word : find_words())
      if (option->check_name(word.option)) add(std::string(word.word) + value);
  }
  return words;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string command_names(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : commands_of(app))
    names += fmt::format("{}{}", names.empty() ? "" : " ", command->get_name());
  return names;
}

}  // namespace

std::string bash_completion(const std::vector<const CLI::App*>& programs) {
  std::string formats = list_formats();
  std::erase(formats, ',');
  std::string script = fmt::format(
      "# SPDX-License-Identifier: GPL-2.0\n"
      "# bash completion, made by lkl --completion bash\n\n"
      "_lkl_options() {{ # PROGRAM [COMMAND]\n"
      "  formats=\"{}\"\n"
      "  case $1:$2 in\n",
      formats);
  std::string names;
  for (const CLI::App* program : programs) {
    names += " " + program->get_name();
    script += fmt::format("    {}:)\n      commands=\"{}\"\n      options=\"{}\"\n      ;;\n",
                          program->get_name(), command_names(*program), options_of(*program));
    for (const CLI::App* command : commands_of(*program))
      script += fmt::format("    {}:{}) options=\"{}\" ;;\n", program->get_name(),
                            command->get_name(), options_of(*command));
  }
  return fmt::format("{}  esac\n}}\n{}\ncomplete -F _lkl{}\n", script, kScript, names);
}

}  // namespace lkl::tool
