// A table that grows when asked to: where there is no memory, that is an answer and not the end of the process.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "status.h"

namespace indelible {

template <typename Row>
class Rows {
 public:
  /// Makes room for `count` rows in all; those that there are stay.
  Status reserve(std::size_t count) {
    if (count <= capacity_) return Status::good();
    const std::size_t capacity = std::max(count, 2 * capacity_);
    std::unique_ptr<Row[]> bigger(new (std::nothrow) Row[capacity]);
    if (bigger == nullptr) return Status::no_memory();
    std::copy_n(rows_.get(), size_, bigger.get());
    rows_ = std::move(bigger);
    capacity_ = capacity;
    return Status::good();
  }

  /// There are `count` rows from now on; what is in those that were none is the caller's to fill.
  Status resize(std::size_t count) {
    Status status = reserve(count);
    if (status.ok()) size_ = count;
    return status;
  }

  Status push(const Row& row) {
    Status status = reserve(size_ + 1);
    if (status.ok()) add(row);
    return status;
  }

  /// For this one there is room.
  void add(const Row& row) { rows_[size_++] = row; }

  void clear() { size_ = 0; }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Row* data() const { return rows_.get(); }
  [[nodiscard]] Row* begin() const { return rows_.get(); }
  [[nodiscard]] Row* end() const { return rows_.get() + size_; }
  [[nodiscard]] Row& operator[](std::size_t index) const { return rows_[index]; }
  [[nodiscard]] Row& back() const { return rows_[size_ - 1]; }

 private:
  std::unique_ptr<Row[]> rows_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace indelible
