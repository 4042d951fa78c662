// SPDX-License-Identifier: GPL-2.0
#include "config/read_config.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "config/value_check.h"
#include "nearest.h"

namespace lkl::host {
namespace {

using Kind = JsonNode::Kind;

// What a key of JSON, or a variable, is for.
template <class Struct>
struct Key {
  std::string_view name;
  enum class Form { kText, kNumber, kTruth, kTexts } form;  // kTexts: one, or a list of them
  char* Struct::*text = nullptr;
  int Struct::*truth = nullptr;
  CheckValue check = check_any;
  std::string_view variable = {};  // behind the prefix
};
using Form = Key<lkl_config>::Form;
using IfaceForm = Key<lkl_config_iface>::Form;
using DiskForm = Key<lkl_config_disk>::Form;

constexpr auto kIfaceKeys = std::to_array<Key<lkl_config_iface>>({
    {"type", IfaceForm::kText, &lkl_config_iface::iftype, {}, check_any, "NET_IFTYPE"},
    {"uri", IfaceForm::kText, &lkl_config_iface::iftype},
    {"param", IfaceForm::kText, &lkl_config_iface::ifparams, {}, check_any, "NET_IFPARAMS"},
    {"mtu", IfaceForm::kNumber, &lkl_config_iface::ifmtu_str, {}, check_mtu, "NET_MTU"},
    {"mac", IfaceForm::kText, &lkl_config_iface::ifmac_str, {}, check_mac, "NET_MAC"},
    {"ip", IfaceForm::kText, &lkl_config_iface::ifip, {}, check_ipv4, "NET_IP"},
    {"masklen",
     IfaceForm::kNumber,
     &lkl_config_iface::ifnetmask_len,
     {},
     check_mask,
     "NET_NETMASK_LEN"},
    {"ifgateway", IfaceForm::kText, &lkl_config_iface::ifgateway, {}, check_ipv4, "NET_IFGATEWAY"},
    {"ipv6", IfaceForm::kText, &lkl_config_iface::ifipv6, {}, check_ipv6, "NET_IPV6"},
    {"masklen6",
     IfaceForm::kNumber,
     &lkl_config_iface::ifnetmask6_len,
     {},
     check_mask6,
     "NET_NETMASK6_LEN"},
    {"ifgateway6",
     IfaceForm::kText,
     &lkl_config_iface::ifgateway6,
     {},
     check_ipv6,
     "NET_IFGATEWAY6"},
    {"neigh",
     IfaceForm::kText,
     &lkl_config_iface::ifneigh_entries,
     {},
     check_neighbors,
     "NET_NEIGHBOR"},
    {"qdisc", IfaceForm::kText, &lkl_config_iface::ifqdisc_entries, {}, check_pairs, "NET_QDISC"},
    {"offload",
     IfaceForm::kNumber,
     &lkl_config_iface::ifoffload_str,
     {},
     check_c_number,
     "OFFLOAD"},
    {"addresses", IfaceForm::kTexts, &lkl_config_iface::ifaddresses, {}, check_prefixes},
    {"routes", IfaceForm::kTexts, &lkl_config_iface::ifroutes, {}, check_routes},
    {"dhcp", IfaceForm::kTruth, {}, &lkl_config_iface::dhcp, check_any, "NET_DHCP"},
    {"slaac", IfaceForm::kTruth, {}, &lkl_config_iface::slaac, check_any, "NET_SLAAC"},
});
constexpr Key<lkl_config_iface> kTap = {"tap", IfaceForm::kText, &lkl_config_iface::iftap,
                                        {},    check_any,        "NET_TAP"};

constexpr auto kDiskKeys = std::to_array<Key<lkl_config_disk>>({
    {"uri", DiskForm::kText, &lkl_config_disk::uri},
    {"mount", DiskForm::kText, &lkl_config_disk::mount},
    {"type", DiskForm::kText, &lkl_config_disk::type},
    {"options", DiskForm::kText, &lkl_config_disk::options},
    {"part", DiskForm::kNumber, &lkl_config_disk::part, {}, check_number},
    {"read_only", DiskForm::kTruth, {}, &lkl_config_disk::read_only},
    {"snapshot", DiskForm::kTruth, {}, &lkl_config_disk::snapshot},
});

constexpr auto kKeys = std::to_array<Key<lkl_config>>({
    {"gateway", Form::kText, &lkl_config::gateway, {}, check_ipv4, "NET_GATEWAY"},
    {"gateway6", Form::kText, &lkl_config::gateway6, {}, check_ipv6, "NET_GATEWAY6"},
    {"debug", Form::kNumber, &lkl_config::debug, {}, check_c_number, "DEBUG"},
    {"mount", Form::kTexts, &lkl_config::mount, {}, check_any, "MOUNT"},
    {"singlecpu", Form::kNumber, &lkl_config::single_cpu, {}, check_single_cpu, "SINGLE_CPU"},
    {"sysctl", Form::kText, &lkl_config::sysctls, {}, check_pairs, "SYSCTL"},
    {"boot_cmdline", Form::kText, &lkl_config::boot_cmdline, {}, check_any, "BOOT_CMDLINE"},
    {"dump", Form::kTexts, &lkl_config::dump, {}, check_any, "DUMP"},
    {"delay_main", Form::kNumber, &lkl_config::delay_main, {}, check_number},
    {"nameserver", Form::kTexts, &lkl_config::nameserver, {}, check_servers, "NET_NAMESERVER"},
    {"nameservers", Form::kTexts, &lkl_config::nameserver, {}, check_servers},
    {"search", Form::kTexts, &lkl_config::search, {}, check_domains},
    {"hostname", Form::kText, &lkl_config::hostname, {}, check_hostname},
});

// For who runs programs; nothing to us.
constexpr std::string_view kOtherVariables[] = {"CONFIG_FILE", "ZPOLINE"};

// A text of malloc(3) on its way into a structure.
void set_text(char*& place, std::string_view text) {
  char* const copy = new_text(text);
  std::free(place);
  place = copy;
}

template <class Struct>
void free_texts(Struct& of, std::span<const Key<Struct>> keys) {
  for (const Key<Struct>& key : keys)
    if (key.text) {
      std::free(of.*key.text);
      of.*key.text = nullptr;
    }
}

template <class Element>
void free_list(Element*& first, std::span<const Key<Element>> keys) {
  while (Element* const gone = first) {
    first = gone->next;
    free_texts(*gone, keys);
    if constexpr (requires { gone->iftap; }) std::free(gone->iftap);
    std::free(gone);
  }
}

// Puts a zeroed one at the end. std::bad_alloc.
template <class Element>
Element& append(Element*& first) {
  Element** last = &first;
  while (*last) last = &(*last)->next;
  *last = static_cast<Element*>(std::calloc(1, sizeof(Element)));
  if (!*last) throw std::bad_alloc();
  (*last)->id = -1;
  return **last;
}

// What is read, until all of it is right.
struct Draft {
  lkl_config config = {};
  bool has_interfaces = false, has_disks = false;

