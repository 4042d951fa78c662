// SPDX-License-Identifier: GPL-2.0
// Databases that map their files, SQLite with a write-ahead log and LMDB, on files of the library:
// what they have said to be committed is there after their process was killed, and nothing else is.
#include <lmdb.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "fs/guest_calls.h"
#include "fs/image.h"
#include "support/child.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

using Content = std::map<unsigned, std::string>;

// What a transaction writes: some of 500 keys, of which each has one value at a time. Key 0 has the
// number of the last transaction.
std::vector<std::pair<unsigned, std::string>> writes_of(unsigned transaction) {
  std::mt19937 random(transaction);
  std::vector<std::pair<unsigned, std::string>> writes;
  for (int i = 0; i < 12; ++i) {
    const unsigned key = 1 + static_cast<unsigned>(random()) % 500;
    std::string value(1 + random() % 3000, static_cast<char>('a' + random() % 26));
    value += std::to_string(transaction);
    writes.emplace_back(key, std::move(value));
  }
  writes.emplace_back(0, std::to_string(transaction));
  return writes;
}

Content content_after(unsigned transactions) {
  Content content;
  for (unsigned transaction = 1; transaction <= transactions; ++transaction)
    for (auto& [key, value] : writes_of(transaction)) content[key] = std::move(value);
  return content;
}

// Errors are words; "" is none.
class Database {
 public:
  virtual ~Database() = default;
  virtual std::string open() = 0;
  // Durable when it returns.
  virtual std::string commit(const std::vector<std::pair<unsigned, std::string>>& writes) = 0;
  virtual std::string read_all(Content& content) = 0;
  // What it says of itself.
  virtual std::string check() = 0;
};

class Sqlite final : public Database {
 public:
  ~Sqlite() override { sqlite3_close(db_); }

  std::string open() override {
    if (sqlite3_open("/db/sqlite", &db_) != SQLITE_OK) return error();
    std::string mode;
    for (const char* statement :
         {"PRAGMA mmap_size = 67108864", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
          "PRAGMA wal_autocheckpoint = 100",
          "CREATE TABLE IF NOT EXISTS t (key INTEGER PRIMARY KEY, value TEXT)",
          "CREATE INDEX IF NOT EXISTS by_length ON t (length(value))"})
      if (const std::string wrong = run_statement(statement, &mode); !wrong.empty()) return wrong;
    run_statement("PRAGMA journal_mode", &mode);
    return mode == "wal" ? "" : "its journal is " + mode;
  }

  std::string commit(const std::vector<std::pair<unsigned, std::string>>& writes) override {
    if (const std::string wrong = run_statement("BEGIN IMMEDIATE"); !wrong.empty()) return wrong;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, "INSERT OR REPLACE INTO t VALUES (?, ?)", -1, &statement, nullptr))
      return error();
    for (const auto& [key, value] : writes) {
      sqlite3_bind_int64(statement, 1, key);
      sqlite3_bind_text(statement, 2, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
      if (sqlite3_step(statement) != SQLITE_DONE) return error();
      sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return run_statement("COMMIT");
  }

  std::string read_all(Content& content) override {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, "SELECT key, value FROM t", -1, &statement, nullptr))
      return error();
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW)
      content[static_cast<unsigned>(sqlite3_column_int64(statement, 0))] =
          reinterpret_cast<const char*>(sqlite3_column_text(statement, 1));
    sqlite3_finalize(statement);
    return step == SQLITE_DONE ? "" : error();
  }

  std::string check() override {
    std::string said;
    const std::string wrong = run_statement("PRAGMA integrity_check", &said);
    return !wrong.empty() ? wrong : said == "ok" ? "" : said;
  }

  // The first column of its last row, if it has one.
  std::string run_statement(const char* text, std::string* column = nullptr) {
    const auto keep = [](void* to, int count, char** values, char**) {
      if (to && count > 0 && values[0]) *static_cast<std::string*>(to) = values[0];
      return 0;
    };
    return sqlite3_exec(db_, text, keep, column, nullptr) == SQLITE_OK
               ? ""
               : std::string(text) + ": " + error();
  }

 private:
  std::string error() const { return sqlite3_errmsg(db_); }

  sqlite3* db_ = nullptr;
};

class Lmdb final : public Database {
 public:
  explicit Lmdb(unsigned flags) : flags_(flags) {}
  ~Lmdb() override {
    if (environment_) mdb_env_close(environment_);
  }

  std::string open() override {
    int error = mdb_env_create(&environment_);
    if (!error) error = mdb_env_set_mapsize(environment_, 32 << 20);
    if (!error) error = mdb_env_open(environment_, "/db/lmdb", MDB_NOSUBDIR | flags_, 0644);
    if (error) return words(error);
    return in_transaction(0, [&](MDB_txn* transaction) {
      return mdb_dbi_open(transaction, nullptr, MDB_INTEGERKEY | MDB_CREATE, &table_);
    });
  }

