#include "pch.h"

uint32_t tally::xorshift(const Bytes& bytes)
{
    uint32_t state = 2463534242;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        state ^= bytes.data[i];
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
    }

    return state;
}
