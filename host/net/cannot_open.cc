// SPDX-License-Identifier: GPL-2.0
#include "net/cannot_open.h"

#include <cerrno>
#include <cstring>

namespace lkl::host {

int cannot_open(const NetUri& uri, const std::string& name, int error, std::string_view need) {
  std::string line = name + ": " + std::strerror(-error);
  if (error == -EPERM || error == -EACCES)
    line += "; " + std::string(need) + "; \"slirp:\" needs no rights";
  else if (error == -ENODEV || error == -ENXIO)
    line += "; \"ip link\" shows the interfaces there are";
  else if (error == -EBUSY)
    line += "; another program has it";
  uri.say(line);
  return error;
}

int not_built(const NetUri& uri, std::string_view package) {
  uri.say("this library was built without it: build it again with Debian's package " +
          std::string(package));
  return -EPROTONOSUPPORT;
}

int cannot_load(const NetUri& uri, std::string_view library, std::string_view package) {
  uri.say(std::string(library) + " is missing: install Debian's package " + std::string(package));
  return -EPROTONOSUPPORT;
}

}  // namespace lkl::host
