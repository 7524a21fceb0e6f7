// What is there, looked at without touching it. A DAX device needs a machine that has one: `npm run test:pmem-vm`.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "../../native/region_view.h"
#include "../../native/static_header.h"
#include "check.h"
#include "log_fixture.h"
#include "scratch.h"

using namespace fixture;

namespace {

struct File {
  std::string path;

  explicit File(const std::vector<std::byte>& bytes) {
    const int fd = scratch::file(path);
    CHECK(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    ::close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::unlink(path.c_str()); }
};

}  // namespace

TEST(region_view_reads_what_the_file_holds) {
  const std::vector<std::byte> image = formatted(small_format());
  const File file(image);
  std::unique_ptr<RegionView> view;
  CHECK(RegionView::open(file.path.c_str(), view).ok());
  CHECK(view->size() == image.size());
  std::vector<std::byte> read(image.size());
  CHECK(view->read(0, read.data(), read.size()).ok());
  CHECK(read == image);
  StaticHeaders headers{};
  CHECK(load_static_headers(*view, headers).ok());
}

TEST(region_view_ends_where_the_file_ends) {
  const File file(std::vector<std::byte>(10000));
  std::unique_ptr<RegionView> view;
  CHECK(RegionView::open(file.path.c_str(), view).ok());
  std::vector<std::byte> read(20000);
  CHECK(view->read(0, read.data(), read.size()).code == Code::store_io);
}

TEST(region_view_tells_a_missing_region_from_something_else) {
  std::unique_ptr<RegionView> view;
  const File file({});
  ::unlink(file.path.c_str());
  CHECK(RegionView::open(file.path.c_str(), view).code == Code::store_missing);
  // A device, but of no bytes that could be mapped.
  CHECK(RegionView::open("/dev/null", view).code == Code::store_foreign);
}

TEST(region_view_does_not_wait_for_a_pipe) {
  const File file({});
  ::unlink(file.path.c_str());
  CHECK(::mkfifo(file.path.c_str(), 0600) == 0);
  std::unique_ptr<RegionView> view;
  CHECK(RegionView::open(file.path.c_str(), view).ok());
  StaticHeaders headers{};
  CHECK(load_static_headers(*view, headers).code == Code::store_foreign);
}
