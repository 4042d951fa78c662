// SPDX-License-Identifier: GPL-2.0
#include "fuzz/model.h"

#include <lkl.h>

#include <algorithm>

namespace lkl_fuzz {

using Type = ModelNode::Type;

int Model::look(const std::string& path, Place& place) const {
  place = {.folder = root_, .name = path, .node = nullptr};
  if (const size_t slash = path.find('/'); slash != std::string::npos) {
    const auto folder = root_->children.find(path.substr(0, slash));
    // links lead nowhere
    if (folder == root_->children.end() || folder->second->type == Type::kLink) return -LKL_ENOENT;
    if (!folder->second->is_folder()) return -LKL_ENOTDIR;
    place.folder = folder->second;
    place.name = path.substr(slash + 1);
  }
  const auto node = place.folder->children.find(place.name);
  if (node != place.folder->children.end()) place.node = node->second;
  return 0;
}

int Model::room(const std::string& path, Place& place) const {
  const int error = look(path, place);
  return error ? error : place.node ? -LKL_EEXIST : 0;
}

ModelNodePtr Model::find(const std::string& path) const {
  Place place;
  return look(path, place) ? nullptr : place.node;
}

int Model::create(const std::string& path, bool exclusive, bool truncate, ModelNodePtr& node) {
  Place place;
  if (const int error = look(path, place)) return error;
  if (place.node) {
    if (exclusive) return -LKL_EEXIST;
    if (place.node->type == Type::kLink) return -LKL_ELOOP;  // O_NOFOLLOW
    if (place.node->is_folder()) return -LKL_EISDIR;
    if (truncate) place.node->content.clear();
  } else {
    place.node = place.folder->children[place.name] = std::make_shared<ModelNode>();
  }
  node = place.node;
  return 0;
}

int Model::mkdir(const std::string& path) {
  Place place;
  if (const int error = room(path, place)) return error;
  place.folder->children[place.name] =
      std::make_shared<ModelNode>(ModelNode{.type = Type::kFolder});
  return 0;
}

int Model::symlink(const std::string& target, const std::string& path) {
  Place place;
  if (const int error = room(path, place)) return error;
  place.folder->children[place.name] =
      std::make_shared<ModelNode>(ModelNode{.type = Type::kLink, .content = target});
  return 0;
}

int Model::link(const std::string& from, const std::string& to) {
  Place source, target;
  if (const int error = look(from, source)) return error;
  if (!source.node) return -LKL_ENOENT;
  if (const int error = room(to, target)) return error;
  if (source.node->is_folder()) return -LKL_EPERM;
  target.folder->children[target.name] = source.node;
  ++source.node->links;
  return 0;
}

int Model::unlink(const std::string& path) {
  Place place;
  if (const int error = look(path, place)) return error;
  if (!place.node) return -LKL_ENOENT;
  if (place.node->is_folder()) return -LKL_EISDIR;
  place.folder->children.erase(place.name);
  --place.node->links;
  return 0;
}

int Model::rmdir(const std::string& path) {
  Place place;
  if (const int error = look(path, place)) return error;
  if (!place.node) return -LKL_ENOENT;
  if (!place.node->is_folder()) return -LKL_ENOTDIR;
  if (!place.node->children.empty()) return -LKL_ENOTEMPTY;
  place.folder->children.erase(place.name);
  return 0;
}

int Model::rename(const std::string& from, const std::string& to) {
  Place source, target;
  if (const int error = look(from, source)) return error;
  if (const int error = look(to, target)) return error;
  if (!source.node) return -LKL_ENOENT;
  // Folders are of two levels: what is below one is named by it, and nothing else.
  if (source.node == target.folder) return -LKL_EINVAL;
  if (target.node == source.folder) return -LKL_ENOTEMPTY;
  if (source.node == target.node) return 0;
  if (target.node) {
    if (source.node->is_folder() && !target.node->is_folder()) return -LKL_ENOTDIR;
    if (!source.node->is_folder() && target.node->is_folder()) return -LKL_EISDIR;
    if (!target.node->children.empty()) return -LKL_ENOTEMPTY;
    --target.node->links;
  }
  source.folder->children.erase(source.name);
  target.folder->children[target.name] = source.node;
  return 0;
}

int Model::truncate(const std::string& path, uint64_t size) {
  Place place;
  if (const int error = look(path, place)) return error;
  if (!place.node || place.node->type == Type::kLink) return -LKL_ENOENT;
  if (place.node->is_folder()) return -LKL_EISDIR;
  place.node->content.resize(size);
  return 0;
}

int Model::set_attribute(const std::string& path, const std::string& name,
                         const std::string& value) {
  Place place;
  if (const int error = look(path, place)) return error;
  if (!place.node) return -LKL_ENOENT;
  if (place.node->type == Type::kLink) return -LKL_EPERM;
  place.node->attributes[name] = value;
  return 0;
}

int Model::remove_attribute(const std::string& path, const std::string& name) {
  Place place;
  if (const int error = look(path, place)) return error;
  if (!place.node) return -LKL_ENOENT;
  if (place.node->type == Type::kLink) return -LKL_EPERM;
  return place.node->attributes.erase(name) ? 0 : -LKL_ENODATA;
}

void Model::write(ModelNode& node, uint64_t offset, const std::string& data) {
  if (data.empty()) return;
  if (node.content.size() < offset + data.size()) node.content.resize(offset + data.size());
  std::ranges::copy(data, node.content.begin() + static_cast<long>(offset));
}

void Model::zero(ModelNode& node, uint64_t offset, uint64_t length) {
  const uint64_t end = std::min<uint64_t>(offset + length, node.content.size());
  for (uint64_t at = offset; at < end; ++at) node.content[at] = 0;
}

}  // namespace lkl_fuzz
