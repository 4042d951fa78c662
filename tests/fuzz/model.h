// SPDX-License-Identifier: GPL-2.0
// What a file system should do, as simple as it can be said: names, contents, links,
// extended attributes in memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lkl_fuzz {

struct ModelNode {
  enum class Type { kFile, kFolder, kLink };
  Type type = Type::kFile;
  std::string content;  // or where the link leads
  std::map<std::string, std::shared_ptr<ModelNode>> children;
  std::map<std::string, std::string> attributes;
  unsigned links = 1;  // names of a file

  bool is_folder() const { return type == Type::kFolder; }
};
using ModelNodePtr = std::shared_ptr<ModelNode>;

// Paths are "a" or "a/b". Functions return 0 or a negative error of this kernel.
class Model final {
 public:
  const ModelNode& root() const { return *root_; }

  // The node of a path, nullptr if there is none; links are not followed.
  ModelNodePtr find(const std::string& path) const;

  int create(const std::string& path, bool exclusive, bool truncate, ModelNodePtr& node);
  int mkdir(const std::string& path);
  int symlink(const std::string& target, const std::string& path);
  int link(const std::string& from, const std::string& to);
  int unlink(const std::string& path);
  int rmdir(const std::string& path);
  int rename(const std::string& from, const std::string& to);
  int truncate(const std::string& path, uint64_t size);
  int set_attribute(const std::string& path, const std::string& name, const std::string& value);
  int remove_attribute(const std::string& path, const std::string& name);

  static void write(ModelNode& node, uint64_t offset, const std::string& data);
  static void zero(ModelNode& node, uint64_t offset, uint64_t length);

 private:
  struct Place {
    ModelNodePtr folder;
    std::string name;
    ModelNodePtr node;  // nullptr: there is room for it
  };
  int look(const std::string& path, Place& place) const;
  // A name that must not be there.
  int room(const std::string& path, Place& place) const;

  ModelNodePtr root_ = std::make_shared<ModelNode>(ModelNode{.type = ModelNode::Type::kFolder});
};

}  // namespace lkl_fuzz
