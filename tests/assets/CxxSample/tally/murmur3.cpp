#include "pch.h"

uint32_t tally::murmur3(const Bytes& bytes)
{
    uint32_t hash = 0;
    for (uint32_t i = 0; i + 4 <= bytes.size; i += 4)
    {
        const uint8_t* p = bytes.data + i;
        uint32_t k = (p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24) * 0xCC9E2D51;
        k = (k << 15 | k >> 17) * 0x1B873593;
        hash ^= k;
        hash = (hash << 13 | hash >> 19) * 5 + 0xE6546B64;
    }

    hash ^= bytes.size;
    hash = (hash ^ hash >> 16) * 0x85EBCA6B;
    hash = (hash ^ hash >> 13) * 0xC2B2AE35;
    return hash ^ hash >> 16;
}