  std::string commit(const std::vector<std::pair<unsigned, std::string>>& writes) override {
    return in_transaction(0, [&](MDB_txn* transaction) {
      for (const auto& [key, value] : writes) {
        unsigned number = key;
        MDB_val name = {sizeof number, &number};
        MDB_val data = {value.size(), const_cast<char*>(value.data())};
        if (const int error = mdb_put(transaction, table_, &name, &data, 0)) return error;
      }
      return 0;
    });
  }

  std::string read_all(Content& content) override {
    return in_transaction(MDB_RDONLY, [&](MDB_txn* transaction) {
      MDB_cursor* cursor;
      int error = mdb_cursor_open(transaction, table_, &cursor);
      if (error) return error;
      MDB_val name, data;
      while (!(error = mdb_cursor_get(cursor, &name, &data, MDB_NEXT))) {
        unsigned key;
        std::memcpy(&key, name.mv_data, sizeof key);
        content[key].assign(static_cast<const char*>(data.mv_data), data.mv_size);
      }
      mdb_cursor_close(cursor);
      return error == MDB_NOTFOUND ? 0 : error;
    });
  }

  // It has none of its own for what is in its pages: that all of them can be walked is one.
  std::string check() override {
    Content content;
    MDB_stat counted;
    if (const std::string wrong = read_all(content); !wrong.empty()) return wrong;
    if (const int error = mdb_env_stat(environment_, &counted)) return words(error);
    return counted.ms_entries == content.size() ? "" : "its count of entries is wrong";
  }

 private:
  static std::string words(int error) { return error ? mdb_strerror(error) : ""; }

  template <class Work>
  std::string in_transaction(unsigned flags, const Work& work) {
    MDB_txn* transaction;
    int error = mdb_txn_begin(environment_, nullptr, flags, &transaction);
    if (error) return words(error);
    error = work(transaction);
    if (!error) return words(mdb_txn_commit(transaction));
    mdb_txn_abort(transaction);
    return words(error);
  }

  unsigned flags_;
  MDB_env* environment_ = nullptr;
  MDB_dbi table_ = 0;
};

std::unique_ptr<Database> make_database(const std::string& kind) {
  if (kind == "sqlite") return std::make_unique<Sqlite>();
  return std::make_unique<Lmdb>(kind == "lmdb_writemap" ? MDB_WRITEMAP : 0);
}

// A kernel of this process, and the image's file system at /db of it.
class Session final {
 public:
  std::string begin(Image& image) {
    ops_.print = keep_log;
    if (lkl_init(&ops_) || lkl_start_kernel("mem=128M loglevel=8")) return "no kernel";
    std::string wrong = image.mount();
    if (!wrong.empty()) return wrong;
    if (const long error = lkl_sys_symlink(image.point().c_str(), "/db"))
      return lkl_strerror(static_cast<int>(error));
    // the first three descriptors are no database's
    for (int i = 0; i < 3; ++i) lkl_sys_open("/", LKL_O_RDONLY, 0);
    return "";
  }
  static std::string end(Image& image) {
    lkl_sys_close_range(0, ~0u, 0);
    std::string wrong = image.umount();
    lkl_sys_halt();
    lkl_cleanup();
    return wrong.empty() ? complaint_in_log() : wrong;
  }

 private:
  lkl_host_operations ops_ = {};
};

class DatabaseTest : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  void SetUp() override {
    kernel_log().clear();
    image_ = std::make_unique<Image>(dir_, std::get<1>(GetParam()), 64);
  }
  static std::unique_ptr<Database> database() { return make_database(std::get<0>(GetParam())); }

  // In a child of ours: commits, and says so each time, until it is killed.
  [[noreturn]] void commit_until_killed(int to, unsigned done) {
    Session session;
    const auto db = database();
    std::string wrong = session.begin(*image_);
    if (wrong.empty()) wrong = db->open();
    for (unsigned next = done + 1; wrong.empty(); ++next) {
      wrong = db->commit(writes_of(next));
      if (wrong.empty() && write(to, &next, sizeof next) != sizeof next) wrong = "nobody listens";
    }
    std::fprintf(stderr, "%s\n%s", wrong.c_str(), kernel_log().c_str());
    _exit(1);
  }

  // What is there after `acknowledged` transactions and at most one more: how many these are, or 0
  // and what is wrong.
  static unsigned judge(Database& db, unsigned acknowledged, std::string& wrong) {
    Content content;
    wrong = db.check();
    if (wrong.empty()) wrong = db.read_all(content);
    if (!wrong.empty()) return 0;
    const unsigned last = content.contains(0) ? static_cast<unsigned>(std::stoul(content[0])) : 0;
    if (last < acknowledged || last > acknowledged + 1)
      wrong = std::to_string(acknowledged) + " were committed, and it has " + std::to_string(last);
    else if (content != content_after(last))
      wrong = "its content is not that after " + std::to_string(last);
    return last;
  }

  void kill_at_random(unsigned seed, int rounds);

  TempDir dir_;
  std::unique_ptr<Image> image_;
};

