// SPDX-License-Identifier: GPL-2.0
#include "lkl/begin.h"

#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <shellapi.h>

#include <string>
#include <vector>

#include "base/terminal.h"
#include "host/win32/path.h"

namespace lkl::tool {

namespace {

// The words of the command line, which main() has in the code page of the system: text that is not
// in it would be lost.
struct Words {
  std::vector<std::string> text;
  std::vector<char*> pointers;
};

Words& words() {
  static Words all;
  return all;
}

// "C:\tools\lkl.exe" is "lkl".
std::string program_name(std::string path) {
  path.erase(0, path.find_last_of("\\/:") + 1);
  if (path.size() > 4 && _stricmp(path.c_str() + path.size() - 4, ".exe") == 0)
    path.resize(path.size() - 4);
  return path;
}

}  // namespace

void begin_program(int& argc, char**& argv) {
  // Text is as Linux has it, and what is no text must not be changed.
  for (const int fd : {0, 1, 2}) _setmode(fd, O_BINARY);
  protect_terminal();
  int count = 0;
  wchar_t** const wide = CommandLineToArgvW(GetCommandLineW(), &count);
  if (wide == nullptr) return;
  Words& all = words();
  for (int i = 0; i < count; i++) all.text.push_back(lkl::host::narrow(wide[i]));
  LocalFree(wide);
  if (!all.text.empty()) all.text[0] = program_name(all.text[0]);
  for (std::string& word : all.text) all.pointers.push_back(word.data());
  all.pointers.push_back(nullptr);
  argc = count;
  argv = all.pointers.data();
}

}  // namespace lkl::tool
