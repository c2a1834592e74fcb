#include <cstdio>

#include "lib/stock.h"

extern const char kStock[];

int main() {
  for (const auto& item : CountStock(kStock)) std::printf("%s %d\n", item.first.c_str(), item.second);
  return 0;
}