void DatabaseTest::kill_at_random(unsigned seed, int rounds) {
  std::mt19937 random(seed);
  unsigned done = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::string where = "seed " + std::to_string(seed) + " round " + std::to_string(round);
    std::array<int, 2> ends;
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      commit_until_killed(ends[1], done);
    }
    close(ends[1]);
    // after some of them, and then at any moment of the next one
    unsigned said = done;
    for (unsigned wanted = done + 1 + static_cast<unsigned>(random()) % 40; said < wanted;)
      if (read(ends[0], &said, sizeof said) != sizeof said) break;
    usleep(static_cast<unsigned>(random()) % 5000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << where << ": it ended by itself";
    while (read(ends[0], &said, sizeof said) == sizeof said) continue;
    close(ends[0]);

    int found[2];
    ASSERT_EQ(pipe(found), 0);
    ASSERT_EQ(in_child([&] {
                Session session;
                std::string wrong = session.begin(*image_);
                auto db = database();
                if (wrong.empty()) wrong = db->open();
                unsigned last = 0;
                if (wrong.empty()) last = judge(*db, said, wrong);
                db.reset();
                if (wrong.empty()) wrong = Session::end(*image_);
                if (!wrong.empty()) std::fprintf(stderr, "%s: %s\n", where.c_str(), wrong.c_str());
                return wrong.empty() && write(found[1], &last, sizeof last) == sizeof last ? 0 : 1;
              }),
              0)
        << where;
    ASSERT_EQ(read(found[0], &done, sizeof done), static_cast<ssize_t>(sizeof done));
    for (const int fd : found) close(fd);
    ASSERT_EQ(image_->check(), "") << where;
  }
  EXPECT_GE(done, static_cast<unsigned>(rounds));
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, DatabaseTest,
                         ::testing::Combine(::testing::Values("sqlite", "lmdb", "lmdb_writemap"),
                                            ::testing::Values("ext4", "xfs")),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" +
                                  std::get<1>(info.param);
                         });

TEST_P(DatabaseTest, KeepsWhatItCommitsAndMapsItsFiles) {
  Session session;
  ASSERT_EQ(session.begin(*image_), "");
  const GuestCalls before = guest_calls();
  auto db = database();
  ASSERT_EQ(db->open(), "");
  for (unsigned transaction = 1; transaction <= 60; ++transaction)
    ASSERT_EQ(db->commit(writes_of(transaction)), "") << transaction;
  std::string wrong;
  EXPECT_EQ(judge(*db, 60, wrong), 60u) << wrong;
  EXPECT_EQ(wrong, "");
  EXPECT_GT(guest_calls().opens, before.opens);
  EXPECT_GT(guest_calls().maps, before.maps);
  EXPECT_GE(guest_calls().syncs, before.syncs + 60);
  db = database();
  ASSERT_EQ(db->open(), "");
  EXPECT_EQ(judge(*db, 60, wrong), 60u) << wrong;
  EXPECT_EQ(wrong, "");
  db.reset();
  EXPECT_EQ(Session::end(*image_), "");
  EXPECT_EQ(image_->check(), "");
}

TEST_P(DatabaseTest, KilledAtRandom) {
  kill_at_random(std::random_device()(), 4);
}

TEST_P(DatabaseTest, SlowKilledAtRandom) {
  kill_at_random(std::random_device()(), 60);
}

// Who reads sees what was there when it began, whatever is committed meanwhile, by a log that both
// have mapped.
TEST(SqliteTest, TwoConnectionsShareTheLog) {
  TempDir dir;
  Image image(dir, "ext4", 64);
  Session session;
  ASSERT_EQ(session.begin(image), "");
  auto writer = std::make_unique<Sqlite>(), reader = std::make_unique<Sqlite>();
  ASSERT_EQ(writer->open(), "");
  ASSERT_EQ(writer->commit(writes_of(1)), "");
  ASSERT_EQ(reader->open(), "");
  ASSERT_EQ(reader->run_statement("BEGIN"), "");
  Content before;
  ASSERT_EQ(reader->read_all(before), "");
  for (unsigned transaction = 2; transaction <= 40; ++transaction)
    ASSERT_EQ(writer->commit(writes_of(transaction)), "");
  Content still;
  ASSERT_EQ(reader->read_all(still), "");
  EXPECT_EQ(still, content_after(1));
  ASSERT_EQ(reader->run_statement("COMMIT"), "");
  Content now;
  ASSERT_EQ(reader->read_all(now), "");
  EXPECT_EQ(now, content_after(40));
  reader.reset();
  writer.reset();
  EXPECT_EQ(Session::end(image), "");
  EXPECT_EQ(image.check(), "");
}