  ~Draft() { free_config(config); }

  void move_to(lkl_config& to) {
    for (const Key<lkl_config>& key : kKeys)
      if (config.*key.text) {
        std::free(to.*key.text);
        to.*key.text = std::exchange(config.*key.text, nullptr);
      }
    if (has_interfaces) {
      std::swap(to.ifaces, config.ifaces);
      std::swap(to.ifnum, config.ifnum);
    }
    if (has_disks) {
      std::swap(to.disks, config.disks);
      std::swap(to.disknum, config.disknum);
    }
  }
};

// ---- what belongs together ----

// What is wrong with it; "" if nothing is.
std::string check_whole(const lkl_config_iface& iface) {
  if (!iface.iftap && !iface.iftype) return "wants a \"type\" or a \"uri\"";
  if (iface.ifip && !iface.ifnetmask_len) return "has an \"ip\" and wants a \"masklen\"";
  if (iface.ifipv6 && !iface.ifnetmask6_len) return "has an \"ipv6\" and wants a \"masklen6\"";
  if (iface.ifgateway && !iface.ifip) return "has an \"ifgateway\" and wants an \"ip\"";
  if (iface.ifgateway6 && !iface.ifipv6) return "has an \"ifgateway6\" and wants an \"ipv6\"";
  if (iface.iftype && std::strchr(iface.iftype, ':') && iface.ifparams)
    return "has a whole URI, and \"param\" beside it";
  return "";
}
std::string check_whole(const lkl_config_disk& disk) {
  if (!disk.uri) return "wants a \"uri\"";
  if (!disk.mount && (disk.type || disk.options || disk.part))
    return "has what is for mounting and wants a \"mount\"";
  if (disk.mount && disk.mount[0] != '/') return "wants a \"mount\" that begins with \"/\"";
  return "";
}

// ---- JSON ----

class JsonReader final {
 public:
  explicit JsonReader(const SayWrong& say) : say_(say) {}

