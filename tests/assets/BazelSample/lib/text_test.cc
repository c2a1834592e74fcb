#include "lib/text.h"

#include <cstdio>

int main() {
  const std::vector<std::string> expected = {"a", "", "b"};
  if (Split("a,,b", ',') != expected || Split("", ',').size() != 1) {
    std::fprintf(stderr, "Split is wrong\n");
    return 1;
  }
  std::puts("Split is right");
  return 0;
}
