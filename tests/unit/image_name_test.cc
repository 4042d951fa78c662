// SPDX-License-Identifier: GPL-2.0
// What the operands of the command line mean, with and without files of such names.
#include "image/image_name.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/host_tools.h"

using namespace lkl::tool;

namespace {

// In a directory of its own, with these in it.
class ImageNames : public testing::Test {
 protected:
  ImageNames() {
    std::filesystem::current_path(directory_.path());
    std::filesystem::create_directories("dir/c:");
    for (const char* file : {"disk.img", "disk.img:7", "a@1", "raw:b.img", "c:", "dir/x:y"})
      std::ofstream(file) << "an image";
  }
  ~ImageNames() override { std::filesystem::current_path(before_); }

 private:
  const std::filesystem::path before_ = std::filesystem::current_path();
  const lkl_test::TempDir directory_;
};

std::string meaning(const ImageName& name) {
  const ImageAddress& image = name.image;
  return image.format + "|" + image.scheme + "|" + image.place + "|" +
         (name.volume ? to_text(*name.volume) : "") + "|" + name.path;
}

struct Case {
  const char* text;
  const char* meaning;  // format|scheme|place|volume|path
};

TEST_F(ImageNames, OfImages) {
  constexpr Case kCases[] = {
      {"disk.img", "||disk.img||"},
      {"missing.img", "||missing.img||"},
      {"dir", "||dir||"},
      // What is in an image
      {"disk.img:2", "||disk.img|2|"},
      {"missing.img:2", "||missing.img|2|"},
      {"disk.img:2:/etc", "||disk.img|2|/etc"},
      {"disk.img:/etc/a:b", "||disk.img||/etc/a:b"},
      {"disk.img:LABEL=root:/x", "||disk.img|LABEL=root|/x"},
      {"disk.img:vg/lv", "||disk.img|vg/lv|"},
      {"disk.img:vg/lv:1:/x", "||disk.img|vg/lv:1|/x"},
      {"disk.img:/dev/vg/lv:/x", "||disk.img|vg/lv|/x"},
      {"disk.img:/dev/vg/lv", "||disk.img||/dev/vg/lv"},
      {"disk.img:md0", "||disk.img|md0|"},
      {"disk.img:luks:2:/x", "||disk.img|luks:2|/x"},
      {"disk.img@1M", "||disk.img|@1048576|"},
      {"disk.img@2048s:/x", "||disk.img|@1048576|/x"},
      {"disk.img:nonsense", "||disk.img:nonsense||"},
      // Of what is not there, such a name may mean anything.
      {"missing.img:vg/lv", "||missing.img:vg/lv||"},
      {"missing.img@5", "||missing.img@5||"},
      {"missing.img:/x", "||missing.img||/x"},
      // A file of that name comes first.
      {"disk.img:7", "||disk.img:7||"},
      {"disk.img:7:/x", "||disk.img:7||/x"},
      {"disk.img:7:1", "||disk.img:7|1|"},
      {"a@1", "||a@1||"},
      {"a@1@2", "||a@1|@2|"},
      {"c::/x", "||c:||/x"},
      {"dir/x:y", "||dir/x:y||"},
      {"raw:b.img", "||raw:b.img||"},
      // Formats
      {"raw:disk.img", "raw||disk.img||"},
      {"raw:disk.img:2:/x", "raw||disk.img|2|/x"},
      {"vhd:missing.img", "vpc||missing.img||"},
      {"raw:disk.img:7", "raw||disk.img:7||"},
      {"raw:raw:b.img", "raw||raw:b.img||"},
      {"nothing:disk.img", "||nothing:disk.img||"},
      {"file:disk.img", "||disk.img||"},
      {"file:///dev/sda:1", "||/dev/sda|1|"},
      {"qcow2:file:disk.img", "qcow2||disk.img||"},
      // Servers
      {"nbd://host", "|nbd|nbd://host||"},
      {"nbd://host:10809/export", "|nbd|nbd://host:10809/export||"},
      {"nbd://host:10809/export:2:/x", "|nbd|nbd://host:10809/export|2|/x"},
      {"nbd://host/export:vg/lv", "|nbd|nbd://host/export|vg/lv|"},
      {"nbd://[::1]:10809/e@512", "|nbd|nbd://[::1]:10809/e|@512|"},
      {"nbd+unix:///?socket=/run/s:/x", "|nbd+unix|nbd+unix:///?socket=/run/s||/x"},
      {"qcow2:https://host/a.qcow2:1", "qcow2|https|https://host/a.qcow2|1|"},
      {"ssh://me@host/a.img", "|ssh|ssh://me@host/a.img||"},
      {"mem:64M", "|mem|mem:64M||"},
      // Volumes of libvirt
      {"vol:pool/volume", "|vol|vol:pool/volume||"},
      {"vol:pool/volume:2:/x", "|vol|vol:pool/volume|2|/x"},
      {"vol:pool/volume:/x", "|vol|vol:pool/volume||/x"},
      {"raw:vol:pool/volume", "raw||vol:pool/volume||"},
      {"", "||||"},
  };
  for (const auto& [text, meant] : kCases) {
    const ImageName name = parse_image_name(text);
    EXPECT_EQ(meaning(name), meant) << text;
    EXPECT_EQ(name.text, text);
    EXPECT_EQ(name.image.text, std::string(text).substr(0, name.image.text.size()));
  }
}

TEST_F(ImageNames, OfFilesToCopy) {
  static constexpr char kHost[] = "of the host";
  constexpr Case kCases[] = {
      {"disk.img", kHost},
      {"disk.img:2", kHost},
      {"dir/x:y", kHost},
      {"disk.img:/", "||disk.img||/"},
      {"disk.img:/x", "||disk.img||/x"},
      {"disk.img:2:/x", "||disk.img|2|/x"},
      {"disk.img:7:/x", "||disk.img:7||/x"},
      {"./disk.img:/x", "||./disk.img||/x"},
      {"nbd://host:10809/export", kHost},
      {"nbd://host:10809/export:/x", "|nbd|nbd://host:10809/export||/x"},
      {"raw:disk.img:/x:/y", "raw||disk.img||/x:/y"},
      // The directory is there, so it is the host's.
      {"dir/c:/new", kHost},
      {"dir/c:/", kHost},
      {"dir/d:/new", "||dir/d||/new"},
      // It cannot be an image of that name.
      {"dir:/x", "||dir||/x"},
      {"missing.img:/x", "||missing.img||/x"},
      {"missing.img:/x:/y", "||missing.img||/x:/y"},
  };
  for (const auto& [text, meant] : kCases) {
    const auto name = parse_image_path(text);
    EXPECT_EQ(name ? meaning(*name) : kHost, meant) << text;
  }
}

// Whoever has read an operand need not look at the host again.
TEST_F(ImageNames, KnowTheFile) {
  struct stat status = {};
  ASSERT_EQ(::stat("disk.img", &status), 0);
  for (const char* text : {"disk.img", "./disk.img:2:/x", "raw:disk.img@512", "file:disk.img"}) {
    const ImageAddress image = parse_image_name(text).image;
    EXPECT_EQ(image.device, status.st_dev) << text;
    EXPECT_EQ(image.inode, status.st_ino) << text;
  }
  for (const char* text : {"missing.img", "missing.img:2", "nbd://host/disk.img"})
    EXPECT_EQ(parse_image_name(text).image.inode, 0u) << text;
}

TEST_F(ImageNames, LookAtEachOnce) {
  HostNames names;
  EXPECT_EQ(meaning(parse_image_name("new.img:7", names)), "||new.img|7|");
  std::ofstream("new.img:7") << "an image";
  EXPECT_EQ(meaning(parse_image_name("new.img:7", names)), "||new.img|7|");
  EXPECT_EQ(meaning(parse_image_name("new.img:7")), "||new.img:7||");
}

// What a program of the host says is not to be taken for a file that happens to be here.
TEST_F(ImageNames, ByTheirWordsAlone) {
  const ImageAddress image = image_address("raw:b.img");
  EXPECT_EQ(image.format, "raw");
  EXPECT_EQ(image.place, "b.img");
  EXPECT_EQ(image.text, "raw:b.img");
}

}  // namespace