  bool read(const JsonNode& root, Draft& draft) {
    if (root.kind != Kind::kObject) return refuse(root, "the configuration", "an object");
    for (const auto& [name, value] : root.members) {
      bool good;
      if (name == "interfaces") {
        draft.has_interfaces = true;
        good =
            read_list(value, name, std::span(kIfaceKeys), draft.config.ifaces, draft.config.ifnum);
      } else if (name == "disks") {
        draft.has_disks = true;
        good =
            read_list(value, name, std::span(kDiskKeys), draft.config.disks, draft.config.disknum);
      } else {
        good = read_member(value, "", name, std::span(kKeys), draft.config);
      }
      if (!good) return false;
    }
    return true;
  }

 private:
  bool say_at(const JsonNode& node, const std::string& what) {
    say_("line " + std::to_string(node.line) + ": " + what);
    return false;
  }
  bool refuse(const JsonNode& node, const std::string& place, const std::string& wanted) {
    std::string shown = node.text;
    constexpr size_t kShown = 60;
    if (shown.size() > kShown) shown = shown.substr(0, kShown) + "...";
    if (node.kind == Kind::kText) shown = "\"" + shown + "\"";
    if (shown.empty()) shown = kind_name(node.kind);
    return say_at(node, place + ": " + shown + " is not " + wanted);
  }

  template <class Element, size_t N>
  bool read_list(const JsonNode& list, const std::string& name,
                 std::span<const Key<Element>, N> keys, Element*& first, int& count) {
    if (list.kind != Kind::kList) return refuse(list, name, "a list of objects");
    constexpr size_t kMost = 64;  // devices that a kernel can have
    if (list.items.size() > kMost) return say_at(list, name + ": there are more than 64");
    for (const JsonNode& item : list.items) {
      const std::string place = name + "[" + std::to_string(count) + "]";
      if (item.kind != Kind::kObject) return refuse(item, place, "an object");
      Element& element = append(first);
      ++count;
      for (const auto& [key, value] : item.members)
        if (!read_member(value, place + ".", key, std::span<const Key<Element>>(keys), element))
          return false;
      if (const std::string wrong = check_whole(element); !wrong.empty())
        return say_at(item, place + " " + wrong);
    }
    return true;
  }

  template <class Struct, size_t N>
  bool read_member(const JsonNode& value, const std::string& place, const std::string& name,
                   std::span<const Key<Struct>, N> keys, Struct& to) {
    const auto key = std::ranges::find(keys, name, &Key<Struct>::name);
    if (key == keys.end()) {
      std::vector<std::string_view> known;
      for (const Key<Struct>& each : keys) known.push_back(each.name);
      if constexpr (std::is_same_v<Struct, lkl_config>) {
        known.emplace_back("interfaces");
        known.emplace_back("disks");
      }
      std::string what = place + "\"" + name.substr(0, 60) + "\" is not known";
      if (const std::string_view meant = name.size() > 60 ? "" : nearest(name, known);
          !meant.empty())
        what += "; did you mean \"" + std::string(meant) + "\"?";
      return say_at(value, what);
    }
    return take(value, place + name, *key, to);
  }

  template <class Struct>
  bool take(const JsonNode& value, const std::string& place, const Key<Struct>& key, Struct& to) {
    using FormOf = typename Key<Struct>::Form;
    if (key.form == FormOf::kTruth) {
      if (value.kind != Kind::kTruth) return refuse(value, place, "true or false");
      to.*key.truth = value.text == "true";
      return true;
    }
    std::string text = value.text;
    if (key.form == FormOf::kTexts && value.kind == Kind::kList) {
      text.clear();
      for (const JsonNode& item : value.items) {
        if (item.kind != Kind::kText) return refuse(item, place, "a text");
        if (!check(item, place, key.check)) return false;
        text += (text.empty() ? "" : ",") + item.text;
      }
      if (text.empty()) return true;
    } else {
      const bool number = key.form == FormOf::kNumber;
      if (value.kind != Kind::kText && !(number && value.kind == Kind::kNumber))
        return refuse(value, place,
                      number                       ? "a number"
                      : key.form == FormOf::kTexts ? "a text or a list of texts"
                                                   : "a text");
      if (!check(value, place, key.check)) return false;
    }
    if (to.*key.text) return say_at(value, place + ": the same is said by another key");
    set_text(to.*key.text, text);
    return true;
  }

  bool check(const JsonNode& value, const std::string& place, CheckValue check) {
    const std::string wanted = check(value.text);
    return wanted.empty() || refuse(value, place, wanted);
  }

