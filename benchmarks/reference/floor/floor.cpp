// Job R compiled, with nothing in between: how fast one core can be. Arguments: DATA OUT.
//
// One thread, simdjson on demand, any order of fields; hash tables of its own. No program that does the job in general
// can be much faster, so it is the floor that others are held against.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "numbers.h"
#include "rows.h"
#include "simdjson.h"

namespace {

constexpr const char* CHANNELS[] = {"police", "hotline", "petition", "grid"};
enum { POLICE, HOTLINE, PETITION };
constexpr uint32_t HOUR = 3'600, DAY = 24 * HOUR, WEEK = 7 * DAY, LATENESS = 600;
constexpr int64_t NEVER = -(1LL << 60), ALWAYS = 1LL << 60;
constexpr size_t BLOCK = 1 << 19, LONGEST_LINE = 1 << 16;

struct Event {
  uint32_t at, caller;
  uint8_t channel, severity, id_length;
  char id[13];
};

struct Caller {
  struct Recent {
    uint32_t at, channel;
  };
  int64_t alerted_at = NEVER;
  std::vector<Recent> recent;  // from `oldest` on, those of the last 24 h
  uint32_t oldest = 0;
  // by severity: the latest hotline event, and the latest hotline event that a petition has followed; 0 is none
  std::unique_ptr<std::array<std::array<uint32_t, 6>, 2>> latest;
};

struct Cell {
  uint32_t events = 0, callers = 0, severity = 0;
};

struct Hour {
  Numbers<uint64_t> keys{256};  // region << 32 | category << 8 | channel
  Numbers<uint64_t> seen{1024};  // cell << 32 | caller
  std::vector<Cell> cells;
};

int number(const char* digits) { return (digits[0] - '0') * 10 + digits[1] - '0'; }

uint32_t days_since_1970(int year, int month, int day) {
  year -= month <= 2;
  int era = year / 400, of_era = year - era * 400;
  int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

// `2026-03-01T00:00:00+08:00` as seconds since 1970; the last day is remembered
uint32_t seconds(const char* time) {
  static char day[10];
  static uint32_t day_starts;
  if (std::memcmp(time, day, sizeof day) != 0) {
    std::memcpy(day, time, sizeof day);
    day_starts = days_since_1970(number(time) * 100 + number(time + 2), number(time + 5), number(time + 8)) * DAY;
  }
  uint32_t local = day_starts + number(time + 11) * HOUR + number(time + 14) * 60 + number(time + 17);
  uint32_t offset = number(time + 20) * HOUR + number(time + 23) * 60;
  return time[19] == '-' ? local + offset : local - offset;
}

uint64_t hexadecimal(const char* digits) {
  uint64_t value = 0;
  for (int at = 0; at < 16; at++) value = value << 4 | ((digits[at] & 15) + 9 * (digits[at] >> 6));
  return value;
}

// One file, read a block at a time.
class Channel {
 public:
  explicit Channel(const std::string& path) : file_(open(path.c_str(), O_RDONLY)) {
    block_.resize(BLOCK + LONGEST_LINE + simdjson::SIMDJSON_PADDING);
  }
  int64_t newest = NEVER;
  bool ended = false;

  // Whole lines, with room after them for the parser.
  std::string_view next() {
    std::memmove(block_.data(), block_.data() + used_, filled_ - used_);
    filled_ -= used_;
    ssize_t got = read(file_, block_.data() + filled_, BLOCK);
    if (got <= 0) {
      ended = true;
      newest = ALWAYS;
      got = 0;
    }
    filled_ += got;
    auto* last = static_cast<char*>(memrchr(block_.data(), '\n', filled_));
    used_ = last ? last - block_.data() + 1 : 0;
    return {block_.data(), used_};
  }
  size_t room(const char* from) const { return block_.data() + block_.size() - from; }

 private:
  int file_;
  std::vector<char> block_;
  size_t filled_ = 0, used_ = 0;
};

class Job {
 public:
  Job(const std::string& data, const std::string& out)
      : repeats_(out + "/o1"), escalations_(out + "/o2"), aggregates_(out + "/o3") {
    for (const char* name : CHANNELS) channels_.emplace_back(data + "/" + name + ".jsonl");
  }

  void run() {
    while (true) {
      int behind = -1;
      for (int each = 0; each < 4; each++)
        if (!channels_[each].ended && (behind < 0 || channels_[each].newest < channels_[behind].newest)) behind = each;
      if (behind < 0) break;
      take(behind);
      int64_t watermark = ALWAYS;
      for (const auto& channel : channels_) watermark = std::min(watermark, channel.newest);
      judge(watermark - LATENESS);
      close(watermark - LATENESS);
    }
  }

 private:
  void take(int number) {
    Channel& channel = channels_[number];
    std::string_view lines = channel.next();
    const char* end = lines.data() + lines.size();
    for (const char* line = lines.data(); line < end;) {
      auto* next = static_cast<const char*>(std::memchr(line, '\n', end - line));
      auto document = parser_.iterate(line, next - line, channel.room(line));
      simdjson::ondemand::object fields = document.get_object();
      take(number, fields);
      line = next + 1;
    }
  }

  void take(int channel, simdjson::ondemand::object& fields) {
    std::string_view id = fields["event_id"].get_string(), occurred_at = fields["occurred_at"].get_string(),
                     region = fields["region_code"].get_string(), category = fields["category"].get_string(),
                     token = fields["caller"].get_string();
    auto severity = static_cast<uint8_t>(int64_t(fields["severity"].get_int64()));
    Event event{seconds(occurred_at.data()), caller_of(token), uint8_t(channel), severity, uint8_t(id.size()), {}};
    std::memcpy(event.id, id.data(), std::min(id.size(), sizeof event.id));
    channels_[channel].newest = std::max(channels_[channel].newest, int64_t(event.at));
    waiting_.push_back(event);
    count(event, uint64_t(regions_(region)) << 32 | categories_(category) << 8 | channel);
  }

  uint32_t caller_of(std::string_view token) {
    uint32_t caller = tokens_(Token{hexadecimal(token.data()), hexadecimal(token.data() + 16)});
    if (caller == callers_.size()) callers_.emplace_back();
    return caller;
  }

  void count(const Event& event, uint64_t key) {
    auto& hour = hours_[event.at / HOUR];
    if (!hour) hour = std::make_unique<Hour>();
    uint32_t number = hour->keys(key);
    if (number == hour->cells.size()) hour->cells.emplace_back();
    Cell& cell = hour->cells[number];
    cell.events++;
    cell.severity = std::max<uint32_t>(cell.severity, event.severity);
    size_t seen = hour->seen.size();
    hour->seen(uint64_t(number) << 32 | event.caller);
    cell.callers += hour->seen.size() > seen;
  }

  void close(int64_t watermark) {
    while (!hours_.empty() && (int64_t(hours_.begin()->first) + 1) * HOUR <= watermark) {
      auto& [starts, hour] = *hours_.begin();
      for (uint32_t number = 0; number < hour->cells.size(); number++) {
        uint64_t key = hour->keys[number];
        const Cell& cell = hour->cells[number];
        aggregates_.add(
            regions_[key >> 32], CHANNELS[key & 255], categories_[key >> 8 & 0xffffff], starts, cell.events,
            cell.callers, cell.severity);
      }
      hours_.erase(hours_.begin());
    }
  }

  void judge(int64_t watermark) {
    std::sort(waiting_.begin(), waiting_.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
    size_t taken = 0;
    for (; taken < waiting_.size() && waiting_[taken].at <= watermark; taken++) {
      const Event& event = waiting_[taken];
      repeat(callers_[event.caller], event);
      escalation(callers_[event.caller], event);
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + taken);
  }

  void repeat(Caller& caller, const Event& event) {
    auto& recent = caller.recent;
    while (caller.oldest < recent.size() && recent[caller.oldest].at < event.at - DAY) caller.oldest++;
    if (caller.oldest > 16 && caller.oldest * 2 > recent.size()) {
      recent.erase(recent.begin(), recent.begin() + caller.oldest);
      caller.oldest = 0;
    }
    recent.push_back({event.at, event.channel});
    size_t events = recent.size() - caller.oldest;
    if (events < 3 || event.at - caller.alerted_at < DAY) return;
    uint32_t channels = 0;
    for (size_t each = caller.oldest; each < recent.size(); each++) channels |= 1U << recent[each].channel;
    if ((channels & (channels - 1)) == 0) return;
    caller.alerted_at = event.at;
    repeats_.add(tokens_[event.caller], std::string_view(event.id, event.id_length), event.at, events, channels);
  }

  void escalation(Caller& caller, const Event& event) {
    if (event.channel == HOTLINE) {
      if (!caller.latest) caller.latest = std::make_unique<std::array<std::array<uint32_t, 6>, 2>>();
      (*caller.latest)[0][event.severity] = event.at;
    } else if (event.channel == PETITION && caller.latest) {
      auto& [hotlines, starts] = *caller.latest;
      if (uint32_t start = best(hotlines, event)) starts[event.severity] = std::max(starts[event.severity], start);
    } else if (event.channel == POLICE && caller.latest) {
      if (uint32_t start = best((*caller.latest)[1], event)) {
        escalations_.add(tokens_[event.caller], std::string_view(event.id, event.id_length), event.at, start);
        caller.latest.reset();
      }
    }
  }

  // The latest of no greater severity within a week, or 0.
  static uint32_t best(const std::array<uint32_t, 6>& latest, const Event& event) {
    uint32_t found = *std::max_element(latest.begin() + 1, latest.begin() + event.severity + 1);
    return found + WEEK >= event.at ? found : 0;
  }

  std::vector<Channel> channels_;
  Rows repeats_, escalations_, aggregates_;
  simdjson::ondemand::parser parser_;
  Numbers<Token> tokens_{1 << 20};
  Numbers<std::string> regions_{4096}, categories_{4096};
  std::vector<Caller> callers_;
  std::vector<Event> waiting_;
  std::map<uint32_t, std::unique_ptr<Hour>> hours_;
};

}  // namespace

int main(int, char** arguments) { Job(arguments[1], arguments[2]).run(); }
