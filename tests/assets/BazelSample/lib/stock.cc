#include "lib/stock.h"

#include <stdexcept>

#include "lib/text.h"

std::map<std::string, int> CountStock(const std::string& lines) {
  std::map<std::string, int> stock;
  for (const std::string& line : Split(lines, '\n')) {
    if (line.empty()) continue;
    const auto parts = Split(line, ',');
    if (parts.size() != 2) throw std::invalid_argument(line);
    stock[parts[0]] += std::stoi(parts[1]);
  }
  return stock;
}