  const SayWrong& say_;
};

// ---- the environment ----

class EnvironmentReader final {
 public:
  EnvironmentReader(const Environment& environment, const SayWrong& say)
      : environment_(environment), say_(say) {}

  bool read(Draft& draft) {
    if (!all_known()) return false;
    for (const Key<lkl_config>& key : kKeys)
      if (!take(key, draft.config)) return false;
    lkl_config_iface& iface = append(draft.config.ifaces);
    draft.config.ifnum = 1;
    if (!take(kTap, iface)) return false;
    for (const Key<lkl_config_iface>& key : kIfaceKeys)
      if (!take(key, iface)) return false;
    draft.has_interfaces = iface.iftap || iface.iftype;
    if (!draft.has_interfaces) return true;
    const std::string wrong = check_whole(iface);
    if (!wrong.empty()) say_(std::string(kEnvironmentPrefix) + "NET_*: the interface " + wrong);
    return wrong.empty();
  }

 private:
  // What was meant for us and is misspelt.
  bool all_known() {
    std::vector<std::string_view> known(std::begin(kOtherVariables), std::end(kOtherVariables));
    known.push_back(kTap.variable);
    for (const Key<lkl_config>& key : kKeys)
      if (!key.variable.empty()) known.push_back(key.variable);
    for (const Key<lkl_config_iface>& key : kIfaceKeys)
      if (!key.variable.empty()) known.push_back(key.variable);
    for (const std::string& name : environment_.names) {
      const std::string_view end = std::string_view(name).substr(kEnvironmentPrefix.size());
      if (std::ranges::find(known, end) != known.end()) continue;
      std::string line = name.substr(0, 80) + " is not known";
      if (const std::string_view meant = end.size() > 60 ? "" : nearest(end, known); !meant.empty())
        line += "; did you mean " + std::string(kEnvironmentPrefix) + std::string(meant) + "?";
      say_(line);
      return false;
    }
    return true;
  }

  template <class Struct>
  bool take(const Key<Struct>& key, Struct& to) {
    if (key.variable.empty()) return true;
    const std::string name = std::string(kEnvironmentPrefix) + std::string(key.variable);
    const char* const value = environment_.value(name.c_str());
    if (!value) return true;
    std::string wanted = key.check(value);
    if (key.truth) {
      const std::string_view word = value;
      if (word != "0" && word != "1") wanted = "0 or 1";
      to.*key.truth = word == "1";
    }
    if (!wanted.empty()) {
      say_(name + "=" + std::string(value).substr(0, 60) + " is not " + wanted);
      return false;
    }
    if (key.text) set_text(to.*key.text, value);
    return true;
  }

  const Environment& environment_;
  const SayWrong& say_;
};

}  // namespace

char* new_text(std::string_view text) {
  char* const copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) throw std::bad_alloc();
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = 0;
  return copy;
}

void free_config(lkl_config& config) {
  free_list(config.ifaces, std::span<const Key<lkl_config_iface>>(kIfaceKeys));
  free_list(config.disks, std::span<const Key<lkl_config_disk>>(kDiskKeys));
  free_texts(config, std::span<const Key<lkl_config>>(kKeys));
  config = {};
}

int read_config_json(std::string_view json, lkl_config& config, const SayWrong& say) {
  JsonNode root;
  if (const int error = read_json(json, root, say)) return error;
  Draft draft;
  if (!JsonReader(say).read(root, draft)) return -EINVAL;
  draft.move_to(config);
  return 0;
}

int read_config_environment(const Environment& environment, lkl_config& config,
                            const SayWrong& say) {
  Draft draft;
  if (!EnvironmentReader(environment, say).read(draft)) return -EINVAL;
  if (!draft.config.boot_cmdline && !config.boot_cmdline) draft.config.boot_cmdline = new_text("");
  draft.move_to(config);
  return 0;
}

std::string wire_of(const lkl_config_iface& iface) {
  const auto uri = [](std::string_view scheme, std::string_view target) {
    std::string result(scheme);
    result += ':';
    // a comma would be the end of it
    for (const char letter : target) result += letter == ',' ? ",," : std::string(1, letter);
    return result;
  };
  // as LKL has it, the older way wins
  if (iface.iftap) return uri("tap", iface.iftap);
  if (!iface.iftype) return "";
  if (std::strchr(iface.iftype, ':')) return iface.iftype;
  return uri(iface.iftype, iface.ifparams ? iface.ifparams : "");
}

}  // namespace lkl::host
