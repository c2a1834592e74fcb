#include <cstdio>
#include <string>

#include "tally.h"

extern "C"
{
extern const char _binary_motto_txt_start[];
extern const char _binary_motto_txt_end[];
extern const uint32_t tally_seed;
}

int main()
{
    const std::string motto(_binary_motto_txt_start, _binary_motto_txt_end);
    const tally::Bytes bytes{reinterpret_cast<const uint8_t*>(motto.data()), static_cast<uint32_t>(motto.size())};
    uint32_t total = tally_seed;
    std::printf("%s", motto.c_str());
#define TALLY_PRINT(name) \
    std::printf("%-14s %u\n", #name, tally::name(bytes)); \
    total = total * 31 + tally::name(bytes);
    TALLY_METHODS(TALLY_PRINT)
    std::printf("total %u\n", total);
}
