// SPDX-License-Identifier: GPL-2.0
#include "fs/file_history.h"

#include <algorithm>

namespace lkl_test {

FileHistory::FileHistory(std::function<size_t()> now) : now_(std::move(now)), directories_(1) {
  directories_[kRoot].emplace_back().sure = 0;
}

void FileHistory::add_name(Names& names, size_t directory, const std::string& base) const {
  Name name;
  name.begun = now_();
  name.directory = directory;
  name.base = base;
  name.unsynced = {directory};
  if (!names.empty()) {
    const Name& before = names.back();
    if (!before.base.empty()) name.unsynced.insert(before.directory);
    // What the last change needs to be sure this one needs, too.
    name.unsynced.insert(before.unsynced.begin(), before.unsynced.end());
  }
  names.push_back(std::move(name));
}

// Whether it is there is not said: by a file that is in it, if by anything.
size_t FileHistory::create_directory(size_t parent, const std::string& name) {
  Names names;
  add_name(names, parent, name);
  names[0].sure = 0;
  names[0].unsynced.clear();
  directories_.push_back(std::move(names));
  return directories_.size() - 1;
}

void FileHistory::rename_directory(size_t directory, const std::string& name) {
  Names& names = directories_[directory];
  add_name(names, names.back().directory, name);
}

size_t FileHistory::create(size_t directory, const std::string& name) {
  File file;
  file.names.emplace_back().sure = 0;
  file.contents.emplace_back().sure = 0;
  add_name(file.names, directory, name);
  files_.push_back(std::move(file));
  return files_.size() - 1;
}

void FileHistory::write(size_t file, std::string bytes) {
  Content content;
  content.begun = now_();
  content.bytes = std::move(bytes);
  files_[file].contents.push_back(std::move(content));
}

void FileHistory::rename(size_t file, size_t directory, const std::string& name) {
  add_name(files_[file].names, directory, name);
}

void FileHistory::replace(size_t old, size_t file) {
  const Name name = files_[old].names.back();
  unlink(old);
  rename(file, name.directory, name.base);
  files_[old].names.back().replaced_by = {file, files_[file].names.size() - 1};
}

void FileHistory::unlink(size_t file) {
  add_name(files_[file].names, directory(file), "");
}

void FileHistory::file_synced(size_t file) {
  const size_t now = now_();
  Content& content = files_[file].contents.back();
  content.sure = std::min(content.sure, now);
  // It was made, under the first of its names: what became of that is the directories' affair.
  Name& name = files_[file].names[1];
  name.sure = std::min(name.sure, now);
  name.unsynced.clear();
}

void FileHistory::synced(Names& names, size_t directory, size_t now) {
  for (Name& name : names)
    if (name.unsynced.erase(directory) && name.unsynced.empty())
      name.sure = std::min(name.sure, now);
}

void FileHistory::directory_synced(size_t directory) {
  const size_t now = now_();
  for (Names& names : directories_) synced(names, directory, now);
  for (File& file : files_) synced(file.names, directory, now);
}

void FileHistory::all_synced() {
  const size_t now = now_();
  for (size_t directory = 0; directory < directories_.size(); ++directory)
    directory_synced(directory);
  for (File& file : files_) file.contents.back().sure = std::min(file.contents.back().sure, now);
}

std::string FileHistory::directory_path(size_t directory) const {
  return directory == kRoot ? "" : path(directories_[directory].back());
}

std::string FileHistory::path(const Name& name) const {
  return directory_path(name.directory) + "/" + name.base;
}

template <typename T>
std::vector<const T*> FileHistory::possible(const std::vector<T>& states, size_t end) {
  std::vector<const T*> result;
  for (const T& state : states) {
    if (state.sure <= end) result.clear();
    if (state.sure <= end || state.begun < end) result.push_back(&state);
  }
  return result;
}

bool FileHistory::may_be_gone(const File& file, size_t end, size_t first_name) {
  return std::ranges::any_of(possible(file.names, end), [&](const Name* name) {
    return name->base.empty() && name >= &file.names[first_name];
  });
}

std::set<std::string> FileHistory::places(const Names& names, size_t end, size_t first_name) const {
  std::set<std::string> result;
  for (const Name* name : possible(names, end)) {
    if (name->base.empty() || name < &names[first_name]) continue;
    if (name->directory == kRoot) result.insert("/" + name->base);
    for (const std::string& place : places(directories_[name->directory], end))
      result.insert(place + "/" + name->base);
  }
  return result;
}

std::string FileHistory::differs(const File& file, const std::string& bytes, size_t end) {
  const auto contents = possible(file.contents, end);
  size_t least = SIZE_MAX, most = 0;
  for (const Content* content : contents) {
    if (content->bytes == bytes) return "";
    least = std::min(least, content->bytes.size());
    most = std::max(most, content->bytes.size());
  }
  const std::string versions = std::to_string(contents.size()) + " possible version(s)";
  if (bytes.size() < least || bytes.size() > most)
    return "is " + std::to_string(bytes.size()) + " bytes, not " + std::to_string(least) + " to " +
           std::to_string(most) + ", " + versions;
  for (size_t i = 0; i < bytes.size(); ++i) {
    // Where one of them ends the other may have been given its size and not yet its data.
    const bool known = std::ranges::any_of(contents, [&](const Content* content) {
      return bytes[i] == (i < content->bytes.size() ? content->bytes[i] : '\0');
    });
    if (!known) return "has a byte of none of " + versions + " at " + std::to_string(i);
  }
  return "";
}

void FileHistory::tell(const Names& names, std::string& story) const {
  for (const Name& name : names) {
    if (name.begun == 0 && name.base.empty()) continue;
    const std::string where = name.directory == kRoot ? "" : std::to_string(name.directory);
    story += "\n    " + (name.base.empty() ? "none" : where + "/" + name.base) + " from " +
             std::to_string(name.begun);
    if (name.sure != kNever) story += ", sure from " + std::to_string(name.sure);
  }
}

std::string FileHistory::story(const std::string& path) const {
  const std::string base = path.substr(path.rfind('/') + 1);
  std::string result;
  std::set<size_t> directories;
  for (const File& file : files_) {
    if (std::ranges::none_of(file.names, [&](const Name& name) { return name.base == base; }))
      continue;
    result += "\n  a file's names:";
    tell(file.names, result);
    for (const Name& name : file.names) directories.insert(name.directory);
  }
  // And those that they are in.
  for (auto next = directories.rbegin(); next != directories.rend(); ++next)
    for (const Name& name : directories_[*next]) directories.insert(name.directory);
  for (const size_t directory : directories) {
    if (directory == kRoot) continue;
    result += "\n  names of directory " + std::to_string(directory) + ":";
    tell(directories_[directory], result);
  }
  return result;
}

std::vector<std::string> FileHistory::losses(const Tree& found, size_t end) const {
  std::multimap<std::string, size_t> candidates;
  for (size_t file = 0; file < files_.size(); ++file)
    for (const std::string& place : places(files_[file].names, end))
      candidates.emplace(place, file);

  std::vector<std::string> result;
  std::vector<std::vector<std::string>> where(files_.size());
  for (const auto& [path, bytes] : found) {
    std::string why = "was never there";
    const auto [first, last] = candidates.equal_range(path);
    for (auto candidate = first; candidate != last && !why.empty(); ++candidate) {
      why = differs(files_[candidate->second], bytes, end);
      if (why.empty()) where[candidate->second].push_back(path);
    }
    if (!why.empty()) result.push_back(path + " " + why + story(path));
  }

  for (size_t i = 0; i < files_.size(); ++i) {
    const Names& names = files_[i].names;
    if (where[i].size() > 1)
      result.push_back("one file at two places: " + where[i][0] + " and " + where[i][1] +
                       story(where[i][0]));
    if (!where[i].empty()) continue;
    if (!may_be_gone(files_[i], end)) result.push_back(*places(names, end).begin() + " is missing");
    // Unless it was never made, another file has its name, or what that was changed to later.
    const Name& first = *possible(names, end).front();
    const Name& last = *possible(names, end).back();
    if (&first == &names[0] || !last.replaced_by) continue;
    const auto [other, name] = *last.replaced_by;
    const File& file = files_[other];
    if (where[other].empty() ? !may_be_gone(file, end, name)
                             : !places(file.names, end, name).contains(where[other][0]))
      result.push_back(path(file.names[name]) +
                       ": neither the old file nor the one that replaced it is there");
  }
  return result;
}

size_t FileHistory::claims(size_t end) const {
  return static_cast<size_t>(std::ranges::count_if(files_, [&](const File& file) {
    return !may_be_gone(file, end) && !possible(file.contents, end).front()->bytes.empty();
  }));
}

}  // namespace lkl_test
