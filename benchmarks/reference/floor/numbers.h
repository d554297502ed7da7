// Numbers for keys: 0, 1, 2 ... in the order in which they come; a hash table without links.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct Token {  // 32 hexadecimal digits
  uint64_t high, low;
  bool operator==(const Token& other) const { return high == other.high && low == other.low; }
};

inline uint64_t mixed(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  return x ^ (x >> 32);
}
inline uint64_t hash_of(uint64_t key) { return mixed(key + 1); }
inline uint64_t hash_of(const Token& key) { return mixed(key.high ^ key.low); }
inline uint64_t hash_of(std::string_view key) {
  uint64_t hash = 14695981039346656037ULL;
  for (unsigned char each : key) hash = (hash ^ each) * 1099511628211ULL;
  return hash ^ (hash >> 29);
}

template <class Key>
class Numbers {
 public:
  explicit Numbers(size_t places) : places_(places, 0) {}  // a power of two

  template <class Lookup>
  uint32_t operator()(const Lookup& key) {
    size_t at = place(hash_of(key));
    for (; places_[at]; at = place(at + 1))
      if (keys_[places_[at] - 1] == key) return places_[at] - 1;
    keys_.emplace_back(key);
    places_[at] = static_cast<uint32_t>(keys_.size());
    if (keys_.size() * 2 > places_.size()) grow();
    return static_cast<uint32_t>(keys_.size() - 1);
  }
  const Key& operator[](uint32_t number) const { return keys_[number]; }
  size_t size() const { return keys_.size(); }

 private:
  size_t place(size_t at) const { return at & (places_.size() - 1); }
  void grow() {
    places_.assign(places_.size() * 2, 0);
    for (uint32_t number = 0; number < keys_.size(); number++) {
      size_t at = place(hash_of(keys_[number]));
      while (places_[at]) at = place(at + 1);
      places_[at] = number + 1;
    }
  }
  std::vector<uint32_t> places_;  // number + 1, or 0 where nothing is
  std::vector<Key> keys_;
};
