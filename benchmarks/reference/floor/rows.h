// Rows of text, written a megabyte at a time.
#pragma once
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "numbers.h"

class Rows {
 public:
  explicit Rows(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) { text_.reserve(LARGE + 4096); }
  ~Rows() {
    write();
    std::fclose(file_);
  }
  template <class... Cells>
  void add(const Cells&... cells) {
    (cell(cells), ...);
    text_.back() = '\n';
    if (text_.size() > LARGE) write();
  }

 private:
  static constexpr size_t LARGE = 1 << 20;
  void cell(std::string_view text) { (text_ += text) += ','; }
  void cell(uint64_t number) {
    char digits[20];
    cell(std::string_view(digits, std::to_chars(digits, digits + sizeof digits, number).ptr - digits));
  }
  void cell(const Token& token) {
    char digits[32];
    for (int at = 0; at < 16; at++) {
      digits[at] = "0123456789abcdef"[token.high >> (60 - 4 * at) & 15];
      digits[16 + at] = "0123456789abcdef"[token.low >> (60 - 4 * at) & 15];
    }
    cell(std::string_view(digits, sizeof digits));
  }
  void write() {
    std::fwrite(text_.data(), 1, text_.size(), file_);
    text_.clear();
  }
  std::FILE* file_;
  std::string text_;
};
