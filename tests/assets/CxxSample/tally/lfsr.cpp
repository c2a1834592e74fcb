#include "pch.h"

uint32_t tally::lfsr(const Bytes& bytes)
{
    uint32_t state = 0xACE1;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        state ^= bytes.data[i];
        uint32_t bit = (state ^ state >> 2 ^ state >> 3 ^ state >> 5) & 1;
        state = state >> 1 | bit << 15;
    }

    return state;
}
